# Copies that end together end in one transaction, and are claimed in one; what stands in the way of one of them stops no other.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('together', conf => "vmclone.max_parallel_copies = 3\nlog_error_verbosity = verbose\n");
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', writes => 2 } ]);
my $gate = $node->basedir . '/gate';
my $copied = $node->basedir . '/copied';

# While there is a gate, copies are not committed; each copy leaves a line.
$node->wrap_copier($node->basedir . '/copier', <<"SH");
[ "\$1" != copy ] || echo "\$*" >>'$copied'
tries=0
while [ "\$1 \$2" = 'volume commit' ] && [ -e '$gate' ] && [ \$tries -lt 6000 ]; do
	sleep 0.1
	tries=\$((tries + 1))
done
SH

sub worker { return $node->value('SELECT pid FROM vmclone.worker') }

sub shut_gate
{
	open my $file, '>', $gate or die "$gate: $!";
	close $file;
	return;
}

# Three jobs, made while the worker is stopped: it finds them together when it goes on.
sub make_jobs
{
	my ($names, $between) = @_;
	my $worker = worker();

	kill 'STOP', $worker or die "kill: $!";
	my %jobs = map { $_ => $node->clone($vm->{snapshots}[0], vm_name => $_, lock_mode => 'shared') } @$names;
	$between->(\%jobs) if $between;
	kill 'CONT', $worker;
	return \%jobs;
}

# The worker goes on when all of its copiers have ended, so that it hears of all of them at once.
sub end_together
{
	my $worker = worker();
	my $children = sub { map { /^\s*(\S)/ } `ps -o stat= --ppid $worker` };
	my $tries = 0;

	kill 'STOP', $worker or die "kill: $!";
	unlink $gate or die "unlink: $!";
	select undef, undef, undef, 0.1 while (grep { $_ ne 'Z' } $children->()) && $tries++ < 10 * $PostgreSQL::Test::Utils::timeout_default;
	is(join('', $children->()), 'ZZZ', 'three copiers have ended, and the worker does not know yet');
	kill 'CONT', $worker;
	return;
}

sub wait_for_gate
{
	my ($names, $count) = @_;

	return $node->poll_query_until('postgres', <<"SQL");
SELECT count(*) = $count FROM vmclone.async_tasks t JOIN vmclone.jobs j USING (job_id)
WHERE j.vm_name LIKE '$names%' AND t.phase = 'committing'
SQL
}

# How many transactions have written the jobs' rows last.
sub transactions
{
	my ($names) = @_;
	return $node->value("SELECT count(DISTINCT xmin::text) || ' for ' || count(*) FROM vmclone.jobs WHERE vm_name LIKE '$names%'");
}

# A trigger of somebody's that refuses each write of a kind.
sub refuse
{
	my ($table, $event) = @_;

	$node->safe_psql('postgres', <<"SQL");
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not this one''; END';
CREATE TRIGGER refuse BEFORE $event EXECUTE FUNCTION public.refuse();
SQL
	return;
}

sub allow
{
	$node->safe_psql('postgres', 'DROP FUNCTION public.refuse() CASCADE');
	return;
}

# Nothing stands in the way.
shut_gate();
my $jobs = make_jobs([qw(free1 free2 free3)]);
ok(wait_for_gate('free', 3), 'three copies are ready to be committed');
is(transactions('free'), '1 for 3', 'one transaction has claimed them');
end_together();
is($node->wait_for_job($_->{job_id}), 'succeeded', 'it succeeds') foreach values %$jobs;
is(transactions('free'), '1 for 3', 'one transaction has ended all of them');

# The rows of one of them can't be written at its end.
shut_gate();
$jobs = make_jobs([qw(end1 end2 end3)]);
ok(wait_for_gate('end', 3), 'three more copies are ready to be committed');
refuse(vm_dynamic => "UPDATE ON vmclone.vm_dynamic FOR EACH ROW WHEN (NEW.vm_guid = '$jobs->{end2}{vm_id}')");
my $log = -s $node->logfile;
end_together();
is($node->wait_for_job($jobs->{$_}{job_id}), 'succeeded', "$_ succeeds") foreach qw(end1 end3);
is(transactions('end'), '3 for 3', 'each in a transaction of its own');
ok($node->wait_for_log(qr/not this one/, $log), 'the log says what stands in the way of end2');
is($node->value("SELECT status || ' ' || result FROM vmclone.async_tasks WHERE job_id = '$jobs->{end2}{job_id}'"), 'finished success', 'the image of end2 is there');
ok($node->poll_query_until('postgres', "SELECT status = 'finishing' AND reason LIKE '%not this one%' FROM vmclone.jobs WHERE job_id = '$jobs->{end2}{job_id}'"),
	'end2 waits for its end, and says for what');
allow();
is($node->wait_for_job($jobs->{end2}{job_id}), 'succeeded', 'when nothing stands in its way any more, end2 succeeds');
is(scalar(split /\n/, PostgreSQL::Test::Utils::slurp_file($copied)), 6, 'no image was copied twice');
$node->images_equal($_->{vm_id}, $vm, 0) foreach values %$jobs;

# One of them can't be claimed.
shut_gate();
$log = -s $node->logfile;
$jobs = make_jobs(
	[qw(claim1 claim2 claim3)],
	sub {
		refuse(async_tasks => "UPDATE ON vmclone.async_tasks FOR EACH ROW WHEN (NEW.status = 'running' AND NEW.job_id = '$_[0]->{claim1}{job_id}')");
	});
ok(wait_for_gate('claim', 2), 'the other two are copied');
ok($node->wait_for_log(qr/not this one/, $log), 'the log says what stands in the way of claim1');
like($node->job_when($jobs->{claim1}{job_id}, 'waiting')->{reason}, qr/not this one/, 'claim1 waits, and says for what');
allow();
unlink $gate or die "unlink: $!";
foreach my $name (sort keys %$jobs)
{
	is($node->wait_for_job($jobs->{$name}{job_id}), 'succeeded', "$name succeeds");
	$node->images_equal($jobs->{$name}{vm_id}, $vm, 0);
}
is_deeply([ $node->leftovers ], [], 'nothing is left over');
done_testing();
