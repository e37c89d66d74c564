# Jobs that are over: view stat counts them and survives a restart, purge_history and vmclone.history_retention remove them and
# keep lineage, a clone without disks is announced; a role has no more copies at once than vmclone.max_copies_per_owner.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('history');
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '1M', writes => 4 } ]);
my $snapshot = $vm->{snapshots}[0];

sub stat_row { return $node->row('SELECT * FROM vmclone.stat') }

# ---------- counters ----------
my $stat = stat_row();
is_deeply([ @$stat{qw(clones_succeeded clones_failed clones_cancelled waits retries)} ], [ (0) x 5 ], 'nothing is counted yet');
my @jobs = map { $node->clone($snapshot, vm_name => "good$_", lock_mode => 'shared', request_key => "key$_") } 1 .. 3;
is($node->wait_for_job($_->{job_id}), 'succeeded', "$_->{vm_name} succeeds") foreach @jobs;
my $cancelled = $node->clone($snapshot, vm_name => 'unwanted', lock_mode => 'shared', start_paused => 'true');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$cancelled->{job_id}')");
is($node->wait_for_job($cancelled->{job_id}), 'cancelled', 'one is cancelled');
my $file = "$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[0]";
rename $file, "$file.away" or die;
my $failed = $node->clone($snapshot, vm_name => 'broken', lock_mode => 'shared');
is($node->wait_for_job($failed->{job_id}), 'failed', 'one fails');
rename "$file.away", $file or die;
$stat = stat_row();
is_deeply([ @$stat{qw(clones_succeeded clones_failed clones_cancelled)} ], [ 3, 1, 1 ], 'each is counted by its end');
my $bytes = $node->row('SELECT sum(bytes_done) AS done, sum(virtual_size - bytes_total) AS holes FROM vmclone.async_tasks WHERE result = \'success\'');
is($stat->{bytes_by_reflink} + $stat->{bytes_by_server} + $stat->{bytes_by_threads}, $bytes->{done}, 'the bytes by the way that they went');
is($stat->{bytes_saved_by_holes}, $bytes->{holes}, 'what nobody had written was not copied');
cmp_ok($stat->{copy_seconds}, '>', 0, 'the time');
my $waiting = $node->clone($snapshot, vm_name => 'waiting', lock_mode => 'shared', start_paused => 'true');
$node->safe_psql('postgres', "UPDATE vmclone.storage_mounts SET status = 'failed', error = 'as the test wants it'; SELECT vmclone.resume_job('$waiting->{job_id}')");
is($node->wait_for_status($waiting->{job_id}, 'waiting'), 'waiting', 'one waits');
cmp_ok(stat_row()->{waits}, '>=', 1, 'the wait is counted');
$node->safe_psql('postgres', "UPDATE vmclone.storage_mounts SET status = 'attached', error = NULL");
is($node->wait_for_job($waiting->{job_id}), 'succeeded', 'and it goes on');
$stat = stat_row();
$node->restart;
is_deeply(stat_row(), $stat, 'the counters survive a restart');
$node->safe_psql('postgres', 'SELECT vmclone.reset_stat()');
is(stat_row()->{clones_succeeded}, 0, 'reset_stat begins anew');

