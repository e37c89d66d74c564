# Copies to a block domain whose host is killed, stands still, is cut off or loses its sshd, or whose server is restarted, each for longer than the
# lease: another host goes on, two never write to one device, two hosts never change the group, the clone is exact, nothing is left.
# Volumes are loop devices (LoopGroup); logical volumes are in test/guest/t/by_hand.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;
use CopyHosts;
use LoopGroup;
use WriterWatch;
use PostgreSQL::Test::Utils;

BEGIN { CopyHosts->enter_network }
my @names = map { "h$_" } 1 .. 4;
my ($node, $hosts) = LoopGroup->start_server('block_failover', 8, @names);
my $domain = $node->value("SELECT fixture.id('iscsi1')");
my $vm = $node->make_vm(name => 'file', snapshots => 3, disks => [ { size => '3600K', writes => 30 } ]);

$node->safe_psql('postgres', <<"SQL");
UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain';
SELECT vmclone.attach_storage_domain('$domain', '@{[ $hosts->group_path ]}', host => host_name), vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', host => host_name)
FROM vmclone.copy_hosts WHERE address IS NOT NULL;
SELECT vmclone.detach_storage_domain('$vm->{domain}', 'local');
SQL
my $watch = WriterWatch->start($hosts, $node->basedir . '/watched');

# Copies to devices, RAW and COW in turn, and the hosts and claims of their tasks once they move.  Then they slow down: one that would go on beside the
# next one has something to write for long.
sub begin
{
	my (@names) = @_;
	my @formats = qw(RAW COW);
	my @begun;

	foreach my $name (@names)
	{
		push @begun, { name => $name, job => $node->clone($vm->{snapshots}[1], vm_name => $name =~ s/ /_/r, lock_mode => 'shared', bandwidth_limit => 200_000,
				disks => VmcloneCluster::to_domain($vm, $domain, $formats[ @begun % 2 ])) };
	}
	foreach my $copy (@begun)
	{
		my $task = "FROM vmclone.async_tasks WHERE job_id = '$copy->{job}{job_id}'";

		$node->poll_query_until('postgres', "SELECT phase = 'data' $task") or die "$copy->{name}: nothing is copied";
		$copy->{task} = $node->row("SELECT host_name, claim $task");
		limit($copy, 40_000);
	}
	return @begun;
}

sub limit { my ($copy, $limit) = @_; return $node->for_jobs("alter_job(job, bandwidth_limit => $limit)", "job_id = '$copy->{job}{job_id}' AND ended_at IS NULL") }

