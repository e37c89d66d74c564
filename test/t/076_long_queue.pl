# A long queue that the worker looks through in vain takes hardly any of its time, and no job waits for that: what makes room is
# noticed at once.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use VmcloneCluster;

my $libraries = VmcloneCluster::pg_config('--pkglibdir');
plan skip_all => 'the server has no pg_stat_statements' unless -e "$libraries/pg_stat_statements.so";

my $node = VmcloneCluster->start_new('queue', preload => 0, conf => <<'CONF');
shared_preload_libraries = 'vmclone,pg_stat_statements'
pg_stat_statements.track = all
vmclone.max_parallel_copies = 2
autovacuum_naptime = 5
CONF
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '256K', writes => 2 } ]);
my $large = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', writes => 120 } ]);

# The second place is for nobody: the domain takes one copy at a time.
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', max_copies => 1)");
my $first = $node->clone($large->{snapshots}[0], vm_name => 'first', bandwidth_limit => 20_000);
ok($node->poll_query_until('postgres', "SELECT phase = 'data' FROM vmclone.async_tasks WHERE job_id = '$first->{job_id}'"), 'a copy takes the only place of its domain');
$node->safe_psql('postgres', "SELECT FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[0]', 'queued${_}_{n}', copies => 1000, lock_mode => 'shared')")
  foreach 1 .. 9;
is($node->value("SELECT count(*) FROM vmclone.jobs WHERE status = 'queued'"), 9000, 'nine thousand others are queued behind it');
$node->safe_psql('postgres', 'VACUUM ANALYZE vmclone.jobs, vmclone.async_tasks');

my $searches = "FROM pg_stat_statements WHERE query LIKE '%max_copies%FOR UPDATE OF j SKIP LOCKED'";

# Returns when the worker has just looked through the queue.
sub wait_for_search
{
	my $before = $node->value("SELECT COALESCE(sum(calls), 0) $searches");

	return $node->poll_query_until('postgres', "SELECT COALESCE(sum(calls), 0) > $before $searches");
}

ok($node->poll_query_until('postgres', 'SELECT bool_and(announced) FROM vmclone.jobs') && wait_for_search(), 'the worker has heard of them, and looks for a next copy');
my $begun = time;
$node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
$node->safe_psql('postgres', 'SELECT pg_sleep(15)');
ok(wait_for_search(), 'and looks again now and then');
my $found = $node->row("SELECT sum(calls) AS calls, sum(total_exec_time) / 1000 AS seconds $searches");
my $window = time - $begun;
my $pause = 50 * $found->{seconds} / $found->{calls};
$pause = 10 if $pause > 10;
note("$found->{calls} searches in $window s, of $found->{seconds} s: rests of $pause s");
cmp_ok($found->{calls}, '<=', 2 + 1.5 * $window / ($pause > 1 ? $pause : 1), 'a search is followed by a rest of fifty times its time, but of ten seconds at most');

# A rest has just begun when the copy ends.
$node->lift_limit($first->{job_id});
is($node->wait_for_job($first->{job_id}), 'succeeded', 'the copy ends');
$node->poll_query_until('postgres', "SELECT count(*) > 20 FROM vmclone.jobs WHERE status = 'succeeded'") or die 'no others begin';
my ($gap, $took) = split /\|/, $node->value(<<'SQL');
SELECT extract(epoch FROM (SELECT min(started_at) FROM vmclone.jobs WHERE vm_name LIKE 'queued%') - min(ended_at)), extract(epoch FROM max(ended_at) - min(ended_at))
FROM (SELECT ended_at FROM vmclone.jobs WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 21) j
SQL
note("$gap s until the next one began, $took s for twenty");
cmp_ok($gap, '<', ($pause > 1 ? $pause : 1) / 2, 'the next one begins when there is room, and not when the rest is over');

# Copies of a call that wait for the image of one of them are not each looked at together with all others.
cmp_ok($node->value("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_call_live'"),
	'<', 900_000, 'what a search looks at grows with the jobs, and not with their square');
done_testing();
