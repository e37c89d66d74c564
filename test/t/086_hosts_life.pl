# Copies on hosts, each a real sshd: what a plan says of them, a host of another version, measurements, limits, a worker that stands
# still for longer than the lease, a standby that is promoted.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use VmcloneCluster;
use CopyHosts;
use PostgreSQL::Test::Utils;

my $lease = 5;
my $node = VmcloneCluster->start_new('hosts_life', init => [ allows_streaming => 1 ], conf => <<"CONF");
vmclone.retry_delay = '100ms'
vmclone.copy_lease = '${lease}s'
vmclone.max_parallel_copies = 8
vmclone.resume_on_promotion = on
CONF
my $hosts = CopyHosts->start($node, qw(h1 h2));
plan skip_all => 'no sshd' unless $hosts;

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 } ]);
my ($snapshot, $domain, $path) = ($vm->{snapshots}[1], $vm->{domain}, $vm->{path});
my $server = $node;    # the one that runs the jobs

sub hosts_are
{
	my ($state, @names) = @_;
	my $list = join(', ', map { "'$_'" } @names);

	return $server->poll_query_until('postgres', "SELECT bool_and(state = '$state') FROM vmclone.copy_hosts WHERE host_name IN ($list)");
}

sub planned { return $server->value("SELECT concat_ws(' ', copy_hosts, copy_hosts_reason) FROM vmclone.plan_add_vm_from_snapshot('$snapshot')") }

sub start_copy
{
	my ($name) = @_;
	my $job = $server->clone($snapshot, vm_name => $name, bandwidth_limit => 400_000, lock_mode => 'shared');

	$server->poll_query_until('postgres', "SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
	  or die "job $job->{job_id} copies nothing";
	return ($job, $server->value("SELECT host_name FROM vmclone.progress WHERE job_id = '$job->{job_id}'"));
}

hosts_are('up', qw(h1 h2)) or die 'hosts do not answer';

# --- a plan
is(planned(), '{local}', 'a plan names the hosts that could do it: those that have the domain');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
is(planned(), '{local,h1,h2}', 'or now have it');
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'local'); SELECT vmclone.drain_copy_host('h2')");
is(planned(), '{h1} host "h2" is being drained', 'and what keeps others from it');

