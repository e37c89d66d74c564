# What people see of a job is true: while it copies, when its copier stands still, when no worker lives, while it waits, when
# it goes on, while it is verified; for every role that may look.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('progress', preload => 0, conf => <<'CONF');
vmclone.retry_delay = '200ms'
vmclone.storage_timeout = '3s'
CONF
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 120 } ]);
my ($snapshot, $path) = ($vm->{snapshots}[1], $vm->{path});

sub becomes
{
	my ($job, $view, $condition, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT $condition FROM vmclone.$view WHERE job_id = '$job->{job_id}'"), $what)
	  or diag(explain $node->rows("SELECT * FROM vmclone.$view WHERE job_id = '$job->{job_id}'"));
}

my $job = $node->clone($snapshot, vm_name => 'seen', bandwidth_limit => 400_000);
becomes($job, 'progress', "phase = 'data' AND bytes_done > 0 AND rate > 0 AND eta > interval '0'", 'a copy has a rate and a time left');
becomes($job, 'jobs_view', "rate > 0 AND eta > interval '0'", 'and so has its job');
becomes($job, 'progress', "clock_timestamp() - last_progress_at < interval '5 s' AND advice IS NULL", 'its progress is dated');

# every role
$node->safe_psql('postgres', q{CREATE ROLE looker LOGIN; SELECT vmclone.grant_viewer('looker')});
is($node->value('SET SESSION AUTHORIZATION looker; SELECT (pid, activity, started_at)::text FROM vmclone.worker'),
	$node->value('SELECT (pid, activity, started_at)::text FROM vmclone.worker'), 'view worker tells a viewer what it tells a superuser');
is($node->value('SET SESSION AUTHORIZATION looker; SELECT pid FROM vmclone.worker'),
	$node->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'vmclone worker'"), 'and it is the worker that runs');

# a copier that stands still
my ($copier) = $node->copiers;
kill 'STOP', $copier;
becomes($job, 'progress', "rate IS NULL AND eta IS NULL AND status = 'running'", 'a copier that is stopped has no rate');
becomes($job, 'progress', "advice LIKE 'no progress since % see whether storage domain % answers %'", 'and after storage_timeout there is advice');
becomes($job, 'jobs_view', "rate IS NULL AND eta IS NULL AND advice LIKE 'no progress since %'", 'in jobs_view too');
ok($node->poll_query_until('postgres', "SELECT tasks_stalled = 1 AND advice LIKE 'copies make no progress%' FROM vmclone.worker"),
	'and in view worker');
kill 'CONT', $copier;
becomes($job, 'progress', 'rate > 0 AND advice IS NULL', 'it goes on, and nothing is to be looked after');

# no worker
my $worker = $node->value('SELECT pid FROM vmclone.worker');
$node->terminate($worker);
my $row = $node->row("SELECT rate, eta, advice, (bytes_done > 0)::text AS kept FROM vmclone.progress WHERE job_id = '$job->{job_id}'");
is_deeply([ @{$row}{qw(rate eta kept)} ], [ undef, undef, 'true' ], 'without a worker there is no rate, but what was copied');
like($row->{advice}, qr/no worker runs: SELECT vmclone.start_worker\(\)/, 'and what to do');
like($node->value("SELECT advice FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"), qr/no worker runs/, 'in jobs_view too');
is($node->value('SET SESSION AUTHORIZATION looker; SELECT activity FROM vmclone.worker'), 'not running', 'view worker says so');

# What was copied is shown while the job waits, and the reason only then.
rename $path, "$path.away" or die "rename: $!";
$node->start_worker('postgres');
is($node->wait_for_status($job->{job_id}, 'waiting'), 'waiting', 'the domain is gone: the job waits');
for my $look (1 .. 10)
{
	$row = $node->row("SELECT (v.bytes_done > 0 AND v.bytes_total > 0 AND v.percent > 0)::text AS kept, (p.bytes_done > 0 AND p.bytes_total > 0)::text AS seen"
		  . " FROM vmclone.jobs_view v JOIN vmclone.progress p USING (job_id) WHERE job_id = '$job->{job_id}'");
	last if $row->{kept} ne 'true' || $row->{seen} ne 'true';
	select undef, undef, undef, 0.2;
}
is_deeply($row, { kept => 'true', seen => 'true' }, 'what was copied is shown all the time');
like($node->job_when($job->{job_id}, 'waiting')->{reason}, qr/^disk "[^"]+" \([-0-9a-f]+\), storage domain "nfs1" \($vm->{domain}\): /,
	'the reason names disk and domain');
rename "$path.away", $path or die "rename: $!";
becomes($job, 'jobs_view', "status = 'running' AND reason IS NULL AND reason_key IS NULL AND waiting_since IS NULL AND percent < 100",
	'the reason is gone when it goes on');
$node->lift_limit($job->{job_id});
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it succeeds');
is_deeply($node->row("SELECT percent::text, reason, reason_key, rate, eta, advice FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"),
	{ percent => '100.0', reason => undef, reason_key => undef, rate => undef, eta => undef, advice => undef }, 'and all is told as it is then');
$node->images_equal($job->{vm_id}, $vm, 1);

# a success that had to wait a moment before
rename $path, "$path.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'late');
is($node->wait_for_status($job->{job_id}, 'waiting'), 'waiting', 'a job waits');
rename "$path.away", $path or die "rename: $!";
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and succeeds');
is($node->value("SELECT reason IS NULL AND reason_key IS NULL FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"), 't', 'with no reason left');

# verification
$job = $node->clone($snapshot, vm_name => 'verified', verify => 'true', bandwidth_limit => 2_000_000);
becomes($job, 'progress', "phase = 'verify' AND bytes_verified < bytes_to_verify AND verified_percent < 100", 'a verification shows how far it is');
$node->lift_limit($job->{job_id});
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it ends');
is($node->value("SELECT verified_percent FROM vmclone.progress WHERE job_id = '$job->{job_id}'"), '100.0', 'with all compared');
done_testing();
