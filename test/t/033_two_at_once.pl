# Two things at once: what one copier's end, a person's word and the limits mean for each other.  A program in the copier's
# place stops it where the test wants, or ends it with an error of the test's choice.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use VmcloneCluster;

my $node = VmcloneCluster->start_new('twice', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { writes => 40 }, { writes => 40 } ]);
my $small = $node->make_vm(name => 'web02', snapshots => 3, disks => [ { writes => 60 } ]);
my ($snapshot, $small_snapshot) = ($vm->{snapshots}[1], $small->{snapshots}[1]);
my $signs = $node->basedir . '/signs';

# A sign "hold_STEP" keeps that step from starting while it is there, "fail_STEP" and "talk_STEP" have it fail with the line
# in "line", or talk for ever.  A sign holds the id of an image that the step must name, or nothing.
mkdir $signs or die "mkdir: $!";
$node->wrap_copier("$signs/copier", <<"SH");
step=\$1
[ "\$step" = volume ] && step=\$2
said="\$*"
sign() { [ -e "$signs/\$1" ] && [[ "\$said" == *"\$(cat "$signs/\$1")"* ]]; }
while sign hold_\$step; do kill -0 \$PPID || exit 1; sleep 0.05; done
if sign fail_\$step; then cat "$signs/line"; exit 1; fi
if sign talk_\$step; then exec yes '{ no JSON'; fi
SH

sub put
{
	my ($name, $text) = @_;

	open my $file, '>', "$signs/$name.new" or die "open: $!";
	print $file $text // '';
	close $file or die "close: $!";
	rename "$signs/$name.new", "$signs/$name" or die "rename: $!";
	return;
}

sub take
{
	unlink "$signs/$_[0]" or die "unlink: $!";
	return;
}

# the next copies, of this image or any, end so
sub fail_copy
{
	my ($kind, $image) = @_;

	put('line', qq({"event":"error","kind":"$kind","message":"as the test wants it"}\n));
	put('fail_copy', $image);
	return;
}

sub sql { return $node->safe_psql('postgres', $_[0]); }

# control functions for jobs
sub control
{
	my ($what, @jobs) = @_;

	sql(join(';', map { "SELECT vmclone.${what}_job('$_->{job_id}')" } @jobs));
	return;
}

sub job_is
{
	my ($job, $condition, $test) = @_;
	return ok($node->poll_query_until('postgres', "SELECT $condition FROM vmclone.jobs j WHERE job_id = '$job->{job_id}'"), $test);
}

sub image { return $node->value("SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$_[0]->{job_id}' AND disk_number = $_[1]"); }

# until something has been copied
sub copies
{
	foreach my $job (@_)
	{
		$node->poll_query_until('postgres', "SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
		  or die "job $job->{job_id} copies nothing";
	}
	return;
}

sub task_is
{
	my ($job, $number, $condition) = @_;

	$node->poll_query_until('postgres', "SELECT $condition FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND disk_number = $number")
	  or die "disk $number of job $job->{job_id} is not: $condition";
	return;
}

# one disk's error is for a person, another disk's one for waiting
my $job = $node->clone($snapshot, vm_name => 'held', on_failure => 'hold', start_paused => 'true');
put('hold_copy', image($job, 2));
fail_copy('refused', image($job, 1));
control('resume', $job);
is($node->wait_for_status($job->{job_id}, 'held'), 'held', 'a job is held for its first disk');
fail_copy('no_space', image($job, 2));
take('hold_copy');
task_is($job, 2, "error_kind = 'no_space' AND status = 'init'");
is($node->wait_for_status($job->{job_id}, 'held'), 'held', 'it stays so when its second disk would wait');
take('fail_copy');
control('retry', $job);
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and retry_job goes on with both');
is($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), '', 'with nothing to complain of');

