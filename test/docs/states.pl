#!/usr/bin/perl
# The state machine stands once: the tables in src/state/state_table.c are those of docs/jobs.md, the words are those that the
# tables of the database allow, and no other file writes a state.
use strict;
use warnings;
use Test::More;
use lib 'test/t/lib';
use StateTable qw(moves_of_page);

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "cannot open $path: $!";
	local $/;
	return <$handle>;
}

my $code = slurp('src/state/state_table.c');
my %movers = (
	CALL => 'the call', WORKER => 'worker', RETRY_JOB => '`retry_job`',
	ABANDON_CLEANING => '`abandon_cleaning`', ADOPT => '`adopt`');

# "from > to by who", one for each move
sub moves_of_code
{
	my ($table, $prefix) = @_;
	my ($rows) = $code =~ /\Q$table\E\[\] = \{(.*?)^\};/ms or die "no $table";
	my @moves;

	while ($rows =~ /^\t\{(.*?), ${prefix}_(\w+), MOVER_(\w+)\},$/mg)
	{
		my ($from, $to, $mover) = ($1, lc $2, $3);
		my @from = $from eq 'FROM_NOTHING' ? '–' : map { lc } $from =~ /${prefix}_(\w+)/g;

		push @moves, map { "$_ > $to by $movers{$mover}" } @from;
	}
	my $lines = () = $rows =~ /^\t\{/mg;
	my $read = () = $rows =~ /^\t\{.*?, ${prefix}_\w+, MOVER_\w+\},$/mg;
	is($read, $lines, "$table: every row is understood");
	return @moves;
}

my @job_moves = moves_of_code('job_moves', 'JOB');
my @task_moves = moves_of_code('task_moves', 'TASK');
cmp_ok(scalar(@job_moves), '>', 30, 'the code has moves of jobs');
is(join("\n", sort @job_moves), join("\n", sort(moves_of_page('Who moves a job'))), 'docs/jobs.md: the moves of a job, and no other');
is(join("\n", sort @task_moves), join("\n", sort(moves_of_page('Who moves a task'))), 'docs/jobs.md: the moves of a task, and no other');

# the words
my $tables = slurp('src/job/jobs.sql');
foreach my $kind ([ 'job_words', qr/CONSTRAINT jobs_words/ ], [ 'task_words', qr/CONSTRAINT async_tasks_words/ ])
{
	my ($words) = $code =~ /\Q$kind->[0]\E\[\] = \{(.*?)^\};/ms;
	my ($check) = $tables =~ /$kind->[1].*?status = ANY \('\{(.*?)\}'\)/s;

	$check =~ s/\s//g;
	is(join(' ', sort($words =~ /"(\w+)"/g)), join(' ', sort split /,/, $check), "$kind->[0]: as the table's constraint");
}

# who writes
my (@writers, @makers);
foreach my $file (glob('src/*/*.c'), glob('src/*/*.sql'))
{
	my $source = slurp($file);

	$source =~ s/"\s*\n\s*"//g;
	push @makers, $file if $source =~ /relation = "vmclone\.(?:jobs|async_tasks)"|INSERT INTO vmclone\.(?:jobs|async_tasks)\b/;
	push @writers, $file if $source =~ /UPDATE vmclone\.(?:jobs|async_tasks)\b[^;}]*?\bSET\b(?:(?!\bWHERE\b)[^;}])*?\bstatus = /s;
}
is(join(' ', sort @writers), 'src/job/job_state.c src/job/task_state.c', 'no other file writes a state');
is(join(' ', sort @makers), 'src/command/command_jobs.c', 'one file makes rows');
unlike(slurp('src/command/command_jobs.c'), qr/"(?:queued|paused|succeeded|init)"/, 'with states from the table');
done_testing();