# --- a host whose copier has another version, but the same protocol
append_to_file("$hosts->{base}/other_version", 's/"version":"[^"]*"/"version":"0.9"/');
my $version = $node->value('SELECT vmclone.library_version()');
$hosts->answer_through('h1', "|/usr/bin/sed -u -f $hosts->{base}/other_version");
my $check = $node->row("SELECT * FROM vmclone.check_copy_host('h1')");
is("$check->{status} $check->{copier_version}", 'down 0.9', 'a host whose copier has another version is refused');
like($check->{error}, qr/of version 0\.9 .* this machine's is of version \Q$version\E .* install the same version on both/, 'which says what to do');
like(planned(), qr/^\{\} host "h1" is down: .* version 0\.9 .*; host "h2" is being drained$/, 'a plan says why no host can do it');
my $job = $node->clone($snapshot, vm_name => 'versions');
like($node->job_when($job->{job_id}, 'waiting')->{reason}, qr/host "h1" is down: .* version 0\.9/, 'so does the job, which waits');

# --- a measurement waits until a host can do it
is($node->value("SELECT string_agg(DISTINCT status, ' ') FROM vmclone.measure_snapshot('$snapshot')"), 'queued', 'a measurement is asked for');
ok($node->poll_query_until('postgres', q{SELECT bool_and(status = 'queued') AND bool_or(error ~ 'host "h1" is down: .*version 0.9') FROM vmclone.measurements}),
	'without a host it waits, and says why') or diag(explain $node->rows('SELECT * FROM vmclone.measurements'));
$hosts->answer_through('h1', '');
hosts_are('up', 'h1') or die 'h1 does not answer';
ok($node->poll_query_until('postgres', q{SELECT bool_and(status = 'done' AND error IS NULL) FROM vmclone.measurements}), 'and is done once there is one');
$server->clone_ends_well($job, $vm, 1, 'its host has the version again');
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('h2', false)");

# --- a limit of the host, shared by all of its copies
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('h2'), vmclone.add_copy_host('h1', '$hosts->{hosts}{h1}{address}', bandwidth_limit => 500000)");
my @jobs = map { $node->clone($snapshot, vm_name => "limited$_", lock_mode => 'shared') } 1 .. 2;
my $done = "SELECT COALESCE(sum(bytes_done), 0) FROM vmclone.async_tasks WHERE result IS NULL";
$node->poll_query_until('postgres', 'SELECT count(*) FILTER (WHERE bytes_done > 0) = 2 FROM vmclone.async_tasks WHERE result IS NULL') or die 'nothing is copied';
# each has heard of its half
select undef, undef, undef, 1;
my ($begun, $before) = (time, $node->value($done));
$node->poll_query_until('postgres', "SELECT ($done) >= $before + 2500000 OR NOT EXISTS (SELECT FROM vmclone.async_tasks WHERE result IS NULL)");
my $rate = ($node->value($done) - $before) / (time - $begun);
cmp_ok($rate, '<', 1.5 * 500_000, 'two copies share the limit of their host');
cmp_ok($rate, '>', 500_000 / 4, 'and use it');
$node->safe_psql('postgres', "SELECT vmclone.add_copy_host('h1', '$hosts->{hosts}{h1}{address}'), vmclone.drain_copy_host('h2', false)");
$server->clone_ends_well($_, $vm, 1, 'limited') foreach @jobs;

# --- limits of a domain count over all hosts
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', max_copies => 1, bandwidth_limit => 500000, host => 'h1')");
is($node->value("SELECT string_agg(host_name || ' ' || max_copies, ', ' ORDER BY host_name) FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'"),
	'h1 1, h2 1', 'a limit of a domain is the same on all hosts');
@jobs = map { $node->clone($snapshot, vm_name => "domain$_", lock_mode => 'shared') } 1 .. 2;
my $running = "SELECT count(*) FROM vmclone.async_tasks WHERE result IS NULL AND status = 'running'";
$node->poll_query_until('postgres', 'SELECT count(*) FILTER (WHERE bytes_done > 0) = 1 FROM vmclone.async_tasks WHERE result IS NULL') or die 'nothing is copied';
select undef, undef, undef, 2;
is($node->value($running), 1, 'with two hosts that have it, one copy runs at a time');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', bandwidth_limit => 500000, host => 'h1')");
ok($node->poll_query_until('postgres', "SELECT count(DISTINCT host_name) = 2 FROM vmclone.async_tasks WHERE result IS NULL AND status = 'running' AND bytes_done > 0"),
	'without it both do');
($begun, $before) = (time, $node->value($done));
$node->poll_query_until('postgres', "SELECT ($done) >= $before + 1000000 OR ($running) < 2");
cmp_ok(($node->value($done) - $before) / (time - $begun), '<', 1.5 * 500_000, 'and share its bandwidth');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => 'h1')");
$server->clone_ends_well($_, $vm, 1, 'a limited domain') foreach @jobs;

# --- copies 2 to n of a call are read from the first one's image: where that is, though the source isn't
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
my $second = $node->make_domain($nfs2);
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$nfs2', '$second', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$nfs2', 'local'), vmclone.detach_storage_domain('$domain', 'h2')");
my @copies = $node->rows("SELECT * FROM vmclone.add_vm_from_snapshot('$snapshot', 'several{n}', copies => 4, lock_mode => 'shared', bandwidth_limit => 3000000,"
	  . " disks => '[{\"disk_id\": \"$vm->{disks}[0]{disk_id}\", \"storage_domain_id\": \"$nfs2\"}]')");