# Copies again, under a newer claim, and faster.
sub goes_on
{
	my ($copy, $condition, $what) = @_;
	my ($job, $task) = @$copy{qw(job task)};

	limit($copy, 300_000);
	return ok($node->poll_query_until('postgres', "SELECT claim > $task->{claim} AND phase = 'data' AND $condition FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), $what)
	  || diag(explain $node->rows("SELECT host_name, claim, status, phase, bytes_done, error FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"));
}

sub succeeds
{
	my ($copy) = @_;
	my ($job, $what) = @$copy{qw(job name)};

	limit($copy, 0);
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$what: succeeds") or diag(explain $node->rows("SELECT status, reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
	my @clones = $node->disk_files($job->{vm_id});
	foreach my $disk (@{ $vm->{disks} })
	{
		my $clone = shift @clones;
		my ($out, $err);

		ok(IPC::Run::run([ 'qemu-img', 'compare', '-f', 'qcow2', '-F', $clone->{format}, "$disk->{path}/$disk->{images}[1]", $hosts->contents($clone->{image_id}) ], '>', \$out, '2>', \$err),
			"$what: $clone->{disk_alias} is exact") or diag("$out$err");
	}
	return;
}

sub nothing_is_left
{
	my ($what) = @_;

	ok($node->poll_query_until('postgres', "SELECT count(*) FILTER (WHERE left_hosts IS NOT NULL) = 0 FROM vmclone.async_tasks"), "$what: hosts have given back what they had");
	is(join(' ', $hosts->kept), '', "$what: no volume is active, and hosts keep nothing");
	is(join(' ', grep { $hosts->volumes->{$_}{unfinished} } sort keys %{ $hosts->volumes }), '', "$what: none is unfinished");
	$hosts->drop(keys %{ $hosts->volumes });
	return;
}

# A host that was down is asked again, more and more rarely.
sub hosts_are_up
{
	my ($checked, $end) = ('', time + $PostgreSQL::Test::Utils::timeout_default);

	$checked = $node->value('SELECT string_agg(DISTINCT (vmclone.check_copy_host(host_name)).status, \' \') FROM vmclone.copy_hosts WHERE address IS NOT NULL')
	  while $checked ne 'up' && time < $end;
	return is($checked, 'up', 'all hosts are up');
}

# What happens to hosts, and how it is undone: at one time, each to another host.  The last one copies all that theirs did; where only copiers stand
# still, their own host may, too.
sub happens_to_hosts
{
	my (@cases) = @_;
	my @copies = begin(map { $_->[0] } @cases);
	my %on = map { $_->{task}{host_name} => 1 } @copies;

	is(scalar(keys %on), @cases, 'each copy has a host of its own');
	$cases[$_][1]->($copies[$_]{task}{host_name}) foreach 0 .. $#cases;
	goes_on($_, $_->{name} =~ /^copiers/ ? 'true' : "host_name <> '$_->{task}{host_name}'", "$_->{name}: it is copied again") foreach @copies;
	# the first hosts are back while another one writes
	$cases[$_][2]->($copies[$_]{task}{host_name}) foreach 0 .. $#cases;
	hosts_are_up();
	succeeds($_) foreach @copies;
	nothing_is_left('hosts are back');
	return;
}

happens_to_hosts(
	[ 'host killed', sub { $hosts->kill_host($_[0]) }, sub { $hosts->start_sshd($_[0]) } ],
	[ 'host stopped', sub { $hosts->freeze($_[0]) }, sub { $hosts->thaw($_[0]) } ],
	[ 'link down', sub { $hosts->set_link($_[0], 'down') }, sub { $hosts->set_link($_[0], 'up') } ]);
happens_to_hosts(
	[ 'sshd stopped', sub { $hosts->cut($_[0]) }, sub { $hosts->mend($_[0]) } ],
	[ 'copiers stopped', sub { kill 'STOP', $hosts->copiers($_[0]) }, sub { $hosts->thaw($_[0]) } ],
	[ 'sshd killed', sub { my ($name) = @_; my @sessions = $hosts->sessions($name); $hosts->stop_sshd($name); kill 'KILL', @sessions }, sub { $hosts->start_sshd($_[0]) } ]);

# the worker's side: its copiers end by themselves
{
	my ($copy) = begin('worker stopped');
	my $worker = $node->value('SELECT pid FROM vmclone.worker');
	my @copiers = $hosts->copiers($copy->{task}{host_name});

	kill 'STOP', $worker;
	ok(scalar(@copiers), 'worker stopped: there are copiers');
	for (1 .. 300) { last unless grep { kill 0, $_ } @copiers; select undef, undef, undef, 0.1 }
	is(join(' ', grep { kill 0, $_ } @copiers), '', 'worker stopped: copiers have ended');
	kill 'CONT', $worker;
	succeeds($copy);
	nothing_is_left('worker stopped');
}

# the server
{
	my ($copy) = begin('server restarted');

	$node->stop('immediate');
	$node->start;
	goes_on($copy, 'true', 'server restarted: it is copied again');
	succeeds($copy);
	nothing_is_left('server restarted');
}

$watch->never_two('at no time did two write to one device');
is(join('; ', $hosts->changes_at_once), '', 'at no time did two hosts change the group');
is(join(' ', map { $hosts->processes($_) } @names), '', 'no process is left on a host');
$node->stop;
done_testing();
