# measure.pl INSTALLED [OTHER INSTALLED]: what bench/jobs/run measures, the builds in turns; Markdown goes to descriptor 3.
use strict;
use warnings;
use List::Util qw(sum);
use POSIX ();
use Time::HiRes qw(sleep time);
use VmcloneCluster;
use Test::More;

my ($rounds, $jobs, $live, $cancel) = @ENV{qw(ROUNDS JOBS LIVE CANCEL)};
my @ways = split ' ', $ENV{WAYS} || 'alone paused queued cancel';
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my @names = ('this build', 'the other');
my @builds;

sub make_build
{
	my ($installed) = @_;
	local $ENV{VMCLONE_INSTALLED} = $installed;
	my $node = VmcloneCluster->start_new('build' . @builds, conf => "fsync = on\nshared_buffers = 256MB\nmax_wal_size = 4GB\nautovacuum_naptime = 10\n");
	my $vm = $node->make_vm(snapshots => 2, disks => [ { size => '256K', writes => 2 } ]);

	push @builds, { node => $node, vm => $vm, name => $names[@builds], number => 0, figures => {} };
	return;
}

# Makes jobs: single ones, or calls of a hundred copies.  A transaction of thousands of calls would wait for its own old rows.
sub queue
{
	my ($build, $count, $copies, %more) = @_;
	my $arguments = join '', map { ", $_ => $more{$_}" } sort keys %more;
	my $calls = $count / $copies;

	$build->{number}++;
	$build->{node}->safe_psql('postgres', <<"SQL");
DO \$\$ BEGIN
FOR i IN 1 .. $calls LOOP
	PERFORM vmclone.add_vm_from_snapshot('$build->{vm}{snapshots}[0]', 'b$build->{number}_' || i || '_{n}', copies => $copies, lock_mode => 'shared'$arguments);
	IF i % 250 = 0 THEN COMMIT; END IF;
END LOOP; END \$\$
SQL
	return "vm_name LIKE 'b$build->{number}\\_%'";
}

# Seconds of CPU that the worker, and the children that it has reaped, have used.
sub cpu
{
	my ($build) = @_;
	my $pid = $build->{node}->value('SELECT pid FROM vmclone.worker');
	my @fields = split ' ', (PostgreSQL::Test::Utils::slurp_file("/proc/$pid/stat") =~ /\) (.*)/)[0];

	return (($fields[11] + $fields[12]) / $ticks, ($fields[13] + $fields[14]) / $ticks);
}

sub memory
{
	my ($build) = @_;
	my $pid = $build->{node}->value('SELECT pid FROM vmclone.worker');

	return (PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m)[0];
}

# Waits until none of the jobs is live; no snapshot is held meanwhile.
sub wait_for_all
{
	my ($build, $which) = @_;

	$build->{node}->safe_psql('postgres', <<"SQL");
DO \$\$ BEGIN
WHILE EXISTS (SELECT FROM vmclone.jobs WHERE ended_at IS NULL AND $which) LOOP
	COMMIT;
	PERFORM pg_sleep(0.02);
END LOOP; END \$\$
SQL
	return;
}

sub run_jobs
{
	my ($build, $way) = @_;
	my @before = cpu($build);
	my $which = queue($build, $jobs, 1);
	my $start = time;

	wait_for_all($build, $which);
	my $seconds = time - $start;
	my @after = cpu($build);
	die 'jobs failed' if $build->{node}->value("SELECT count(*) FROM vmclone.jobs WHERE $which AND status = 'succeeded'") != $jobs;
	keep($build, $way, rate => $jobs / $seconds, worker => 1000 * ($after[0] - $before[0]) / $jobs, children => 1000 * ($after[1] - $before[1]) / $jobs);
	return;
}

sub keep
{
	my ($build, $way, %figures) = @_;

	push @{ $build->{figures}{$way}{$_} }, $figures{$_} foreach keys %figures;
	note(join ' ', $build->{name}, $way, map { sprintf '%s %.3f', $_, $figures{$_} } sort keys %figures);
	return;
}

