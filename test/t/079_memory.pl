# A thousand jobs leave nothing behind in the worker: its memory contexts before and after are compared.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('memory', conf => "autovacuum = off\n");
plan skip_all => 'PostgreSQL 13 logs no memory contexts' if $node->value('SHOW server_version_num') < 140000;
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '64K', writes => 2 } ]);
my $calls = 0;

# Copies of one call, and single ones; of a tenth the jobs are made paused and cancelled.
sub run_jobs
{
	my ($count) = @_;
	my $single = $count / 10;
	my $copies = $count - 2 * $single;

	$calls++;
	$node->safe_psql('postgres', <<"SQL");
SELECT count(*) FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[0]', 'c${calls}_{n}', copies => $copies, lock_mode => 'shared');
SELECT count(*) FROM generate_series(1, $single) i, vmclone.add_vm_from_snapshot('$vm->{snapshots}[0]', 's${calls}_' || i, lock_mode => 'shared');
SELECT count(vmclone.cancel_job(job_id)) FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[0]', 'p${calls}_{n}', copies => $single, lock_mode => 'shared', start_paused => true);
SQL
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL") or die 'jobs do not end';
	is($node->value("SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM vmclone.jobs WHERE vm_name ~ '^[csp]${calls}_' GROUP BY 1) j"),
		"cancelled $single, succeeded " . ($count - $single), "$count jobs");
	return;
}

# Bytes that are used in each context of the worker, and in all.
sub contexts
{
	my $before = -s $node->logfile;
	my %used;

	$node->poll_query_until('postgres', "SELECT activity = 'idle' FROM vmclone.worker") or die 'the worker is not idle';
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts(pid) FROM vmclone.worker");
	$node->wait_for_log(qr/Grand total: \d+ bytes/, $before);
	my $log = substr PostgreSQL::Test::Utils::slurp_file($node->logfile), $before;
	$used{$1} += $2 while $log =~ /level: \d+; (.*?): \d+ total in .*? (\d+) used/g;
	$used{all} = $1 if $log =~ /Grand total: .*? (\d+) used/;
	return \%used;
}

run_jobs(100);
my $before = contexts();
run_jobs(1000);
my $after = contexts();
note("$_: $before->{$_} bytes, then $after->{$_}") foreach grep { $after->{$_} != ($before->{$_} // 0) } sort keys %$after;
cmp_ok($after->{TopMemoryContext} - $before->{TopMemoryContext}, '<', 2048, 'nothing of them stays where it lives as long as the worker');
cmp_ok($after->{all} - $before->{all}, '<', 65_536, 'and hardly anything anywhere');
$node->stop;
done_testing();
