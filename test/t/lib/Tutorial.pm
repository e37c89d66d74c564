# Tutorial.pm: the commands of docs/tutorial.md in their order, what they answer, and what of an answer counts.
package Tutorial;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT = qw(tutorial_steps tutorial_answers same_but_for_the_run);

# { command, answer } of each "$ " line of the page; a command goes on up to the end of a here-document.
sub tutorial_steps
{
	my ($page) = @_;
	my @steps;

	open(my $file, '<', $page) or die "cannot open $page: $!";
	my $text = do { local $/; <$file> };
	foreach my $line (map { split /\n/ } $text =~ /^```\n(\$ .*?)^```$/msg)
	{
		if ($line =~ s/^\$ //)
		{
			push @steps, { command => $line, answer => '', open => scalar($line =~ /<<END/) };
		}
		elsif ($steps[-1]{open})
		{
			$steps[-1]{command} .= "\n$line";
			$steps[-1]{open} = $line ne 'END';
		}
		else
		{
			$steps[-1]{answer} .= "$line\n";
		}
	}
	return @steps;
}

# Runs commands in one shell on a terminal, with files in a folder: its exit code, and for each command (answer, exit code).
sub tutorial_answers
{
	my ($folder, @commands) = @_;
	my ($script, $screen) = ("$folder/script", "$folder/screen");

	open(my $out, '>', $script) or die "cannot write $script: $!";
	print $out "stty cols 250 rows 50\n", map { "$_\necho \"\@\@\$?\"\n" } @commands;
	close $out or die "cannot write $script: $!";
	my $code = system('script', '-qec', "timeout 600 bash $script", $screen);
	open(my $seen, '<', $screen) or die "cannot open $screen: $!";
	return ($code, split /^@@(\d+)\r*\n/m, do { local $/; <$seen> } =~ s/^Script started.*\n//r);
}

# The text without what differs from run to run: ids, times, sizes, how wide a table is.
sub same_but_for_the_run
{
	my ($text, $folder) = @_;

	# what a line that is written anew shows last
	$text =~ s/\e\[K//g;
	$text =~ s/\r+\n/\n/g;
	$text =~ s/^[^\n]*\r//mg;
	$text =~ s/\Q$folder\E/\/srv\/vms/g;
	$text =~ s/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/ID/g;
	$text =~ s/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d\b/TIME/g;
	$text =~ s/\b\d+(?:\.\d+)? (?:bytes|[kMGT]i?B)\b/SIZE/g;
	$text =~ s/\[#+\] 100 %.*/[#] 100 %/g;
	$text =~ s/^[-+]+$/-/mg;
	$text =~ s/[ \t]+/ /g;
	# what a file system can; what virsh says where polkit is not installed
	$text =~ s/\| (?:copy|reflink) \|[^|\n]*$/| METHOD/mg;
	$text =~ s/^Authorization not available\..*\n//mg;
	$text =~ s/^ | $|^\n//mg;
	return $text;
}

1;
