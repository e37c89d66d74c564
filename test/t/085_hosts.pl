# Copies on hosts that are reached by ssh, each a real sshd: placement, limits, requests, a host that is down, one that dies,
# one that is drained, a link that says nothing any more, a server that restarts.  The results are what qemu-img reads.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;
use CopyHosts;

my $node = VmcloneCluster->start_new('hosts', conf => <<'CONF');
vmclone.retry_delay = '100ms'
vmclone.copy_lease = '5s'
vmclone.max_parallel_copies = 8
CONF
my $hosts = CopyHosts->start($node, qw(h1 h2 h3));
plan skip_all => 'no sshd' unless $hosts;

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 } ]);
my ($snapshot, $domain, $path) = ($vm->{snapshots}[1], $vm->{domain}, $vm->{path});

# hosts are found to be up by themselves, and say which version they are
ok($node->poll_query_until('postgres', "SELECT count(*) = 3 FROM vmclone.copy_hosts WHERE state = 'up' AND copier_version IS NOT NULL AND address IS NOT NULL"),
	'new hosts are asked, and are up');
my $check = $node->row("SELECT * FROM vmclone.check_copy_host('h1')");
is($check->{status}, 'up', 'check_copy_host says so, too');
is($check->{copier_version}, $node->value("SELECT copier_version FROM vmclone.check_copy_host('local')"), 'with the version of this machine');

# what the key allows
my ($out, $err);
IPC::Run::run([ split(/ /, $hosts->ssh_line =~ s/\{address\}.*/$hosts->{hosts}{h1}{address}/r), 'id; touch', "$path/shell" ],
	'<', \undef, '>', \$out, '2>', \$err);
unlike($out, qr/uid=/, 'the key runs no shell');
ok(!-e "$path/shell", 'and no command of its caller');
my ($code) = $node->psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '/etc', host => 'h1')", stderr => \$err);
like($err, qr/could not attach storage domain .*On host "h1"/s, 'nothing outside of the roots of a host, whose name is told');

# the domain on hosts only, as where the database's machine sees no storage
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
my $differences = $node->value("SELECT string_agg(path, ' ' ORDER BY path) FROM vmclone.check_storage_domain('$domain', false, 'local')");
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'local')");
is($node->value("SELECT string_agg(host_name, ' ' ORDER BY host_name) FROM vmclone.storage WHERE storage_domain_id = '$domain' AND attached = 'attached'"),
	'h1 h2 h3', 'view storage has a row for each host');
is($node->value("SELECT host_name || ' ' || status FROM vmclone.check_storage_domain('$domain', 'h2')"), 'h2 attached', 'check_storage_domain asks a host');
is($node->value("SELECT string_agg(path, ' ' ORDER BY path) FROM vmclone.check_storage_domain('$domain', false, 'h3')"), $differences,
	'and finds on a host what the machine of the database found');

is($node->value("SELECT string_agg(concat_ws(' ', subject, state), ', ' ORDER BY subject) FROM vmclone.doctor() WHERE item = 'copy host'"), 'h1 ok, h2 ok, h3 ok', 'doctor() looks at the hosts');
is($node->value("SELECT count(*) FILTER (WHERE state = 'ok' AND finding ~ 'writable') || ' of ' || count(*) FROM vmclone.doctor() WHERE item = 'storage domain' AND subject ~ ' on host h[123]\$'"),
	'3 of 3', 'and tries the domain out on each');

sub finish
{
	my ($job, $what) = @_;

	$node->clone_ends_well($job, $vm, 1, $what);
	my $others = $node->value("SELECT count(*) FROM vmclone.jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')");
	is_deeply([ $node->leftovers ], [], "$what: no file is left over") unless $others;
	return;
}

