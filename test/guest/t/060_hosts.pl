# Two hosts that see the same storage over NFS, each by a mount of its own: a copy that one has begun is gone on with by the
# other, and the first one, stopped meanwhile, writes nothing when it goes on.
use strict;
use warnings;
use Guest;
BEGIN { $ENV{VMCLONE_COPY} = copier() }
use lib 'test/copy';
use CopyTest qw(request start_copier family);
use Test::More;
use Time::HiRes qw(time);

my $size = 24 << 20;

# The arguments of a copy as the host sees it, which has the domain there.
sub copy_at
{
	my ($path, $claim, @more) = @_;
	return ('copy', '--root', $path, '--layer', "raw:$path/hosts.raw", '--output', "raw:$path/hosts.copy", '--resume', "$path/hosts.record",
		'--claim', $claim, qw(--progress json --no-reflink), @more);
}

sub serve
{
	my ($path, @arguments) = @_;
	my $run = start_copier('serve', '--root', $path);
	$run->wait_for(sub { $_->{event} eq 'ready' }, 120) or die 'serve is not ready';
	$run->send(request(@arguments));
	return $run;
}

# A copy that has a checkpoint.
sub begin
{
	my ($path, @lease) = @_;
	my $run = serve($path, @lease, copy_at($path, 1, qw(--limit 1M)));
	$run->wait_for(sub { ($_->{checkpoint} // 0) > 1 << 20 }, 300) or die 'no checkpoint: ' . join ' ', map { $_->{event} . ($_->{message} // '') } @{ $run->{events} };
	return $run;
}

foreach my $mount (@nfs)
{
	my $version = $mount->{version};
	my $first   = $mount->{path};
	my $second  = "$first-second";
	my $what    = "NFS $version";

	as_root('mkdir', '-p', $second);
	as_root('mount', '-t', 'nfs', '-o', "vers=$version,nosharecache,noac" . ($version eq '3' ? ',nolock' : ''), "127.0.0.1:$mount->{server}", $second);
	run('qemu-img', 'create', '-q', '-f', 'raw', "$first/hosts.raw", $size);
	run('qemu-io', '-f', 'raw', '-c', "write -q -P 5 0 $size", "$first/hosts.raw");
	isnt((stat $first)[0], (stat $second)[0], "$what: two mounts, two devices");

	# killed here, gone on with there
	my $run = begin($first);
	kill 'KILL', reverse family($run->{pid});
	$run->finish(60);
	$run = serve($second, copy_at($second, 2));
	my ($code, $err) = $run->finish(300);
	my ($done) = grep { $_->{event} eq 'done' } @{ $run->{events} };
	is($code, 0, "$what: another host goes on") or diag $err;
	cmp_ok($done->{bytes_again}, '<', 8 << 20, "$what: $done->{bytes_again} of $size bytes twice");
	is((try_run('cmp', "$mount->{server}/hosts.raw", "$mount->{server}/hosts.copy"))[0], 0, "$what: exact on the server");
	is(join(' ', glob "$mount->{server}/hosts*record*"), '', "$what: no record is left");
	unlink "$first/hosts.copy";

	# stopped here longer than the lease, done there, and both go on
	$run = begin($first, qw(--lease 60));
	my @stopped = family($run->{pid});
	kill 'STOP', @stopped;
	my $since = time;
	my $other = serve($second, copy_at($second, 2));
	($code, $err) = $other->finish(300);
	my ($busy) = grep { ($_->{kind} // '') eq 'busy' } @{ $other->{events} };
	if ($version eq '3')
	{
		# without locks between hosts the lease alone keeps the two apart
		is($code, 0, "$what: without locks the other one goes on");
	}
	else
	{
		ok($busy, "$what: as long as the first one lives, its locks keep the other one off") or diag "$code $err";
	}
	sleep 1 while time < $since + 61;
	my $before = run('sh', '-c', "cd $mount->{server} && sha256sum hosts*");
	kill 'CONT', @stopped;
	is(($run->finish(120))[0], 4, "$what: the first one ends when it goes on");
	is(run('sh', '-c', "cd $mount->{server} && sha256sum hosts*"), $before, "$what: and has written nothing");
	if ($version ne '3')
	{
		$other = serve($second, copy_at($second, 3));
		is(($other->finish(300))[0], 0, "$what: then the other one goes on");
	}
	is((try_run('cmp', "$mount->{server}/hosts.raw", "$mount->{server}/hosts.copy"))[0], 0, "$what: exact");
	as_root('umount', $second);
	unlink glob "$first/hosts*";
}
done_testing();
