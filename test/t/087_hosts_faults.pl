# Random faults while copies run on three hosts, each a real sshd in a network of its own: links that are cut, sshd, hosts, copiers and
# ssh killed or stopped for longer than the lease, the worker too, the server restarted.  At no time do two write to one image;
# in the end every clone is exact, and nothing is left.
#
#   VMCLONE_TEST_SEED, VMCLONE_TEST_KILLS   which faults, and how many
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use VmcloneCluster;
use CopyHosts;
use PostgreSQL::Test::Utils;

my $has_network;
BEGIN { $has_network = CopyHosts->enter_network }
plan skip_all => 'no network can be made here' unless $has_network;
my $seed = $ENV{VMCLONE_TEST_SEED} || time % 1_000_000_000;
my $faults = $ENV{VMCLONE_TEST_KILLS} || 12;
srand int $seed;
diag('VMCLONE_TEST_SEED=' . int $seed);

my $lease = 3;
my @names = qw(h1 h2 h3);
my $node = VmcloneCluster->start_new('hosts_faults', conf => <<"CONF");
vmclone.retry_delay = '100ms'
vmclone.copy_lease = '${lease}s'
vmclone.max_attempts = 1000
vmclone.max_parallel_copies = 6
CONF
my $hosts = CopyHosts->start_apart($node, @names);
plan skip_all => 'no sshd' unless $hosts;

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 } ]);
my ($snapshot, $domain, $path) = ($vm->{snapshots}[1], $vm->{domain}, $vm->{path});
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";
my $root = $node->storage_root;

$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'local')");

# --- who writes: looked at by a process of its own, all the time

# Bytes that a process has written so far; undef: it has ended.
sub written_by
{
	my ($pid) = @_;

	open my $file, '<', "/proc/$pid/io" or return;
	my ($bytes) = join('', <$file>) =~ /^wchar: (\d+)/m;
	return $bytes;
}

# Lines of a file: "looks N" at the end, and before each time that two processes wrote to one image within a tenth of a second.
# What a copier tells of its progress is less than MOST_TOLD in that time.
use constant { MOST_TOLD => 4096, WINDOW => 0.1 };

