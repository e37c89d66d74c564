# measure.pl: what bench/hosts/run measures through a server; Markdown goes to descriptor 3.
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(sleep time);
use Test::More;
use VmcloneCluster;
use CopyHosts;
use PostgreSQL::Test::Utils;

use constant LIMIT => 50_000_000;
my ($hosts_with_limit, $mib, $queued, $watch, $places) = @ENV{qw(HOSTS MIB QUEUED WATCH PLACES)};
my $hosts_of_queue = 20;
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $node = VmcloneCluster->start_new('hosts', conf => <<'CONF');
vmclone.max_parallel_copies = 64
vmclone.retry_delay = '100ms'
CONF
my @names = map { "h$_" } 1 .. ($hosts_with_limit > $hosts_of_queue ? $hosts_with_limit : $hosts_of_queue);
my $hosts = CopyHosts->start($node, @names) or die 'no sshd';
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('local')");
my $large = $node->make_vm(name => 'large', snapshots => 2, disks => [ { format => 'raw', size => "${mib}M", writes => 1 } ]);
my $small = $node->make_vm(name => 'small', snapshots => 2, disks => [ { format => 'raw', size => '8M', writes => 0 } ]);
my $domain = $large->{domain};

foreach my $vm ($large, $small)
{
	my $disk = $vm->{disks}[0];
	system('qemu-io', '-f', 'raw', '-c', "write -q -P 1 0 $disk->{size}", "$disk->{path}/$disk->{images}[0]") == 0 or die 'qemu-io';
	$node->safe_psql('postgres', "UPDATE vmclone.disk_image_dynamic SET actual_size = $disk->{size} WHERE image_id = '$disk->{images}[0]'");
}
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$large->{path}', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
$node->poll_query_until('postgres', "SELECT bool_and(state = 'up') FROM vmclone.copy_hosts WHERE address IS NOT NULL") or die 'hosts do not answer';

# These hosts get copies and no others.
sub use_hosts
{
	my ($count, $limits) = @_;

	foreach my $number (0 .. $#names)
	{
		my $name = $names[$number];
		$node->safe_psql('postgres', sprintf "SELECT vmclone.add_copy_host('%s', '%s', %s), vmclone.drain_copy_host('%s', %s)",
			$name, $hosts->{hosts}{$name}{address}, $limits, $name, $number < $count ? 'false' : 'true');
	}
	return;
}

sub wait_for_all { $node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL') or die 'jobs do not end'; return }

# --- hosts with a limit: bytes a second from the call to the last job's end, a copy on each host
sub rate_of
{
	my ($count) = @_;

	use_hosts($count, 'max_copies => 1, bandwidth_limit => ' . LIMIT);
	# a call each: copies of one call are made from its first one
	my @jobs = $node->rows("SELECT c.* FROM generate_series(1, $count) i, vmclone.add_vm_from_snapshot('$large->{snapshots}[0]', 'large${count}_' || i, lock_mode => 'shared') c");
	wait_for_all();
	my $seconds = $node->value("SELECT EXTRACT(epoch FROM max(ended_at) - min(created_at)) FROM vmclone.jobs WHERE vm_name LIKE 'large${count}\\_%'");
	die 'jobs failed' if $node->value("SELECT count(*) FROM vmclone.jobs WHERE vm_name LIKE 'large${count}\\_%' AND status = 'succeeded'") != $count;
	foreach my $job (@jobs) { unlink $_->{path} foreach $node->disk_files($job->{vm_id}) }
	return $count * $large->{disks}[0]{size} / $seconds / 1e6;
}

my ($one, $many) = (rate_of(1), rate_of($hosts_with_limit));

# --- a long queue
sub worker_uses
{
	my $pid = $node->value('SELECT pid FROM vmclone.worker');
	my @fields = split ' ', (slurp_file("/proc/$pid/stat") =~ /\) (.*)/)[0];

	return (($fields[11] + $fields[12]) / $ticks, (slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m)[0]);
}

use_hosts($hosts_of_queue, "max_copies => $places");
$node->safe_psql('postgres', <<"SQL");
SELECT count(*) FROM generate_series(1, $queued) i,
	vmclone.add_vm_from_snapshot('$small->{snapshots}[0]', 'small' || i, lock_mode => 'shared', bandwidth_limit => 400000)
SQL
my $busy = 'SELECT count(DISTINCT host_name), count(*) FROM vmclone.async_tasks WHERE result IS NULL AND status = \'running\'';
$node->poll_query_until('postgres', "SELECT count(DISTINCT host_name) = $hosts_of_queue FROM vmclone.async_tasks WHERE result IS NULL AND status = 'running' AND bytes_done > 0") or die 'hosts are not busy';
my @before = worker_uses();
my $begun = time;
my ($looks, $busy_hosts, $copies) = (0, 0, 0);
while (time < $begun + $watch)
{
	my ($hosts_now, $copies_now) = split /\|/, $node->value($busy);

	$looks++;
	$busy_hosts += $hosts_now;
	$copies += $copies_now;
	sleep 0.5;
}
my @after = worker_uses();
my $seconds = time - $begun;
my $done = $node->value("SELECT count(*) FROM vmclone.jobs WHERE vm_name LIKE 'small%' AND status = 'succeeded'");
$node->for_jobs('cancel_job(job)', 'ended_at IS NULL');
wait_for_all();

open my $table, '>>&=', 3 or die "descriptor 3: $!";
printf $table "\n%d hosts with a bandwidth limit of 50 MB/s each copied %.1f MB/s together, one of them %.1f MB/s: %.2f times as much, from the call to the last job's end (%d MiB each).\n",
  $hosts_with_limit, $many, $one, $many / $one, $mib;
printf $table "\n%d jobs queued for %d hosts that take %d copies at once, watched for %.0f s in which %d ended: %.2f %% of the hosts were busy, with %.1f copies in all; the worker took "
  . "%.2f %% of a core, and had %d kB of memory before and %d kB after.\n",
  $queued, $hosts_of_queue, $places, $seconds, $done, 100 * $busy_hosts / $looks / $hosts_of_queue, $copies / $looks, 100 * ($after[0] - $before[0]) / $seconds, $before[1], $after[1];
close $table or die "descriptor 3: $!";
$node->stop;
ok(1);
done_testing();
