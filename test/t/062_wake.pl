# Without a launcher: the worker that a call needs is there when the call commits, however long that takes.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('wake', preload => 0, conf => "vmclone.worker_idle_timeout = 1\nvmclone.poll_interval = 1\nmax_worker_processes = 1\nmax_logical_replication_workers = 0\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 10 } ]);
my $snapshot = $vm->{snapshots}[1];
my $workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vmclone worker'";
my ($code, $out, $err);

sub call
{
	my ($name, $more) = @_;
	return "SELECT count(*) FROM vmclone.add_vm_from_snapshot('$snapshot', '$name', lock_mode => 'shared'" . ($more // '') . ')';
}

sub ends
{
	my ($name, $test) = @_;
	is($node->wait_for_job($node->value("SELECT job_id FROM vmclone.jobs WHERE vm_name = '$name'")), 'succeeded', $test);
	return;
}

sub no_worker
{
	ok($node->poll_query_until('postgres', "SELECT ($workers) = 0"), 'the worker leaves when it has nothing to do');
	return;
}

# a call that takes longer than an idle worker stays; the call is under way before the worker is looked at, since an idle
# one may leave at any time
my $pid = "SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE backend_type = 'vmclone worker'";
my $caller = $node->background_psql('postgres');
$caller->query_safe('BEGIN; ' . call('slow'));
ok($node->start_worker('postgres'), 'start_worker starts one');
my $worker = $node->value($pid);
cmp_ok($worker, '>', 0, 'it is there');
sleep 3;
is($node->value($pid), $worker, 'a worker does not leave while a call is under way');
$caller->query_safe('COMMIT');
$caller->quit;
ends('slow', 'and does what the call asks for');
no_worker();

# what is rolled back keeps nobody and starts nobody
$node->safe_psql('postgres', 'BEGIN; ' . call('undone') . '; ROLLBACK');
is($node->value($workers), 0, 'ROLLBACK starts no worker');
$node->safe_psql('postgres', 'BEGIN; SAVEPOINT s; ' . call('undone') . '; ROLLBACK TO s; ' . call('kept', ', start_paused => true') . '; COMMIT');
is($node->value("SELECT status FROM vmclone.jobs WHERE vm_name = 'kept'"), 'paused', 'a savepoint');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE vm_name = 'kept'");
is($node->wait_for_job($node->value("SELECT job_id FROM vmclone.jobs WHERE vm_name = 'kept'")), 'cancelled', 'its worker is there');
no_worker();

# PREPARE TRANSACTION, and COMMIT PREPARED long after
$node->safe_psql('postgres', 'BEGIN; ' . call('prepared') . "; PREPARE TRANSACTION 'p'");
sleep 3;
is($node->value($workers), 1, 'a prepared call keeps its worker');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
ends('prepared', 'the job runs after COMMIT PREPARED');
no_worker();
$node->safe_psql('postgres', 'BEGIN; ' . call('prepared2') . "; PREPARE TRANSACTION 'p'");
$node->restart;
is($node->value($workers), 0, 'a restarted server has no worker');
ok($node->start_worker('postgres'), 'start_worker starts another');
sleep 2;
is($node->value($workers), 1, 'it stays for the prepared call');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
ends('prepared2', 'a prepared call outlives the server');
no_worker();

# many calls at once, each of which may meet the leaving worker
foreach my $round (1 .. 5)
{
	$node->safe_psql('postgres', call("round$round"));
	ends("round$round", "round $round");
	select undef, undef, undef, 0.9 + $round * 0.04;
}

# no slot is free: the call is made, and says what it waits for
no_worker();
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->load_extension('other');
$node->safe_psql('other', "SELECT fixture.attach_domains(), fixture.make_vm('other')");
# a call under way keeps its worker; it is there first, since an idle one may leave at any time
my $holder = $node->background_psql('other');
$holder->query_safe("BEGIN; SELECT count(*) FROM vmclone.measure_snapshot(fixture.snapshot('other', 1))");
ok($node->start_worker('other'), 'a worker of another database takes the slot');
sleep 2;
($code, $out, $err) = $node->psql('postgres', call('waiting'));
is($code, 0, 'a call commits without a worker');
like($err, qr/WARNING:  could not start the vmclone worker: no background worker slot is free\nDETAIL.*\nHINT.*max_worker_processes/, 'and says so');
is($node->value("SELECT status FROM vmclone.jobs WHERE vm_name = 'waiting'"), 'queued', 'its job is queued');
my $waiting = $node->value("SELECT job_id FROM vmclone.jobs WHERE vm_name = 'waiting'");
($code, $out, $err) = $node->psql('postgres', "CALL vmclone.wait_for_job('$waiting', '7 s')");
isnt($code, 0, 'who waits for it is told that it is not over');
is(scalar(() = $err =~ /WARNING:  could not start the vmclone worker/g), 1, 'and why, once');
$holder->quit;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = \'vmclone worker\''), 'the other worker leaves');
($code, $out, $err) = $node->psql('postgres', "CALL vmclone.wait_for_job('$waiting', '1 min')");
is($code, 0, 'and gives its slot back: who waits for a job has it started') or diag $err;
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP/, 'the server never went down');
$node->stop;
done_testing();