$server->clone_ends_well($copies[$_], $vm, 1, 'copy ' . ($_ + 1)) foreach 0 .. $#copies;
my @on = map { $node->value("SELECT host_name FROM vmclone.async_tasks WHERE job_id = '$_->{job_id}'") } @copies;
is($on[0], 'h1', 'the first copy of a call is made where its source is');
ok((grep { $_ eq 'h2' } @on[ 1 .. 3 ]), 'others where the first one is') or diag("@on");
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => 'h2')");

# --- copies on a host share a connection; those have their own for which its sshd opens no more sessions
sub four_at_once
{
	my ($name) = @_;

	$hosts->answer_through('h1', '');
	$node->value("SELECT status FROM vmclone.check_copy_host('h1')");
	my $before = $hosts->connections('h1');
	my @four = map { $node->clone($snapshot, vm_name => "$name$_", lock_mode => 'shared', bandwidth_limit => 400_000) } 1 .. 4;
	$node->poll_query_until('postgres', 'SELECT count(*) FILTER (WHERE bytes_done > 0) = 4 FROM vmclone.async_tasks WHERE result IS NULL') or die 'nothing is copied';
	my $more = $hosts->connections('h1') - $before;
	$server->clone_ends_well($_, $vm, 1, $name) foreach @four;
	return $more;
}
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('h2'), vmclone.add_copy_host('h1', '$hosts->{hosts}{h1}{address}', 4)");
cmp_ok(four_at_once('shared'), '<=', 0, 'four copies on a host make no connection beside the one that is there');
append_to_file("$hosts->{hosts}{h1}{folder}/sshd_config", "MaxSessions 2\n");
$hosts->stop_sshd('h1');
$hosts->start_sshd('h1');
cmp_ok(four_at_once('crowded'), '>', 0, 'where sshd opens two sessions at most, others have their own');
$node->safe_psql('postgres', "SELECT vmclone.add_copy_host('h1', '$hosts->{hosts}{h1}{address}'), vmclone.drain_copy_host('h2', false)");

