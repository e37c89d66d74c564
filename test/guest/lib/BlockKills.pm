
=head1 NAME

BlockKills - kill -9 of what works for a block domain of the storage guest, and whether every logical volume is named then

=cut

package BlockKills;

use strict;
use warnings;
use BlockDomain;
use Exporter 'import';
use Guest;
use Test::More;
use Time::HiRes qw(sleep time);
use VmcloneCluster;

our @EXPORT = qw(seed kill_and_look unnamed processes);

=head2 seed

Seeds the random instants and says by what: VMCLONE_TEST_SEED repeats them.

=cut

sub seed
{
	my $seed = $ENV{VMCLONE_TEST_SEED} || int time;

	srand $seed;
	diag("VMCLONE_TEST_SEED=$seed");
	return;
}

=head2 processes($pattern)

{ pid => command line } of those that match.

=cut

sub processes
{
	my ($pattern) = @_;
	my %found = map { split ' ', $_, 2 } split /\n/, (try_run('pgrep', '-a', '-f', $pattern))[1];

	return \%found;
}

=head2 unnamed($node)

Volumes of which neither an image, a job that is not over nor an orphan knows: not the one that was removed, and its row after it, meanwhile.

=cut

sub unnamed
{
	my ($node) = @_;
	my @volumes = volumes();
	my %named = map { $_->{id} => 1 } $node->rows(<<'SQL');
SELECT image_guid AS id FROM vmclone.images
UNION SELECT image_id FROM vmclone.async_tasks JOIN vmclone.jobs USING (job_id) WHERE jobs.status NOT IN ('succeeded', 'failed', 'cancelled')
UNION SELECT substring(path, '[0-9a-f-]{36}$')::uuid FROM vmclone.orphan_files
SQL
	my @unnamed = grep { !$named{$_} } @volumes or return;
	my %there = map { $_ => 1 } volumes();

	return grep { $there{$_} } @unnamed;
}

# One of the processes that the pattern matches, as soon as there is one, a moment later.  What it was.
sub kill_one
{
	my ($pattern, $moment) = @_;

	for (1 .. 100)
	{
		my $found = processes($pattern);

		if (%$found)
		{
			sleep rand $moment;
			my $pid = (sort keys %$found)[ rand keys %$found ];
			my ($code) = try_run('sudo', '-n', 'kill', '-9', $pid);
			return ($code ? 'too late: ' : '') . substr $found->{$pid} =~ s{\S*/(vmclone-)}{$1}gr, 0, 60;
		}
		sleep 0.1;
	}
	return 'nothing there';
}

my %ways = (
	'copier' => sub { kill_one(copier() . " (?:--lease [0-9]+ --beat (?:[0-9]+ )?)?copy ", 2) },
	'helper' => sub { kill_one(copier() . " .*volume ", 0.7) },
	'program' => sub { kill_one('vmclone-provision-lvm ', 2) },
	'LVM' => sub { kill_one('^(?:/usr/sbin/|/sbin/)?(?:lvcreate|lvchange|lvextend|lvreduce|lvremove|blkdiscard|lvm fullreport) ', 0.3) },
	'worker' => sub { my ($node) = @_; $node->kill_worker // 'none' },
	'server' => sub { my ($node) = @_; $node->kill9; $node->start; 'kill -9' });

=head2 kill_and_look($node, $number, $way)

Kills a copier, a helper of the copier's that works for a volume, the provisioning program, LVM under it, the worker (which restarts the server)
or the server; tests then that every volume is named.

=cut

sub kill_and_look
{
	my ($node, $number, $way) = @_;

	note("$number $way: " . $ways{$way}->($node));
	$node->safe_psql('postgres', 'SELECT vmclone.start_worker()') if $way eq 'worker' || $way eq 'server';
	return is(join(' ', unnamed($node)), '', "$number, $way killed: every volume is named");
}

1;