# A copy that moves; the host that it is on.
sub start_copy
{
	my ($name, %arguments) = @_;
	my $job = $node->clone($snapshot, vm_name => $name, bandwidth_limit => 400_000, lock_mode => 'shared', %arguments);

	$node->poll_query_until('postgres', "SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
	  or die "job $job->{job_id} copies nothing";
	return ($job, host_of($job));
}

sub host_of
{
	my ($job) = @_;
	return $node->value("SELECT host_name FROM vmclone.progress WHERE job_id = '$job->{job_id}'");
}

sub moves_from
{
	my ($job, $host, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT host_name <> '$host' AND status = 'running' FROM vmclone.progress WHERE job_id = '$job->{job_id}'"),
		"$what: it goes on on another host");
	return;
}

finish($node->clone($snapshot, vm_name => 'plain', verify => 1), 'verified, on a host');
my @jobs = map { (start_copy("even$_"))[0] } 1 .. 3;
is(join(' ', sort map { host_of($_) } @jobs), 'h1 h2 h3', 'three copies go to three hosts');
is($node->value("SELECT string_agg(running_copies::text, ' ') FROM vmclone.copy_hosts WHERE address IS NOT NULL"), '1 1 1', 'view copy_hosts counts them');

# requests
$node->safe_psql('postgres', "SELECT vmclone.pause_job('$jobs[0]{job_id}')");
is($node->wait_for_status($jobs[0]{job_id}, 'paused'), 'paused', 'a copy on a host is paused');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$jobs[0]{job_id}')");
finish($jobs[0], 'paused and resumed');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[1]{job_id}')");
is($node->wait_for_job($jobs[1]{job_id}), 'cancelled', 'a copy on a host is cancelled');
finish($jobs[2], 'beside them');
is_deeply([ $node->leftovers ], [], 'and leaves nothing');

# a host that is drained
my ($job, $host) = start_copy('drained');
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('$host', move => true)");
moves_from($job, $host, 'drained');
cmp_ok($node->value("SELECT bytes_done FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), '>', 0, 'from where it was');
finish($job, 'drained');
is($node->value("SELECT state FROM vmclone.copy_hosts WHERE host_name = '$host'"), 'draining', 'its host is drained');
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('$host', false)");

# a host that dies
($job, $host) = start_copy('killed');
my ($other) = start_copy('bystander');
$hosts->kill_host($host);
ok($node->poll_query_until('postgres', "SELECT state = 'down' FROM vmclone.copy_hosts WHERE host_name = '$host'"), 'a host that died is down');
like($node->value("SELECT error FROM vmclone.copy_hosts WHERE host_name = '$host'"), qr/\S/, 'with a reason');
finish($other, 'beside a dead host');
moves_from($job, $host, 'its host died');
finish($job, 'its host died');
finish($node->clone($snapshot, vm_name => 'without'), 'with a host down');
$hosts->start_sshd($host);
ok($node->poll_query_until('postgres', "SELECT state = 'up' FROM vmclone.copy_hosts WHERE host_name = '$host'"), 'a host that is back is up by itself');

# a link that says nothing: the copier behind it ends by itself before another one begins
($job, $host) = start_copy('cut');
my ($claim) = $node->value("SELECT claim FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
$hosts->cut($host);
my $at_once = 0;
my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
while (time < $deadline)
{
	my $writers = $hosts->writers;
	# the writing process of each copier is one; two are two copiers
	$at_once = @{ $writers->{$_} } if grep { @{ $writers->{$_} } > 1 } keys %$writers;
	last if $node->value("SELECT claim > $claim AND status = 'running' FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") eq 't';
}
isnt(host_of($job), $host, 'its link was cut: it goes on on another host');
is($at_once, 0, 'at no time did two have the output open for writing');
# it writes no more; what is left of it may take a moment to end
my $ended_by = time + 5;
select undef, undef, undef, 0.1 while $hosts->processes($host) && time < $ended_by;
is_deeply([ $hosts->processes($host) ], [], 'the copier behind the cut link has ended by itself');
$hosts->mend($host);
finish($job, 'its link was cut');

# a host that stands still, for longer than the lease, and goes on
($job, $host) = start_copy('frozen');
$hosts->freeze($host);
moves_from($job, $host, 'its host stood still');
$hosts->thaw($host);
finish($job, 'its host stood still');

# the server dies: copiers on hosts end, and the next worker waits until they surely have
($job, $host) = start_copy('restarted');
$node->kill9;
my $gone = 0;
for (1 .. 100) { last if $gone = !$hosts->processes($host); select undef, undef, undef, 0.1; }
ok($gone, 'copiers on hosts end with the server');
$node->start;
finish($job, 'the server was killed');

# nobody has all domains
my $second = $node->make_domain($node->value("SELECT fixture.id('nfs2')"));
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
$job = $node->clone($snapshot, vm_name => 'apart', lock_mode => 'shared', disks => [ { disk_id => $vm->{disks}[0]{disk_id}, storage_domain_id => $nfs2 } ]);
my $row = $node->job_when($job->{job_id}, 'waiting');
like($row->{reason}, qr/no host has all of its storage domains: .*nfs2.* is attached on local.*nfs1.* is attached on h1, h2, h3/, 'a job without a host waits and says which domain is where')
  or diag($row->{reason});
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$nfs2', '$second', host => 'h2')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and goes on once one has all');
is(host_of($job), 'h2', 'on that one');

# limits of a host
$node->safe_psql('postgres', "SELECT vmclone.add_copy_host('h1', '$hosts->{hosts}{h1}{address}', 1), vmclone.drain_copy_host('h2'), vmclone.drain_copy_host('h3')");
@jobs = map { $node->clone($snapshot, vm_name => "limited$_", lock_mode => 'shared', bandwidth_limit => 400_000) } 1 .. 3;
ok($node->poll_query_until('postgres', "SELECT running_copies = 1 FROM vmclone.copy_hosts WHERE host_name = 'h1'"), 'a host with max_copies 1 runs one');
select undef, undef, undef, 2;
is($node->value("SELECT running_copies FROM vmclone.copy_hosts WHERE host_name = 'h1'"), 1, 'and no more');
my ($later, $preferred) = $node->rows("SELECT * FROM vmclone.async_tasks WHERE status <> 'running' AND result IS NULL ORDER BY job_id");
$node->safe_psql('postgres', "SELECT vmclone.alter_job('$preferred->{job_id}', priority => 1)");
ok($node->poll_query_until('postgres', "SELECT status = 'running' OR result IS NOT NULL FROM vmclone.async_tasks WHERE job_id = '$preferred->{job_id}'"),
	'the next one there is the one with the higher priority');
is($node->value("SELECT status FROM vmclone.async_tasks WHERE job_id = '$later->{job_id}'"), $later->{status}, 'not the one that came first');
finish($_, 'limited') foreach @jobs;

# none is up
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('h1')");
$job = $node->clone($snapshot, vm_name => 'nowhere', lock_mode => 'shared');
like($node->job_when($job->{job_id}, 'waiting')->{reason}, qr/host "h1" is being drained/, 'with all hosts drained a job waits, and says so');
$node->safe_psql('postgres', "SELECT vmclone.drain_copy_host('h1', false)");
finish($job, 'a host is back');

$node->stop;
done_testing();
