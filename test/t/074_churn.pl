# Many clones, finished, cancelled and failed, for VMCLONE_TEST_CHURN seconds (default 20): the worker's memory and descriptors
# and the tables that hold only what is under way stay as they are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(time);
use VmcloneCluster;
use Test::More;

my $seconds = $ENV{VMCLONE_TEST_CHURN} // 20;
my $node = VmcloneCluster->start_new('churn', conf => "autovacuum_naptime = 1\nvmclone.max_parallel_copies = 4\nvmclone.max_attempts = 1\nvmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(disks => [ { size => '256K' }, { format => 'raw', size => '256K' } ]);
my $broken = $node->make_vm(disks => [ { size => '256K' } ]);
unlink "$broken->{disks}[0]{path}/$broken->{disks}[0]{images}[0]" or die;
my $pid = $node->value('SELECT pid FROM vmclone.worker');
my ($rounds, $start) = (0, time);

# Anonymous memory in KiB: what of the shared buffers a process has touched is no leak.
sub memory
{
	my ($text) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
	return $text;
}

# Bytes that the worker has in the context that nothing resets: what leaks there shows long before memory grows.
sub kept_for_good
{
	return 0 if $node->value('SHOW server_version_num') < 140000;
	my $log = -s $node->logfile;
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	$node->wait_for_log(qr/TopMemoryContext: .* used/, $log);
	return (PostgreSQL::Test::Utils::slurp_file($node->logfile, $log) =~ /TopMemoryContext: .*; (\d+) used/)[0];
}

# Pipes, sockets and the like; PostgreSQL keeps files of tables open as it sees fit.
sub descriptors { return scalar grep { (readlink($_) // '/') !~ m{^/} } glob "/proc/$pid/fd/*" }

# Three that end well, one that is cancelled at once, one that fails.
sub round
{
	$rounds++;
	$node->safe_psql('postgres', <<"SQL");
SELECT vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'r${rounds}n{n}', copies => 2, lock_mode => 'shared');
SELECT vmclone.add_vm_template_from_snapshot('$vm->{snapshots}[1]', 't$rounds', lock_mode => 'shared');
SELECT vmclone.cancel_job(job_id) FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'c$rounds', lock_mode => 'shared');
SELECT vmclone.add_vm_from_snapshot('$broken->{snapshots}[1]', 'f$rounds', lock_mode => 'shared');
SELECT vmclone.measure_snapshot('$vm->{snapshots}[1]');
SQL
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL') or die 'jobs do not end';
	return;
}

sub sizes
{
	return map { $_->{name} => $_->{size} } $node->rows(<<'SQL');
SELECT t AS name, pg_total_relation_size('vmclone.' || t) AS size
FROM unnest('{image_locks,lock_state,reservations,vm_names,measurements,storage_mounts,identity}'::text[]) AS t
SQL
}

# what a session keeps for good is there after some rounds
round() foreach 1 .. 10;
my ($memory, $descriptors, $kept) = (memory(), descriptors(), kept_for_good());
my %before = sizes();
my @course;
while (time - $start < $seconds || $rounds < 20)
{
	round();
	push @course, memory() if $rounds % 50 == 0;
}
my %after = sizes();
my ($end, $kept_at_end) = (memory(), kept_for_good());
note(sprintf('%d rounds of 5 jobs in %.0f s; worker: %d KiB after 10 rounds, %d at the end (%s)', $rounds, time - $start, $memory, $end, join(' ', @course)));
note("$_: $before{$_} bytes, then $after{$_}") foreach sort keys %after;

is($node->value('SELECT pid FROM vmclone.worker'), $pid, 'the worker is the same');
cmp_ok($end, '<', $memory + 4096, 'its memory has not grown by 4 MiB');
cmp_ok($kept_at_end, '<', $kept + 64 * 1024, 'nor by 64 KiB what it keeps for good');
cmp_ok(descriptors(), '<=', $descriptors, 'nor the number of its pipes and sockets');
cmp_ok($after{$_}, '<=', $before{$_} + 512 * 1024, "$_ has not grown by 512 KiB") foreach sort keys %after;
is($node->value("SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM vmclone.jobs GROUP BY 1) s"),
	sprintf('cancelled %d, failed %d, succeeded %d', $rounds, $rounds, 3 * $rounds), 'every job ended as it should');
is($node->value('SELECT (SELECT count(*) FROM vmclone.image_locks) + (SELECT count(*) FROM vmclone.lock_state) + (SELECT count(*) FROM vmclone.vm_names)'), 0, 'nothing is held');
cmp_ok($node->value("SELECT pg_table_size('vmclone.async_tasks') / count(*) FROM vmclone.async_tasks"), '<', 8192, 'a task takes less than 8 KiB, dead rows and all');
is(join(' ', $node->leftovers), '', 'no unfinished file is left');
$node->stop;
done_testing();
