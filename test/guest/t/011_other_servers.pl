# Servers that don't copy though their clients can ask them to: NFS 4.2 of a server without COPY, CIFS.  There
# copy_file_range would go through this machine and fill every hole, so threads copy, and a sparse disk stays sparse.
use strict;
use warnings;
use Guest;
use Test::More;
use VmcloneCluster;

my $copier = copier();
my $folder = PostgreSQL::Test::Utils::tempdir();

sub config_file
{
	my ($name, $text) = @_;

	PostgreSQL::Test::Utils::append_to_file("$folder/$name", $text);
	return "$folder/$name";
}

# when it answers
sub mount_when_there
{
	my (@mount) = @_;
	my ($code, $out, $err);

	for (1 .. 20)
	{
		($code, $out, $err) = try_run('sudo', '-n', 'mount', @mount);
		return if $code == 0;
		select undef, undef, undef, 1;
	}
	die "mount @mount: $err";
}

my $ganesha = config_file('ganesha.conf', <<'CONF');
NFS_CORE_PARAM { NFS_Port = 2050; MNT_Port = 20050; Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; fsid_device = true; }
NFSV4 { Graceless = true; Minor_Versions = 2; }
EXPORT { Export_Id = 7; Path = /srv/nfs/ganesha; Pseudo = /ganesha; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }
CONF
my $samba = config_file('smb.conf', <<"CONF");
[global]
private dir = /run/samba
lock directory = /run/samba
state directory = /run/samba
cache directory = /run/samba
pid directory = /run/samba
log file = /run/samba/log
disable netbios = yes
bind interfaces only = yes
interfaces = lo
smb ports = 445
load printers = no
[domain]
path = /srv/nfs/samba
read only = no
CONF

as_root('mkdir', '-p', map { ("/srv/nfs/$_", "/rhev/$_", "/run/$_") } qw(ganesha samba));
as_root('chown', 'postgres:', map { "/srv/nfs/$_" } qw(ganesha samba));
as_root('ganesha.nfsd', '-f', $ganesha, '-L', "$folder/ganesha.log", '-p', "$folder/ganesha.pid");
as_root('sh', '-c', "printf 'secret\\nsecret\\n' | smbpasswd -c $samba -a -s postgres");
as_root('smbd', '-D', '-s', $samba);
as_root('modprobe', 'cifs');
mount_when_there('-t', 'nfs', '-o', 'vers=4.2,port=2050', '127.0.0.1:/ganesha', '/rhev/ganesha');
mount_when_there('-t', 'cifs', '-o', 'username=postgres,password=secret,vers=3.1.1,uid=postgres,gid=postgres', '//127.0.0.1/domain', '/rhev/samba');
like(run('findmnt', '-no', 'OPTIONS', '/rhev/ganesha'), qr/\bvers=4\.2\b/, 'NFS 4.2 of a server in user space is mounted');
is(run('findmnt', '-no', 'FSTYPE', '/rhev/samba'), 'cifs', 'CIFS is mounted');

foreach my $name (qw(ganesha samba))
{
	my ($base, $copy) = map { "/rhev/$name/sparse.$_" } qw(raw copy);

	run('qemu-img', 'create', '-q', '-f', 'raw', $base, '32M');
	run('qemu-io', '-f', 'raw', '-c', 'write -q -P 7 8M 1M', '-c', 'write -q -P 8 20M 1M', $base);
	foreach my $options ([], ['--no-reflink'])
	{
		my ($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$base", '--output', "raw:$copy", @$options, '--progress', 'json');
		is($code, 0, "$name: a sparse copy @$options") or diag $err;
		is((try_run('cmp', $base, $copy))[0], 0, "$name: exact");
		run('sync', '-f', $copy);
		cmp_ok(data_bytes("/srv/nfs/$name/sparse.copy"), '<', 4 << 20, "$name: it takes what it holds");
		my ($method) = $out =~ /"event":"done".*"method":"([^"]+)"/;
		like($method, qr/^threads/, "$name: by threads");
		unlink $copy;
	}
	is(join(' ', map { s{.*/}{}r } glob "/srv/nfs/$name/{.*,}sparse*"), 'sparse.raw', "$name: nothing else is left");
	unlink $base;
	as_root('umount', "/rhev/$name");
}
as_root('kill', map { PostgreSQL::Test::Utils::slurp_file($_) =~ /(\d+)/ } "$folder/ganesha.pid", "/run/samba/smbd.pid");
done_testing();
