
=head1 NAME

Guest - what the tests of the storage guest share (test/guest/services makes what they find there)

=cut

package Guest;

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use IPC::Run ();
use VmcloneCluster;

our @EXPORT = qw(@nfs as_root run try_run copier copier_arguments nfs_domain logical_volume data_bytes second_machine wait_until);

=head2 @nfs

The mounts of the NFS server: { version, path, server }; server is the same folder as the server itself sees it.

=cut

our @nfs = map { { version => $_->[0], path => "/rhev/nfs$_->[1]", server => "/srv/nfs/v$_->[1]" } }
  ([ '3', '3' ], [ '4.0', '40' ], [ '4.1', '41' ], [ '4.2', '42' ]);

=head2 try_run(@command), run(@command), as_root(@command)

Runs a command: (exit status or 256 + signal, stdout, stderr).  The other two die if it fails and return what it wrote.

=cut

sub try_run
{
	my (@command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err);
	return ($? & 127 ? 256 + ($? & 127) : $? >> 8, $out, $err);
}

sub run
{
	my (@command) = @_;
	my ($code, $out, $err) = try_run(@command);

	die "@command: exit $code\n$out$err" if $code != 0;
	chomp $out;
	return $out;
}

sub as_root
{
	return run('sudo', '-n', @_);
}

=head2 copier, copier_arguments(@layers)

The installed vmclone-copy; C<--layer> options of [ format, path ] pairs.

=cut

sub copier
{
	my $bindir = run($ENV{PG_CONFIG} || 'pg_config', '--bindir');

	return "$ENV{VMCLONE_INSTALLED}$bindir/vmclone-copy";
}

sub copier_arguments
{
	return map { ('--layer', "$_->[0]:$_->[1]") } @_;
}

=head2 nfs_domain($node, $mount)

Makes a storage domain on one of @nfs, its rows like those of the fixture's nfs2, and attaches it.  Its name is that of the
mount's folder.  Returns its path.

=cut

sub nfs_domain
{
	my ($node, $mount) = @_;
	my ($name) = $mount->{path} =~ m{([^/]+)$};

	my $id = $node->value(<<"SQL");
SET search_path = vmclone;
INSERT INTO storage_domain_static SELECT (jsonb_populate_record(s, jsonb_build_object('id', fixture.id('$name'),
	'storage', fixture.id('connection $name'), 'storage_name', '$name'))).* FROM storage_domain_static s WHERE storage_name = 'nfs2';
INSERT INTO storage_domain_dynamic SELECT (jsonb_populate_record(d, jsonb_build_object('id', fixture.id('$name')))).*
	FROM storage_domain_dynamic d WHERE id = fixture.id('nfs2');
INSERT INTO storage_pool_iso_map SELECT (jsonb_populate_record(m, jsonb_build_object('storage_id', fixture.id('$name')))).*
	FROM storage_pool_iso_map m WHERE storage_id = fixture.id('nfs2');
INSERT INTO disk_profiles SELECT (jsonb_populate_record(p, jsonb_build_object('id', fixture.id('profile $name'), 'name', '$name',
	'storage_domain_id', fixture.id('$name')))).* FROM disk_profiles p WHERE storage_domain_id = fixture.id('nfs2');
SELECT fixture.id('$name');
SQL
	# of an earlier test, whose database is gone
	as_root('rm', '-rf', "$mount->{path}/$id");
	return $node->make_domain($id, "$mount->{path}/$id");
}

=head2 second_machine

Makes a network namespace "second", a machine of its own for the NFS server, which link "to_second" leads to; the server
lets it in.  C<as_root(qw(nsenter --net=/run/netns/second mount -t nfs ...))> mounts 10.9.9.1:/srv/nfs/... as that machine.

=cut

sub second_machine
{
	as_root(@$_) foreach (
		[qw(ip netns add second)],
		[qw(ip link add to_second type veth peer name eth0 netns second)],
		[qw(ip addr add 10.9.9.1/24 dev to_second)],
		[qw(ip link set to_second up)],
		[qw(ip netns exec second ip addr add 10.9.9.2/24 dev eth0)],
		[qw(ip netns exec second ip link set eth0 up)],
		# both have one host name, and would be one client with one state
		[qw(ip netns exec second sh -c), 'echo second >/sys/fs/nfs/net/nfs_client/identifier'],
		['exportfs', '-o', 'rw,sync,no_subtree_check,no_root_squash,fsid=1', '10.9.9.0/24:/srv/nfs'],
		[qw(mkdir -p /rhev/second)]);
	return;
}

=head2 logical_volume($name, $mebibytes)

Makes a logical volume in group iscsi that user postgres may use.  Returns its path.

=cut

sub logical_volume
{
	my ($name, $mebibytes) = @_;

	as_root('lvcreate', '-q', '-y', '-Wy', '-n', $name, '-L', "${mebibytes}m", 'iscsi');
	as_root('udevadm', 'settle');
	as_root('chown', '-L', 'postgres', "/dev/iscsi/$name");
	return "/dev/iscsi/$name";
}

=head2 data_bytes($path)

Bytes that a file takes on its file system.

=cut

sub data_bytes
{
	my ($path) = @_;

	return (stat $path)[12] * 512;
}

=head2 wait_until($node, $condition)

Until the query after SELECT is true, at most five minutes.  In one session: in an emulated guest each new one takes a second.

=cut

sub wait_until
{
	my ($node, $condition) = @_;

	$node->safe_psql('postgres', <<"SQL", timeout => 700);
SET client_min_messages = error;
DO \$\$
BEGIN
	FOR i IN 1 .. 3000 LOOP
		IF ($condition) THEN
			RETURN;
		END IF;
		COMMIT;
		PERFORM pg_sleep(0.1);
	END LOOP;
	RAISE 'not so: %', (SELECT jsonb_agg(t) FROM vmclone.progress t);
END \$\$
SQL
	return;
}

1;