# --- another host goes on from the checkpoint: what the first one has done is found, and little is copied twice
$hosts->listen_to(qw(h1 h2));
($job, my $first) = start_copy('continued');
my ($next) = grep { $_ ne $first } qw(h1 h2);
my $said = $hosts->said($next);
$server->poll_query_until('postgres', "SELECT bytes_done > 1500000 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'not copied on';
$hosts->kill_host($first);
$server->poll_query_until('postgres', "SELECT host_name = '$next' AND status = 'running' FROM vmclone.progress WHERE job_id = '$job->{job_id}'") or die 'no other host goes on';
$server->clone_ends_well($job, $vm, 1, 'its host was killed');
my $copied = $hosts->copied_again($next, $said);
cmp_ok($copied->{found}, '>', 0, 'another host has gone on from the checkpoint');
cmp_ok($copied->{again}, '<', 0.5 * $copied->{total}, 'and has copied little of it again');
note("from $copied->{found} of $copied->{total} bytes, $copied->{again} were copied twice");
$hosts->answer_through($_, '') foreach qw(h1 h2);
$hosts->start_sshd($first);
is($server->value("SELECT status FROM vmclone.check_copy_host('$first')"), 'up', 'the first one is back');

# --- a host that is drained lets its copies end; a failure names the host
($job, my $drained) = start_copy('lets_end');
$server->safe_psql('postgres', "SELECT vmclone.drain_copy_host('$drained')");
my ($claim) = $server->value("SELECT claim FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
$server->clone_ends_well($job, $vm, 1, 'its host is drained');
is($server->value("SELECT host_name || ' ' || claim FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), "$drained $claim", 'the copy has ended where it was');
my ($other) = grep { $_ ne $drained } qw(h1 h2);
my $layer = "$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[1]";
chmod 0, $layer or die "$layer: $!";
$job = $server->clone($snapshot, vm_name => 'unreadable', lock_mode => 'shared');
like($server->job_when($job->{job_id}, 'waiting', 'failed')->{reason}, qr/storage domain "nfs1" .*, host "$other": .*Permission denied|storage domain "nfs1" .*, host "$other": .*EACCES/,
	'what went wrong names disk, domain and host');
chmod 0660, $layer or die "$layer: $!";
$server->psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
$server->wait_for_job($job->{job_id});
$server->safe_psql('postgres', "SELECT vmclone.drain_copy_host('$drained', false)");

# --- a lease is the local copier's, too
$server->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => 'local'), vmclone.drain_copy_host('h1'), vmclone.drain_copy_host('h2')");
($job, my $local) = start_copy('local');
is($local, 'local', 'a copy on the machine of the database');
my @copiers = $server->copiers;
my $its_worker = $server->value('SELECT pid FROM vmclone.worker');
kill 'STOP', $its_worker;
is(join(' ', $server->copiers_that_stay(@copiers)), '', 'it ends by itself when its worker stands still');
kill 'CONT', $its_worker;
$server->clone_ends_well($job, $vm, 1, 'its worker stood still beside it');
$server->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'local'), vmclone.drain_copy_host('h1', false), vmclone.drain_copy_host('h2', false)");

# --- the worker stands still for longer than the lease: the copier ends by itself, and nothing is lost
($job, my $host) = start_copy('worker_stopped');
my $worker = $node->value('SELECT pid FROM vmclone.worker');
kill 'STOP', $worker;
my $stopped = time;
select undef, undef, undef, 0.1 while $hosts->processes($host) && time < $stopped + 6 * $lease;
is_deeply([ $hosts->processes($host) ], [], 'a copier whose worker stands still has ended by itself');
kill 'CONT', $worker;
ok($node->poll_query_until('postgres', "SELECT claim > 1 AND status = 'running' FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), 'the worker goes on, and gives the task out again');
$server->clone_ends_well($job, $vm, 1, 'its worker stood still');

# --- a standby is promoted while the old server stands still, with all of its programs
# base backups say nothing of the sockets of shared connections
$node->command_checks_all([ qw(pg_basebackup -c fast --no-sync -X stream -D), $node->backup_dir . '/base', '-d', $node->connstr ], 0, [qr/^$/], [qr/^$/],
	'a base backup while copies run on hosts');
my $standby = VmcloneCluster->new('hosts_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
($job, $host) = start_copy('promoted');
$node->wait_for_catchup($standby);
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my @family = ($postmaster, map { /(\d+)/ } `pgrep -P $postmaster`);
push @family, map { /(\d+)/ } map { `pgrep -P $_` } @family[ 1 .. $#family ];
my @old_copiers = $hosts->processes($host);
kill 'STOP', @family;
my ($silent_since, $ended) = (time);
$standby->promote;
$server = $standby;
my $at_once = 0;
my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
while (time < $deadline)
{
	my $writers = $hosts->writers;

	$at_once++ if grep { @$_ > 1 } values %$writers;
	$ended //= time unless grep { -e "/proc/$_" } @old_copiers;
	# the old server's copier is gone when the new one has given the task out
	last if $standby->value("SELECT claim > 1 AND status = 'running' AND bytes_done > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") eq 't';
}
is($at_once, 0, 'after a promotion no two copiers had the output open for writing at any time');
# with the margin of storage_lease_margin()
cmp_ok(defined $ended ? $ended - $silent_since : 'inf', '<=', $lease + 5, 'the old server\'s copier ended within its lease');
cmp_ok($standby->value("SELECT claim FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), '>', 1, 'the new server has taken the task');
$server->clone_ends_well($job, $vm, 1, 'its server was replaced');
kill 'KILL', @family;
$node->{_pid} = undef;
is_deeply([ $standby->leftovers($node->storage_root) ], [], 'no file is left over');
$standby->stop;
done_testing();
