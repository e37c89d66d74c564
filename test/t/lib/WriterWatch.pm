
=head1 NAME

WriterWatch - a process that looks all the time whether two copiers write to one image

Two that have an output open are not two that write: one may stand still, and end by itself when it is woken.  So what counts is who has
written since the last look, and who could have for several looks.

=cut

package WriterWatch;

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use Time::HiRes qw(sleep);

# What a copier tells of its progress in the time between two looks is less; how many looks a copier that was woken may take to end.
use constant { MOST_TOLD => 4096, WINDOW => 0.1, PATIENCE => 10 };

=head2 WriterWatch->start($hosts, $file)

Begins to look at the writers of CopyHosts.

=cut

my %running;    # process of the test => processes that look on

sub start
{
	my ($class, $hosts, $file) = @_;
	my $pid = fork // croak "fork: $!";

	look_on($hosts, $file) if $pid == 0;
	push @{ $running{$$} }, $pid;
	return bless { pid => $pid, file => $file }, $class;
}

# Bytes that a process has written so far; undef: it has ended, or stands still.
sub written_by
{
	my ($pid) = @_;

	open my $stat, '<', "/proc/$pid/stat" or return;
	return if (<$stat> // '') =~ /\) [TtZX]/;
	open my $file, '<', "/proc/$pid/io" or return;
	my ($bytes) = join('', <$file>) =~ /^wchar: (\d+)/m;
	return $bytes;
}

sub look_on
{
	my ($hosts, $file) = @_;
	my (%before, %together, $stop);
	my ($looks, $writing) = (0, 0);

	local $SIG{TERM} = sub { $stop = 1 };
	while (!$stop)
	{
		my (%now, %still);
		my $writers = $hosts->writers;

		foreach my $output (keys %$writers)
		{
			my %bytes = map { my $bytes = written_by($_); defined $bytes ? ($_ => $bytes) : () } @{ $writers->{$output} };
			my @wrote = grep { defined $before{$output}{$_} && $bytes{$_} > $before{$output}{$_} + MOST_TOLD } sort keys %bytes;
			my $able = join ' ', sort keys %bytes;

			$now{$output} = \%bytes;
			$writing++ if @wrote;
			append_to_file($file, "two at once: @wrote write to $output\n") if @wrote > 1;
			$still{"$output $able"} = 1 + ($together{"$output $able"} // 0) if keys %bytes > 1;
		}
		append_to_file($file, "two at once: $_\n") foreach grep { $still{$_} == PATIENCE } sort keys %still;
		$looks++;
		%before = %now;
		%together = %still;
		sleep WINDOW;
	}
	append_to_file($file, "looks $looks, of which in $writing somebody wrote\n");
	POSIX::_exit(0);
}

=head2 $watch->never_two($test_name)

Ends it, and tests that no two wrote, and that it has seen some write.

=cut

sub never_two
{
	my ($self, $test_name) = @_;

	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	my $report = slurp_file($self->{file});
	my $never = unlike($report, qr/two at once/, $test_name);
	like($report, qr/in [1-9]\d* somebody wrote/, 'who looked saw copiers write');
	note($report);
	return $never;
}

# Of a test that died: it has what the networks of hosts wait for.
END
{
	local $?;
	kill 'TERM', @{ $running{$$} || [] };
}

1;