sub cancel_all
{
	my ($build, $which) = @_;
	my $start = time;

	# one may end while it is to be cancelled
	$build->{node}->safe_psql('postgres', <<"SQL");
DO \$\$ DECLARE job uuid; BEGIN
FOR job IN SELECT job_id FROM vmclone.jobs WHERE ended_at IS NULL AND $which LOOP
	BEGIN
		PERFORM vmclone.cancel_job(job);
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
END LOOP; END \$\$
SQL
	wait_for_all($build, $which);
	return time - $start;
}

# Half of them are single jobs, half are copies of calls of a hundred.
sub beside
{
	my ($build, $count, %more) = @_;
	my @which = (queue($build, $count / 2, 1, %more), queue($build, $count / 2, 100, %more));

	return '(' . join(' OR ', @which) . ')';
}

sub tidy
{
	my ($build) = @_;

	$build->{node}->safe_psql('postgres', 'VACUUM ANALYZE');
	return;
}

sub measure
{
	my ($build, $way) = @_;

	tidy($build);
	if ($way eq 'alone')
	{
		run_jobs($build, $way);
	}
	elsif ($way eq 'cancel')
	{
		# the only place is taken by a copy that has not ended when they are cancelled
		$build->{node}->safe_psql('postgres', "ALTER SYSTEM SET vmclone.max_parallel_copies = 1");
		$build->{node}->reload;
		my $first = queue($build, 1, 1, bandwidth_limit => 500);
		my $which = queue($build, $cancel, 1);
		keep($build, $way, seconds => cancel_all($build, $which));
		cancel_all($build, $first);
		$build->{node}->safe_psql('postgres', "ALTER SYSTEM RESET vmclone.max_parallel_copies");
		$build->{node}->reload;
	}
	else
	{
		my $before = memory($build);
		# queued ones are behind what is measured, and others at a domain that takes no more
		my $which = beside($build, $live, $way eq 'paused' ? (start_paused => 'true', priority => 1) : (priority => -1));

		run_jobs($build, $way);
		cancel_all($build, $which);
		keep($build, $way, memory => memory($build) - $before);
	}
	return;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

make_build($_) foreach @ARGV;
$_->{node}->value('SELECT vmclone.start_worker()') foreach @builds;
foreach my $round (1 .. $rounds)
{
	foreach my $way (@ways)
	{
		measure($_, $way) foreach $round % 2 ? @builds : reverse @builds;
	}
}

open my $table, '>&=', 3 or die "descriptor 3: $!";
my %titles = (
	alone => 'no others live',
	paused => "$live paused jobs beside them",
	queued => "$live queued jobs beside them");
print $table "| jobs with a tiny disk | build | jobs a second | ms of CPU a job: worker | and its children | CPU, times that of none beside |\n|---|---|---|---|---|---|\n";
foreach my $way (grep { $titles{$_} } @ways)
{
	foreach my $build (@builds)
	{
		my %f = map { $_ => median(@{ $build->{figures}{$way}{$_} }) } qw(rate worker children);
		my $alone = $build->{figures}{alone};
		my $times = $alone ? sprintf('%.2f', ($f{worker} + $f{children}) / (median(@{ $alone->{worker} }) + median(@{ $alone->{children} }))) : '–';

		printf $table "| %s | %s | %.1f | %.2f | %.2f | %s |\n", $titles{$way}, $build->{name}, @f{qw(rate worker children)}, $times;
	}
}
foreach my $build (@builds)
{
	my $seconds = $build->{figures}{cancel}{seconds} or next;
	printf $table "\n%s: %d queued jobs cancelled in %.1f s (median of %d).\n", ucfirst $build->{name}, $cancel, median(@$seconds), scalar @$seconds;
}
if (@builds == 2 && $builds[0]{figures}{alone})
{
	my ($ours, $other) = map { $_->{figures}{alone}{rate} } @builds;
	printf $table "\nJobs a second against the other build, median of %d pairs: %.2f times.\n", $rounds, median(map { $ours->[$_] / $other->[$_] } 0 .. $rounds - 1);
}
close $table or die "descriptor 3: $!";
$_->{node}->stop foreach @builds;
ok(1);
done_testing();