sub watch
{
	my ($file) = @_;
	my (%before, $seen);

	local $SIG{TERM} = sub { $seen->{stop} = 1 };
	while (!$seen->{stop} && getppid() != 1)
	{
		my %now;
		my $writers = $hosts->writers;

		foreach my $output (keys %$writers)
		{
			my @wrote;

			foreach my $pid (@{ $writers->{$output} })
			{
				my $bytes = written_by($pid) // next;

				$now{$output}{$pid} = $bytes;
				push @wrote, $pid if defined $before{$output}{$pid} && $bytes > $before{$output}{$pid} + MOST_TOLD;
			}
			$seen->{writing}++ if @wrote;
			append_to_file($file, "two at once: @wrote write to $output\n") if @wrote > 1;
		}
		$seen->{looks}++;
		%before = %now;
		sleep WINDOW;
	}
	append_to_file($file, "looks $seen->{looks}, of which in " . ($seen->{writing} // 0) . " somebody wrote\n");
	POSIX::_exit(0);
}

my $watched = $node->basedir . '/watched';
my $watcher = fork // die "fork: $!";
watch($watched) if $watcher == 0;

# --- what goes wrong

# Undone after longer than a lease, by a process of its own.
my @undoing;

sub undo_later
{
	my ($undo) = @_;
	my $wait = $lease + rand 3;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		sleep $wait;
		$undo->();
		POSIX::_exit(0);
	}
	push @undoing, $pid;
	return;
}

sub stop_for_a_while
{
	my (@pids) = @_;

	kill 'STOP', @pids;
	undo_later(sub { kill 'CONT', @pids });
	return;
}

sub copiers_on { my ($host) = @_; return grep { (readlink("/proc/$_/exe") // '') =~ /vmclone-copy/ } $hosts->processes($host) }
sub worker { return $node->value("SELECT pid FROM vmclone.worker WHERE pid IS NOT NULL") }
sub clients { my $worker = worker() or return; return map { /(\d+)/ } `pgrep -x -P $worker ssh` }
sub one_of { return @_ ? $_[ rand @_ ] : () }

my %faults = (
	'link down'      => sub { my ($host) = @_; $hosts->set_link($host, 'down'); undo_later(sub { $hosts->set_link($host, 'up') }) },
	'sessions killed' => sub { kill 'KILL', $hosts->sessions($_[0]) },
	'sshd killed'    => sub { my ($host) = @_; $hosts->stop_sshd($host); kill 'KILL', one_of(copiers_on($host)); sleep 1; $hosts->start_sshd($host) },
	'host killed'    => sub { my ($host) = @_; $hosts->kill_host($host); sleep rand 2; $hosts->start_sshd($host) },
	'copier killed'  => sub { kill 'KILL', one_of(copiers_on($_[0])) },
	'copiers stopped' => sub { stop_for_a_while(copiers_on($_[0])) },
	'sshd stopped'   => sub { my ($host) = @_; stop_for_a_while($hosts->listener($host), $hosts->sessions($host)) },
	'host stopped'   => sub { my ($host) = @_; stop_for_a_while($hosts->listener($host), $hosts->sessions($host), $hosts->processes($host)) },
	'client killed'  => sub { kill 'KILL', one_of(clients()) },
	'client stopped' => sub { stop_for_a_while(one_of(clients())) },
	'worker stopped' => sub { stop_for_a_while(worker()) },
	'worker killed'  => sub { $node->kill_worker },
	'server restarted' => sub { $node->stop(rand() < 0.7 ? 'immediate' : 'fast'); $node->start });
# each at least now and then, the dear ones rarely
my @dice = (sort(keys %faults), grep { !/^(?:worker|server)/ } sort keys %faults);
my (@jobs, @log);

for my $number (1 .. $faults)
{
	my ($host, $fault, $wait) = ($names[ rand @names ], $dice[ rand @dice ], rand 2.5);
	my $begun = $node->value("SELECT count(*) FROM vmclone.jobs WHERE $live");

	push @jobs, $node->clone($snapshot, vm_name => 'clone' . @jobs, lock_mode => 'shared', bandwidth_limit => 500_000) for $begun .. 3;
	sleep $wait;
	push @log, "$fault $host";
	note(join ' ', $number, $log[-1]);
	$faults{$fault}->($host);
	# a host or worker that is stopped is no other fault's
	if (@undoing > 1) { waitpid shift @undoing, 0 }
}
waitpid $_, 0 foreach @undoing;
is($node->poll_query_until('postgres', "SELECT bool_and(state = 'up') FROM vmclone.copy_hosts WHERE address IS NOT NULL"), 1, 'all hosts are up again');
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);

foreach my $job (@jobs)
{
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$job->{vm_name} succeeds")
	  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	$node->images_equal($job->{vm_id}, $vm, 1, "$job->{vm_name} is exact");
}
kill 'TERM', $watcher;
waitpid $watcher, 0;
my $report = slurp_file($watched);
unlike($report, qr/two at once/, 'at no time did two write to one image') or diag(join "\n", @log);
like($report, qr/in [1-9]\d* somebody wrote/, 'who looked saw copiers write');
note($report);
is_deeply([ $node->leftovers ], [], 'no file is left over');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'nothing is locked');
is($node->value('SELECT count(*) FROM vmclone.async_tasks WHERE result IS NULL'), 0, 'every task has its result');
is_deeply([ map { $hosts->processes($_) } @names ], [], 'no copier is left on a host');
is($node->value('SELECT count(DISTINCT host_name) FROM vmclone.async_tasks'), 3, 'all hosts have copied') if @jobs > 8;
$node->stop;
done_testing();
