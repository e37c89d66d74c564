# What the server's log says of jobs: a line at start and end, warnings for what somebody has to look after, as much as
# vmclone.log_jobs says; an orderly stop is no error.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('log', conf => "vmclone.retry_delay = '200ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 2, disks => [ { format => 'raw', writes => 40 } ]);
my ($snapshot, $path) = ($vm->{snapshots}[0], $vm->{path});
my $from = 0;

# What was logged of a job since the last look.
sub logged
{
	my ($job) = @_;
	my @lines = grep { /job \Q$job->{job_id}\E of database "postgres"/ } split /\n/, slurp_file($node->logfile, $from);

	$from = -s $node->logfile;
	return join("\n", map { s/^.*?(LOG|WARNING):\s+/$1: /r } @lines);
}

my $job = $node->clone($snapshot, vm_name => 'fine');
$node->wait_for_job($job->{job_id});
my $of = qr/job $job->{job_id} of database "postgres", which makes "fine",/;
like(logged($job), qr/^LOG: $of starts\nLOG: $of has succeeded: disks: 1, bytes written: [1-9]\d*, seconds: \d+\.\d{3}, by: [-\w]+$/, 'start and end of a job');

rename $path, "$path.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'late');
$node->wait_for_status($job->{job_id}, 'waiting');
sleep 2;
rename "$path.away", $path or die "rename: $!";
$node->wait_for_job($job->{job_id});
$of = qr/job $job->{job_id} of database "postgres", which makes "late",/;
like(logged($job), qr/^LOG: $of starts\nWARNING: $of waits: disk "[^\n]+\nLOG: $of has succeeded[^\n]+$/, 'one warning for one cause, not one for each attempt');

my ($file) = glob "$path/images/*/$vm->{disks}[0]{images}[0]";
rename $file, "$file.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'kept', on_failure => 'hold');
$node->wait_for_status($job->{job_id}, 'held');
$of = qr/job $job->{job_id} of database "postgres", which makes "kept",/;
like(logged($job), qr/^LOG: $of starts\nWARNING: $of is held: disk "[^\n]+$/, 'a job that is held');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
$node->wait_for_job($job->{job_id});
like(logged($job), qr/^LOG: $of is cancelled: /, 'and cancelled');

$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.log_jobs = 'problems'");
$node->reload;
$job = $node->clone($snapshot, vm_name => 'broken');
$node->wait_for_job($job->{job_id});
$of = qr/job $job->{job_id} of database "postgres", which makes "broken",/;
like(logged($job), qr/^WARNING: $of fails: disk "[^\n]+$/, 'problems only');
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.log_jobs = 'none'");
$node->reload;
$job = $node->clone($snapshot, vm_name => 'silent');
$node->wait_for_job($job->{job_id});
is(logged($job), '', 'nothing');
rename "$file.away", $file or die "rename: $!";

# stops
my $worker = $node->value('SELECT pid FROM vmclone.worker');
$node->terminate($worker);
ok($node->poll_query_until('postgres', "SELECT coalesce(pid <> $worker, false) FROM vmclone.worker"), 'a worker that was told to stop is started again');
my $launcher = $node->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'vmclone launcher'");
$node->terminate($launcher);
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'vmclone launcher' AND pid <> $launcher"), 'so is the launcher');
$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
$node->safe_psql('postgres', 'DROP DATABASE copied WITH (FORCE)');
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/FATAL: .*(?:vmclone|background worker)/, 'no stop is FATAL');
done_testing();