# ---------- history ----------
my $lineage = $node->value("SELECT count(*) FROM vmclone.lineage");
$node->safe_psql('postgres', "CALL vmclone.purge_history('1 day')");
is($node->value('SELECT count(*) FROM vmclone.jobs'), 6, 'what is younger stays');
$node->safe_psql('postgres', "UPDATE vmclone.jobs SET ended_at = ended_at - interval '2 days' WHERE vm_name IN ('good1', 'broken'); UPDATE vmclone.request_keys SET created_at = created_at - interval '2 days' WHERE request_key = 'key1'");
my $live = $node->clone($snapshot, vm_name => 'live', lock_mode => 'shared', start_paused => 'true');
$node->safe_psql('postgres', "CALL vmclone.purge_history('1 day')");
is($node->value("SELECT string_agg(vm_name, ' ' ORDER BY vm_name) FROM vmclone.jobs"), 'good2 good3 live unwanted waiting', 'what is older goes, what is live stays');
is($node->value('SELECT count(*) FROM vmclone.async_tasks t LEFT JOIN vmclone.jobs j USING (job_id) WHERE j.job_id IS NULL'), 0, 'with its tasks');
is($node->value("SELECT string_agg(request_key, ' ' ORDER BY request_key) FROM vmclone.request_keys"), 'key2 key3', 'and its request key, which may be used again');
is($node->value("SELECT count(*) FROM vmclone.lineage WHERE vm_name = 'good1'"), 1, 'its lineage is kept');
is($node->value("SELECT count(*) FROM vmclone.clone_again('$jobs[0]{vm_id}', 'good1_again', '{\"lock_mode\": \"shared\"}')"), 1, 'clone_again knows the call still');
foreach my $wrong ([ 'NULL', 'must not be null' ], [ "'-1 day'", 'must not be negative' ])
{
	my (undef, undef, $error) = $node->psql('postgres', "CALL vmclone.purge_history($wrong->[0])");
	like($error, qr/$wrong->[1]/, "purge_history($wrong->[0])");
}
$node->safe_psql('postgres', 'CREATE ROLE viewer LOGIN; CREATE ROLE boss LOGIN');
$node->safe_psql('postgres', "SELECT vmclone.grant_viewer('viewer'), vmclone.grant_admin('boss')");
my $as_viewer = [ '-U', 'viewer' ];
isnt($node->psql('postgres', $_, extra_params => $as_viewer), 0, "no viewer may do it: $_") foreach "CALL vmclone.purge_history('1 day')", 'SELECT vmclone.reset_stat()';
is($node->psql('postgres', 'SELECT * FROM vmclone.stat', extra_params => $as_viewer), 0, 'but look at the counters');
is($node->psql('postgres', "CALL vmclone.purge_history('1 day')", extra_params => [ '-U', 'boss' ]), 0, 'an administrator may');

$node->safe_psql('postgres', "UPDATE vmclone.jobs SET ended_at = ended_at - interval '2 days' WHERE vm_name IN ('good2', 'unwanted'); ALTER SYSTEM SET vmclone.history_retention = '1d'");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM vmclone.jobs WHERE vm_name IN ('good2', 'unwanted')"), 'the worker removes what is older than vmclone.history_retention');
is($node->value("SELECT count(*) FROM vmclone.jobs WHERE vm_name IN ('good3', 'live')"), 2, 'and nothing else');

# ---------- a clone without disks ----------
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN vmclone_job');
my $bare = $node->value("SELECT fixture.make_vm('bare', disks => 0, layers => 2)");
my $diskless = $node->clone($node->value("SELECT fixture.snapshot('bare', 1)"), vm_name => 'bare_copy');
is($diskless->{status}, 'succeeded', 'a clone without disks is made at once');
my $heard = '';
for (1 .. 300)
{
	$heard .= $listener->query('SELECT 1');
	last if $heard =~ /$diskless->{job_id}.*succeeded/;
	select undef, undef, undef, 0.1;
}
like($heard, qr/$diskless->{job_id}.*succeeded/, 'and announced as every other one');
$listener->quit;
is(stat_row()->{clones_succeeded} > 0, 1, 'and counted');

# ---------- limit for one owner ----------
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.max_parallel_copies = 3; ALTER SYSTEM SET vmclone.max_copies_per_owner = 1");
$node->reload;
$node->safe_psql('postgres', "CREATE ROLE first LOGIN; CREATE ROLE second LOGIN; SELECT vmclone.grant_engine('first'), vmclone.grant_engine('second')");
my $large = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '16M', writes => 200 } ]);
foreach my $role (qw(first first second))
{
	is($node->psql('postgres', "SELECT * FROM vmclone.add_vm_from_snapshot('$large->{snapshots}[0]', '${role}_" . int(rand(1e9)) . "', lock_mode => 'shared', bandwidth_limit => 10000)", extra_params => [ '-U', $role ]), 0, "$role clones");
}
my $running = "SELECT string_agg(owner || ' ' || n, ' ' ORDER BY owner) FROM (SELECT j.owner, count(*) AS n FROM vmclone.async_tasks t JOIN vmclone.jobs j USING (job_id) WHERE t.status = 'running' GROUP BY 1) s";
ok($node->poll_query_until('postgres', "SELECT ($running) = 'first 1 second 1'"), 'each role has one copy under way, though there is a third place');
sleep 2;
is($node->value($running), 'first 1 second 1', 'and keeps to it');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET vmclone.max_copies_per_owner');
$node->reload;
ok($node->poll_query_until('postgres', "SELECT ($running) = 'first 2 second 1'"), 'without the limit the third place is taken');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE owner IN ('first', 'second') AND ended_at IS NULL");

# ---------- settings are the server's ----------
my (undef, undef, $error) = $node->psql('postgres', 'ALTER DATABASE postgres SET vmclone.max_parallel_copies = 1');
like($error, qr/cannot be changed now/, 'a setting of the worker is not one of a database, as docs/reference.md says');
$node->stop;
done_testing();
