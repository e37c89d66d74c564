# A client that is reset in mid copy, on each NFS version: a machine of its own for the server, cut off and never heard of again while the
# test looks.  The copy goes on from its checkpoint on another machine, on version 4 as soon as the server has given up the locks of
# the first one, a lease after its last word; no name of a removed file is left.
use strict;
use warnings;
use Guest;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(sleep time);
use VmcloneCluster;

my $copier = copier();
my ($disk, $image) = qw(11111111-2222-4333-8444-555555555555 99999999-8888-4777-8666-555555555555);
my @names = ('--disk', $disk, '--image', $image);
my @volume = qw(--domain 7b5e0f5e-1111-4222-8333-944444444444 --size 8388608 --format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA);
my $part = "domain/images/$disk/$image.part";

second_machine();
foreach my $mount (@nfs)
{
	my ($version, $path, $server) = @$mount{qw(version path server)};
	my $what = "NFS $version";

	as_root(qw(nsenter --net=/run/netns/second mount -t nfs -o), "vers=$version" . ($version eq '3' ? ',nolock' : ''), "10.9.9.1:$server", '/rhev/second');
	mkdir '/rhev/second/domain';
	run($copier, qw(volume create --root /rhev/second/domain), @names, @volume);
	run('qemu-img', 'create', '-q', '-f', 'raw', "$path/layer.raw", '8M');
	run('qemu-io', '-f', 'raw', '-c', 'write -q -P 7 0 6M', "$path/layer.raw");
	my $copy = IPC::Run::start([ $copier, qw(copy --layer raw:/rhev/second/layer.raw --output), "raw:/rhev/second/$part", '--resume', "/rhev/second/$part.resume", qw(--no-reflink --limit 1000000) ],
		'<', \undef, '>', '/dev/null', '2>', '/dev/null');
	for (1 .. 100)
	{
		last if -s "$server/$part.resume";
		sleep 0.2;
	}
	as_root(qw(ip link set to_second down));
	# a machine that is reset says nothing more; here the kernel would go on for the process, which on version 4 has locks to give back
	# and waits for the server to take them
	my $cut = time;
	$copy->signal('KILL');
	ok(-e "$server/$part.resume", "$what: cut off when there is a record");

	my ($code, $out, $err, $refused);
	for (1 .. 60)
	{
		# as the worker begins each attempt: what was cut off before the record said anything of the copy goes
		($code, $out, $err) = try_run($copier, qw(volume create --root), "$path/domain", @names, @volume);
		($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$path/layer.raw", '--output', "raw:$path/$part", '--resume', "$path/$part.resume") if $code == 0;
		last if "$out$err" !~ /in use by another|locked/;
		$refused = "$out$err";
		sleep 1;
	}
	is($code, 0, "$what: another machine goes on") or diag "$out$err";
	note sprintf '%s: %.0f s after the link went down', $what, time - $cut;
	if ($version eq '3')
	{
		is($refused, undef, "$what: at once, as there are no locks between machines");
	}
	else
	{
		like($refused // '', qr/in use by another|locked/, "$what: not before the locks of the first one are gone");
	}
	run($copier, qw(volume commit --root), "$path/domain", @names);
	is((try_run('cmp', "$path/layer.raw", "$path/domain/images/$disk/$image"))[0], 0, "$what: exact");

	# the link is back, and with it what the first machine's kernel had not got rid of
	as_root(qw(ip link set to_second up));
	eval { $copy->finish };
	as_root(qw(umount /rhev/second));
	is((try_run('cmp', "$server/layer.raw", "$server/domain/images/$disk/$image"))[0], 0, "$what: exact when the first machine is back");
	is(join(' ', map { s{.*/}{}r } sort split /\n/, run('find', "$server/domain/images", '-type', 'f')), "$image $image.lease $image.meta", "$what: nothing else is there");
	run($copier, qw(volume remove --root), "$path/domain", @names);
	run('rm', '-rf', "$server/domain", "$server/layer.raw");
}
as_root(qw(ip netns del second));
done_testing();
