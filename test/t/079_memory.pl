# A thousand jobs leave nothing behind in the worker, nor do hosts that copy, are asked and don't answer: its memory contexts before and
# after are compared.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('memory', conf => "autovacuum = off\nvmclone.max_parallel_copies = 20\n");
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
	# made anew now and then, and not always the same
	$used{all} -= $used{$_} // 0 foreach qw(CachedPlan CachedPlanQuery CachedPlanSource);
	return \%used;
}

sub is_same
{
	my ($before, $what) = @_;
	my $after = contexts();

	note("$_: $before->{$_} bytes, then $after->{$_}") foreach grep { $after->{$_} != ($before->{$_} // 0) } sort keys %$after;
	cmp_ok($after->{TopMemoryContext} - $before->{TopMemoryContext}, '<', 2048, "$what: nothing stays where it lives as long as the worker");
	cmp_ok($after->{all} - $before->{all}, '<', 65_536, "$what: and hardly anything anywhere");
	return;
}

run_jobs(100);
my $before = contexts();
run_jobs(1000);
is_same($before, 'a thousand jobs');

# Twenty hosts, which are this machine: they copy, are asked, and then do not answer.
my $copier = $node->value('SHOW vmclone.copy_program');

sub launch_by
{
	my ($line, $state) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_launcher = '$line'");
	$node->reload;
	$node->safe_psql('postgres', "UPDATE vmclone.hosts SET status = 'unchecked' WHERE address IS NOT NULL; SELECT vmclone_internal.wake_worker()");
	$node->poll_query_until('postgres', "SELECT bool_and(status = '$state') FROM vmclone.hosts WHERE address IS NOT NULL") or die "hosts are not $state";
	return;
}

sub use_hosts
{
	launch_by("/usr/bin/env HOST={address} $copier serve --root " . $node->storage_root, 'up');
	run_jobs(50);
	launch_by('/bin/false {address}', 'down');
	return;
}

$node->safe_psql('postgres', "SELECT vmclone.add_copy_host('h' || i, 'h' || i) FROM generate_series(1, 20) i; SELECT vmclone.drain_copy_host('local')");
launch_by("/usr/bin/env HOST={address} $copier serve --root " . $node->storage_root, 'up');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', host => 'h' || i) FROM generate_series(1, 20) i");
use_hosts();
$before = contexts();
use_hosts() foreach 1 .. 2;
is($node->value("SELECT count(DISTINCT host_name) FROM vmclone.async_tasks WHERE host_name <> 'local'"), 20, 'every host has copied');
is_same($before, 'twenty hosts');
$node->stop;
done_testing();
