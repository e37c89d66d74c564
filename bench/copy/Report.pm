# The table and the plot of bench/copy/run, and where they go in docs/performance.md.
package Report;

use strict;
use warnings;

sub first_line
{
	my ($command) = @_;
	my $line = `$command 2>/dev/null`;
	$line =~ s/\n.*//s;
	return $line;
}

# What was measured on, and how often, as a paragraph.
sub machine
{
	my ($rounds) = @_;
	my ($cpu) = map { /model name\s*:\s*(.*)/ ? $1 : () } split /\n/, `cat /proc/cpuinfo`;
	my $cores = first_line('nproc');
	my ($kib) = `cat /proc/meminfo` =~ /MemTotal:\s*(\d+)/;
	my $file_system = first_line('findmnt -n -o FSTYPE -T .');
	return sprintf "%s: %s, %d cores, %.0f GiB of memory, Linux %s, disk folder on %s; %s; %d rounds.\n\n",
	  first_line('date +%Y-%m-%d'), $cpu || 'unknown processor', $cores, $kib / 1048576, first_line('uname -r'),
	  $file_system, join(', ', map { first_line("'$_' --version") } split ' ', $ENV{QEMU_IMG} || 'qemu-img'), $rounds;
}

sub seconds
{
	my ($value) = @_;
	return defined $value ? sprintf('%.3f', $value) : '–';
}

# What the machine needs at least, and for what.
sub limit
{
	my ($result) = @_;
	return '–' unless defined $result->{limit};
	return seconds($result->{medians}{ $result->{limit} }) . " ($result->{limit})";
}

sub table
{
	my (@results) = @_;
	my $text = "| shape | ours, s | qemu-img's best, s | which | ratio | to reach | limit, s | peak RSS, MiB |\n"
	  . "|---|---|---|---|---|---|---|---|\n";
	for my $r (@results)
	{
		if ($r->{skipped})
		{
			$text .= "| $r->{id}: $r->{title} | skipped: $r->{skipped} | | | | | | |\n";
			next;
		}
		$text .= sprintf "| %s: %s | %s | %s | %s | %s | %s | %s | %.1f |\n", $r->{id}, $r->{title},
		  seconds($r->{medians}{'vmclone-copy'}), seconds($r->{best} ? $r->{medians}{ $r->{best} } : undef),
		  $r->{best} || '–', defined $r->{ratio} ? sprintf('**%.2f×**', $r->{ratio}) : '–',
		  $r->{goal} ? "$r->{goal}×" : '–', limit($r), $r->{rss} / 1024;
	}
	for my $r (grep { $_->{medians} } @results)
	{
		$text .= sprintf "\n%s: %.1f µs a run; the bare calls: %.1f µs.\n", $r->{id},
		  map { $r->{medians}{$_} / $r->{runs} * 1e6 } 'vmclone-copy', $r->{limit}
		  if $r->{runs};
		$text .= sprintf "\n%s: %.2f %% more space used.\n", $r->{id}, 100 * $r->{space} if defined $r->{space};
	}
	my %ours = map { ($_->{id} => $_->{medians}{'vmclone-copy'}) } grep { $_->{medians} } @results;
	$text .= sprintf "\nDepth: 200 layers take %.2f times as long as 10 (c200, c10; to reach: at most 1.5).\n", $ours{c200} / $ours{c10}
	  if $ours{c200} && $ours{c10};
	return $text;
}

# The median of numbers and the bounds between which it lies with 95 %: order statistics, whatever the distribution.
sub median_interval
{
	my @sorted = sort { $a <=> $b } @_;
	my $half = 0.98 * sqrt(@sorted);
	my ($low, $high) = (int(@sorted / 2 - $half), int(@sorted / 2 + $half));
	$low = 0 if $low < 0;
	$high = $#sorted if $high > $#sorted;
	return ($sorted[ $#sorted / 2 ], $sorted[$low], $sorted[$high]);
}

# Ours against an earlier build, pair by pair.
sub table_of_builds
{
	my (@results) = @_;
	my $text = "| shape | this build, s | earlier build, s | wall time, ratio (95 %) | processor time, ratio (95 %) |\n|---|---|---|---|---|\n";
	for my $r (@results)
	{
		if ($r->{skipped})
		{
			$text .= "| $r->{id}: $r->{title} | skipped: $r->{skipped} | | | |\n";
			next;
		}
		my @wall = map { $_->[0]{wall} / $_->[1]{wall} } @{ $r->{pairs} };
		my @processor = map { ($_->[0]{user} + $_->[0]{system}) / ($_->[1]{user} + $_->[1]{system}) } @{ $r->{pairs} };
		$text .= sprintf "| %s: %s | %s | %s | %.3f (%.3f–%.3f) | %.3f (%.3f–%.3f) |\n", $r->{id}, $r->{title},
		  seconds($r->{medians}{'vmclone-copy'}), seconds($r->{medians}{'earlier build'}), median_interval(@wall), median_interval(@processor);
	}
	return $text;
}

# Replaces what lies between the markers of a section, or adds the section at the end.
sub write_section
{
	my ($file, $name, $text) = @_;
	my $content = "# Performance\n";
	if (open my $in, '<', $file)
	{
		local $/;
		$content = <$in>;
		close $in;
	}
	my ($begin, $end) = ("<!-- begin $name -->", "<!-- end $name -->");
	my $section = "$begin\n$text$end";
	$content =~ s/\Q$begin\E.*?\Q$end\E/$section/s or $content .= "\n$section\n";
	open my $out, '>', $file or die "$file: $!\n";
	print $out $content;
	close $out or die "$file: $!\n";
}

# Bars of the ratios, with a mark at the ratio to reach; logarithmic.
sub write_plot
{
	my ($file, @results) = @_;
	my @bars = grep { defined $_->{ratio} } @results;
	my $max = 2;
	for (@bars) { $max = $_->{ratio} if $_->{ratio} > $max; $max = $_->{goal} if $_->{goal} > $max }
	my ($left, $width, $row) = (70, 560, 24);
	my $x = sub { my $v = $_[0] < 0.5 ? 0.5 : $_[0]; $left + $width * log($v / 0.5) / log($max * 1.2 / 0.5) };
	my $height = @bars * $row + 50;
	my $svg = sprintf qq(<svg xmlns="http://www.w3.org/2000/svg" width="720" height="%d" font-family="sans-serif" font-size="12">\n), $height;
	$svg .= qq(<rect width="100%" height="100%" fill="white"/>\n<text x="$left" y="16">times as fast as the fastest qemu-img convert (log scale; mark: to reach)</text>\n);
	my $y = 30;
	for my $r (@bars)
	{
		$svg .= sprintf qq(<text x="8" y="%d">%s</text><rect x="%.1f" y="%d" width="%.1f" height="16" fill="#3b6ea5"/><text x="%.1f" y="%d">%.2f×</text>\n),
		  $y + 13, $r->{id}, $x->(0.5), $y, $x->($r->{ratio}) - $x->(0.5), $x->($r->{ratio}) + 4, $y + 13, $r->{ratio};
		$svg .= sprintf qq(<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#c0392b" stroke-width="2"/>\n), $x->($r->{goal}), $y - 2, $x->($r->{goal}), $y + 18
		  if $r->{goal};
		$y += $row;
	}
	$svg .= sprintf qq(<line x1="%.1f" y1="24" x2="%.1f" y2="%d" stroke="#888" stroke-dasharray="3,3"/>\n</svg>\n), $x->(1), $x->(1), $y;
	open my $out, '>', $file or die "$file: $!\n";
	print $out $svg;
	close $out or die "$file: $!\n";
}

1;
