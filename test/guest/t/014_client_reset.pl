# A client of NFS 3 that is reset in mid copy: a machine of its own for the server, cut off and thrown away.  The copy goes on from
# its checkpoint on another machine; no name of a removed file is left.
use strict;
use warnings;
use Guest;
use IPC::Run ();
use Test::More;
use VmcloneCluster;

my $copier = copier();
my ($path, $server) = @{ $nfs[0] }{qw(path server)};
my ($disk, $image) = qw(11111111-2222-4333-8444-555555555555 99999999-8888-4777-8666-555555555555);
my @names = ('--disk', $disk, '--image', $image);
my $part = "domain/images/$disk/$image.part";

second_machine();
as_root(qw(nsenter --net=/run/netns/second mount -t nfs -o), 'vers=3,nolock', "10.9.9.1:$server", '/rhev/second');
mkdir '/rhev/second/domain';
run($copier, qw(volume create --root /rhev/second/domain), @names, qw(--domain 7b5e0f5e-1111-4222-8333-944444444444 --size 16777216
	--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA));
run('qemu-img', 'create', '-q', '-f', 'raw', "$path/layer.raw", '16M');
run('qemu-io', '-f', 'raw', '-c', 'write -q -P 7 0 12M', "$path/layer.raw");
my $copy = IPC::Run::start([ $copier, qw(copy --layer raw:/rhev/second/layer.raw --output), "raw:/rhev/second/$part", '--resume', "/rhev/second/$part.resume", qw(--limit 1000000) ],
	'<', \undef, '>', '/dev/null', '2>', '/dev/null');
for (1 .. 100)
{
	last if -s "$server/$part.resume";
	select undef, undef, undef, 0.2;
}
as_root(qw(ip link set to_second down));
$copy->signal('KILL');
# what still waits for the server gets an error instead
as_root(qw(umount -f -l /rhev/second));
eval { $copy->finish };
ok(-s "$server/$part.resume", 'a checkpoint is there');

my ($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$path/layer.raw", '--output', "raw:$path/$part", '--resume', "$path/$part.resume");
is($code, 0, 'another machine goes on') or diag $err;
run($copier, qw(volume commit --root), "$path/domain", @names);
is((try_run('cmp', "$path/layer.raw", "$path/domain/images/$disk/$image"))[0], 0, 'exact');
is(join(' ', map { s{.*/}{}r } sort split /\n/, run('find', "$server/domain/images", '-type', 'f')), "$image $image.lease $image.meta", 'nothing else is there');
run($copier, qw(volume remove --root), "$path/domain", @names);
as_root(qw(ip netns del second));
run('rm', '-rf', "$server/domain", "$server/layer.raw");
done_testing();