# a cancel, and an error that the worker sees first
foreach my $kind (qw(refused no_space))
{
	$job = $node->clone($small_snapshot, vm_name => "cancelled_$kind", on_failure => 'hold', start_paused => 'true');
	put('hold_copy');
	fail_copy($kind);
	control('resume', $job);
	task_is($job, 1, "phase = 'starting'");
	my $worker = $node->value('SELECT pid FROM vmclone.worker');
	kill 'STOP', $worker;
	take('hold_copy');
	sleep 0.5;
	control('cancel', $job);
	kill 'CONT', $worker;
	is($node->wait_for_status($job->{job_id}, qw(cancelled held)), 'cancelled', "a cancel is not lost by an error ($kind)");
	is($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'cancelled by postgres', 'nor is who wanted it');
	take('fail_copy');
}

# a worker that starts while somebody holds the table of tasks
$job = $node->clone($small_snapshot, vm_name => 'orphan', bandwidth_limit => 200_000);
copies($job);
my $worker = $node->value('SELECT pid FROM vmclone.worker');
sql("SELECT vmclone.alter_job('$job->{job_id}', bandwidth_limit => 0), pg_terminate_backend($worker)");
my $session = $node->background_psql('postgres');
my $logged = -s $node->logfile;
$session->query_safe('BEGIN; LOCK TABLE vmclone.async_tasks IN SHARE ROW EXCLUSIVE MODE');
ok($node->wait_for_log(qr/canceling statement due to lock timeout.*\n.*async_tasks SET status = 'init'/), 'a new worker can not yet take over the tasks');
sleep 4;
is(scalar(() = substr(PostgreSQL::Test::Utils::slurp_file($node->logfile), $logged) =~ /due to lock timeout/g), 1, 'and says so once');
$session->query_safe('COMMIT');
$session->quit;
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it does so later');

# a worker that dies when the copy is finished, and not its commit
foreach my $linked (0, 1)
{
	$job = $node->clone($small_snapshot, vm_name => "finished$linked", start_paused => 'true');
	put('hold_commit');
	control('resume', $job);
	task_is($job, 1, "phase = 'committing'");
	$worker = $node->kill_worker;
	$node->poll_query_until('postgres', "SELECT coalesce(pid <> $worker, false) FROM vmclone.worker") or die 'no new worker';
	if ($linked)
	{
		my ($file) = map { $_->{path} } $node->disk_files($job->{vm_id});

		link "$file.part", $file or die "link: $!";
	}
	take('hold_commit');
	my $when = $linked ? 'in the commit' : 'before the commit';
	is($node->wait_for_job($job->{job_id}), 'succeeded', "a worker killed $when: the job succeeds");
	$node->images_equal($job->{vm_id}, $small, 1, "a worker killed $when: the disk is exact");
}

# waiting, paused for longer than wait_limit
sql('ALTER SYSTEM SET vmclone.wait_limit = 2');
$node->reload;
$job = $node->clone($small_snapshot, vm_name => 'rested', start_paused => 'true');
fail_copy('no_space');
control('resume', $job);
is($node->wait_for_status($job->{job_id}, 'waiting'), 'waiting', 'a job waits');
control('pause', $job);
is($node->wait_for_status($job->{job_id}, 'paused'), 'paused', 'and is paused');
sleep 2.5;
control('resume', $job);
job_is($job, "status IN ('waiting', 'failed') AND reason IS NOT NULL AND waiting_since > now() - interval '2 s'", 'time paused is no time waited');
take('fail_copy');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it succeeds');
sql('ALTER SYSTEM RESET vmclone.wait_limit');
$node->reload;

# what a job waited for is no longer told when it copies again
$job = $node->clone($snapshot, vm_name => 'well', start_paused => 'true');
fail_copy('no_space');
control('resume', $job);
job_is($job, "status = 'waiting' AND reason ~ 'as the test wants it'", 'a job says why it waits');
put('hold_commit', image($job, 2));
take('fail_copy');
control('retry', $job);
task_is($job, 1, "result = 'success'");
job_is($job, "status = 'running' AND reason IS NULL", 'and no more when it has gone on');
take('hold_commit');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it succeeds');

