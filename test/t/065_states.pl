# Every change of a job's state sends its NOTIFY, whoever makes it; a copier that does not know its command line fails a
# job at once.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('states', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 2, disks => [ { format => 'raw', writes => 40 } ]);
my $snapshot = $vm->{snapshots}[0];
my $program = $node->value('SHOW vmclone.copy_program');

# States that a session hears of while it runs the statements, with what committed before its own last NOTIFY.
sub heard
{
	my ($database, $statements) = @_;
	my (undef, $out) = $node->psql($database, "LISTEN vmclone_job; LISTEN told;\n$statements\nNOTIFY told;", on_error_stop => 0);

	return join(' ', $out =~ /"status":"(\w+)"/g);
}

# usage: a program in the copier's place that takes no copy, as a version would that has other options
my $refuses_copy = 'if [ "$1" = copy ]; then echo "vmclone-copy: --keep-record is not known" >&2; exit 2; fi';
$node->wrap_copier($node->basedir . '/old-copy', $refuses_copy);
my $job = $node->clone($snapshot, vm_name => 'usage');
is($node->wait_for_job($job->{job_id}), 'failed', 'a copier that does not know its options fails the job');
my $task = $node->row("SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
is($task->{attempts}, 0, 'at once');
is($task->{error_kind}, 'usage', 'for programs');
unlike($task->{error}, qr/keep-record/, "the command line's error is not shown to users");
like($task->{error}, qr/install both from the same version/, 'but what to do is');
like(slurp_file($node->logfile), qr/refused its command line.*\n.*--keep-record/, "the server's log has it");

# another worker has the task: this one's copier gives way, and trying again would be met the same
my $superseded = '{"event":"error","kind":"superseded","errno":null,"layer":null,"path":null,"offset":null,"message":"another claim"}';
$node->wrap_copier($node->basedir . '/late-copy', qq{if [ "\$1" = copy ]; then echo '$superseded'; exit 1; fi});
$job = $node->clone($snapshot, vm_name => 'late');
is($node->wait_for_job($job->{job_id}), 'failed', 'a copier that was superseded ends its task');
$task = $node->row("SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
is("$task->{error_kind} $task->{attempts}", 'superseded 0', 'at once');
$node->wrap_copier($node->basedir . '/old-again', $refuses_copy);

# held, and on
$job = $node->clone($snapshot, vm_name => 'kept', on_failure => 'hold');
is($node->wait_for_status($job->{job_id}, 'held', 'failed'), 'held', 'a job is held');
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$program'");
$node->reload;
is( heard('postgres', <<"SQL"), 'waiting running finishing succeeded', 'retry_job of a held job: each state is told');
SELECT vmclone.retry_job('$job->{job_id}');
CALL vmclone.wait_for_job('$job->{job_id}', '60 s');
SQL
$node->images_equal($job->{vm_id}, $vm, 0);

# abandoned
$job = $node->clone($snapshot, vm_name => 'left', start_paused => 'true');
$node->wait_for_status($job->{job_id}, 'paused');
# what programs tell apart
foreach my $case (
	[ "CALL vmclone.wait_for_job('$job->{job_id}', '10 ms')", 'VC021', 'JOB_IS_NOT_OVER' ],
	[ "CALL vmclone.wait_for_job(gen_random_uuid())", 'VC022', 'JOB_DOES_NOT_EXIST' ],
	[ "SELECT vmclone.pause_job(gen_random_uuid())", 'VC022', 'JOB_DOES_NOT_EXIST' ],
	[ "SELECT vmclone.retry_job('$job->{job_id}')", 'VC023', 'JOB_STATE_DOES_NOT_ALLOW' ])
{
	my ($statement, $sqlstate, $key) = @$case;
	my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\n$statement");

	like($error, qr/ERROR:  $sqlstate: .*^CONSTRAINT NAME:  $key$/ms, "$statement: $sqlstate");
}

$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
$node->bind_again('copied');
is( heard('copied', <<"SQL"), 'cleaning failed', "adopt('abandon'): each state is told");
SELECT vmclone.adopt('abandon');
CALL vmclone.wait_for_job('$job->{job_id}', '60 s');
SQL
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', "the original's job is its own");
done_testing();