# the first of several copies is cancelled when another one is about to read its image
my ($one, $two) = $node->rows("SELECT * FROM vmclone.add_vm_from_snapshot('$small_snapshot', 'several{n}', copies => 2, start_paused => true)");
put('hold_create', image($two, 1));
control('resume', $one, $two);
is($node->wait_for_status($one->{job_id}, 'finishing'), 'finishing', 'the first copy has its image');
task_is($two, 1, "phase = 'creating'");
control('cancel', $one);
is($node->wait_for_job($one->{job_id}), 'cancelled', 'and is cancelled');
take('hold_create');
is($node->wait_for_job($two->{job_id}), 'succeeded', 'the second one reads the chain');
$node->images_equal($two->{vm_id}, $small, 1, 'and is exact');

# paused copiers don't count, those that go on do
sub clone_slowly { return $node->clone($small_snapshot, vm_name => $_[0], lock_mode => 'shared', bandwidth_limit => 200_000); }
foreach my $limit ('max_parallel_copies', 'max_copies')
{
	my $domain = $small->{domain};

	if ($limit eq 'max_copies')
	{
		sql("SELECT vmclone.attach_storage_domain('$domain', '$small->{path}', max_copies => 2); ALTER SYSTEM SET vmclone.max_parallel_copies = 8");
		$node->reload;
	}
	my @paused = map { clone_slowly("${limit}_$_") } 1 .. 2;
	copies(@paused);
	control('pause', @paused);
	$node->wait_for_status($_->{job_id}, 'paused') foreach @paused;
	my @others = map { clone_slowly("${limit}_$_") } 3 .. 5;
	copies(@others[ 0, 1 ]);
	pass("$limit: paused copiers make room for others");
	control('resume', @paused);
	$node->wait_for_status($_->{job_id}, 'running') foreach @paused;
	my $most = 0;
	foreach (1 .. 15)
	{
		sleep 0.2;
		my $now = $node->value("SELECT count(*) FROM vmclone.progress WHERE status = 'running' AND phase <> 'paused'");
		$most = $now if $now > $most;
	}
	is($most, 2, "$limit: never more than that run at once");
	control('cancel', @others);
	copies(@paused);
	sql("SELECT vmclone.alter_job('$_->{job_id}', bandwidth_limit => 0)") foreach @paused;
	is($node->wait_for_job($_->{job_id}), 'succeeded', "$limit: a resumed job goes on when there is room") foreach @paused;
	$node->wait_for_job($_->{job_id}) foreach @others;
}
sql("SELECT vmclone.attach_storage_domain('$small->{domain}', '$small->{path}'); ALTER SYSTEM RESET vmclone.max_parallel_copies");
$node->reload;

# a copier that says whatever it likes, without an end
$job = $node->clone($small_snapshot, vm_name => 'talking', lock_mode => 'shared', start_paused => 'true');
my $other = $node->clone($small_snapshot, vm_name => 'quiet', lock_mode => 'shared', start_paused => 'true');
put('talk_copy', image($job, 1));
control('resume', $job);
task_is($job, 1, "phase = 'starting'");
$worker = $node->value('SELECT pid FROM vmclone.worker');
sub memory { return (PostgreSQL::Test::Utils::slurp_file("/proc/$worker/status") =~ /RssAnon:\s+(\d+)/)[0]; }
my $before = memory();
control('resume', $other);
is($node->wait_for_job($other->{job_id}), 'succeeded', 'a copier that never stops to talk hinders no other one');
sleep 2;
cmp_ok(memory() - $before, '<', 8192, 'nor does the worker remember all of it');
control('cancel', $job);
is($node->wait_for_job($job->{job_id}), 'cancelled', 'and it is cancelled');
take('talk_copy');

is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing stays locked');
$node->stop;
done_testing();
