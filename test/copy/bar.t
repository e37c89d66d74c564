#!/usr/bin/perl
# bar.t: what --progress bar shows, on a terminal of several widths and where there is none.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use IO::Pty;    # libipc-run-perl brings it
use POSIX qw(:sys_wait_h);
use Qcow2;
use Test::More;
use Time::HiRes qw(time sleep);

my $TIOCSWINSZ = 0x5414;
my $space      = workspace();
chdir $space or die;
my $mib = 24;
command_ok(qw(qemu-img create -q -f qcow2 image.qcow2), "${mib}M");
command_ok(qw(qemu-io -f qcow2 -c), "write -q -P 1 0 ${mib}M", 'image.qcow2');
my @layer = qw(--layer qcow2:image.qcow2);

# Runs a copier on a terminal: its exit code, and each time and text that it drew there.
sub on_terminal
{
	my ($columns, $arguments, %option) = @_;
	my $pty   = IO::Pty->new;
	my $slave = $pty->slave;
	resize($slave, $columns);
	my $pid = fork // die;
	if ($pid == 0)
	{
		open STDIN,  '<',  '/dev/null';
		open STDERR, '>&', $slave;
		close $pty;
		exec $copier, @$arguments or POSIX::_exit(127);
	}
	close $slave;
	my ($text, @drawn) = ('');
	my $begin = time;
	while (sysread $pty, my $bytes, 65536)
	{
		$text .= $bytes;
		push @drawn, [ time - $begin, $1 ] while $text =~ s/^\r?([^\r\n]+)(?=[\r\n])//;
		$text =~ s/^\r?\n//;
		if (my $do = $option{at}) { $do->($pid, \@drawn, $pty) }
	}
	push @drawn, [ time - $begin, $1 ] if $text =~ /([^\r\n]+)/;
	waitpid $pid, 0;
	return ((WIFEXITED($?) ? WEXITSTATUS($?) : -WTERMSIG($?)), map { { at => $_->[0], text => $_->[1] } } @drawn);
}

# The parts of a drawn line.
sub parts
{
	my ($text) = @_;
	return unless $text =~ m{^(\w+)\s+(?:\[(#*)(\.*)\])?\s+([\d.]+)%\s+([\d.]+) of ([\d.]+) MiB\s+([\d.]+) MiB/s\s+(ETA|in|paused)\s*([\d:-]*)\s*$};
	return { phase => $1, filled => length($2 // ''), bar => length(($2 // '') . ($3 // '')), percent => $4, done => $5, total => $6, rate => $7, what => $8, time => $9 };
}
sub resize { my ($terminal, $columns) = @_; my $size = pack 'SSSS', 24, $columns, 0, 0; ioctl $terminal, $TIOCSWINSZ, $size or die; return }
sub seconds { my ($text) = @_; my $sum = 0; $sum = $sum * 60 + $_ for split /:/, $text; return $sum }

# ---------- 80 columns ----------
{
	my ($code, @drawn) = on_terminal(80, [ 'copy', @layer, qw(--output raw:out --limit 6M --no-reflink --progress bar) ]);
	is($code, 0, 'a copy on a terminal');
	my @all = map { my $part = parts($_->{text}); $part ? { %$part, at => $_->{at} } : () } @drawn;
	is(scalar @all, scalar @drawn, 'every line has all of its parts') or diag explain \@drawn;
	is(scalar(grep { length $_->{text} > 79 } @drawn), 0, 'none is longer than 79 columns');
	my @data = grep { $_->{phase} eq 'data' } @all;
	cmp_ok(scalar @data, '>=', 8, scalar(@data) . ' lines while data moves: about four a second');
	my ($backwards, $wrong, $bar, $eta, $last) = (0, 0, 0, 0, 0);
	for (@data)
	{
		$backwards++ if $_->{percent} < $last;
		$last = $_->{percent};
		$wrong++ if abs($_->{percent} - 100 * $_->{done} / $mib) > 0.5 || $_->{total} != $mib;
		$bar++ if abs($_->{filled} / $_->{bar} - $_->{percent} / 100) > 1 / $_->{bar} + 0.001;
		# what is left at that rate
		$eta++ if $_->{rate} > 1 && abs(seconds($_->{time}) - ($mib - $_->{done}) / $_->{rate}) > 1.1;
	}
	is($backwards, 0, 'percent never falls');
	is($wrong,     0, 'percent is the part that is done');
	is($bar,       0, 'the bar is filled so far');
	is($eta,       0, 'ETA is what is left by the rate');
	my @settled = grep { $_->{percent} > 60 && $_->{percent} < 100 } @data;
	cmp_ok(scalar @settled, '>', 0, 'some lines after the first burst');
	is(scalar(grep { $_->{rate} < 4.5 || $_->{rate} > 7.5 } @settled), 0, 'their rate is near the limit of 6 MiB/s') or diag join ' ', map { $_->{rate} } @settled;
	is(scalar(grep { my $left = $all[-1]{at} - $_->{at}; abs(seconds($_->{time}) - $left) > 2.5 } @settled), 0, 'and their ETA comes true');
	my $end = $all[-1];
	is("$end->{phase} $end->{percent} $end->{done} $end->{what}", "done 100.0 $mib.0 in", 'the last line: done, 100 %, in how long');
	is($end->{filled}, $end->{bar}, 'the bar is full');
	cmp_ok(abs(seconds($end->{time}) - $end->{at}), '<=', 1.6, 'that is how long it took');
	cmp_ok(abs($end->{rate} - $mib / $end->{at}), '<', 1, 'and its rate the average') or diag "$end->{rate} $end->{at}";
	unlink 'out';
}

# ---------- other widths ----------
# what a line says at a width: nothing is cut in its middle, the bar fills what is left
my $bar    = qr/\[#*\.*\]/;
my $amount = qr/ +[\d.]+ of 24\.0 MiB/;
my $time   = qr/  (?:ETA [\d:-]+|in [\d:]+)/;
my %says   = (
	10  => qr/^\w+ +$/,
	14  => qr/^\w+ +$/,
	15  => qr/^\w+ +[\d.]+%$/,
	20  => qr/^\w+ +[\d.]+%$/,
	40  => qr/^\w+ +$bar +[\d.]+%$time$/,
	60  => qr/^\w+ +$bar +[\d.]+%$amount$time$/,
	79  => qr{^\w+ +$bar +[\d.]+%$amount +[\d.]+ MiB/s$time$},
	80  => qr{^\w+ +$bar +[\d.]+%$amount +[\d.]+ MiB/s$time$},
	132 => qr{^\w+ +$bar +[\d.]+%$amount +[\d.]+ MiB/s$time$},
	200 => qr{^\w+ +$bar +[\d.]+%$amount +[\d.]+ MiB/s$time$},
	300 => qr{^\w+ +$bar +[\d.]+%$amount +[\d.]+ MiB/s$time$});
for my $columns (sort { $a <=> $b } keys %says)
{
	my ($code, @drawn) = on_terminal($columns, [ 'copy', @layer, qw(--output raw:out --limit 24M --no-reflink --progress bar) ]);
	is($code, 0, "$columns columns");
	is(scalar(grep { length $_->{text} > $columns - 1 } @drawn), 0, 'no line is too long') or diag explain \@drawn;
	my @strange = grep { ($_->{text} =~ s/ +$//r . ($_->{text} =~ /^\w+ *$/ ? ' ' : '')) !~ $says{$columns} } @drawn;
	is(scalar @strange, 0, 'whole words and numbers') or diag explain \@strange;
	like($drawn[-1]{text}, qr/^done/, 'the end is told');
	like($drawn[-1]{text}, qr/ 100\.0%/, 'at 100 %') if $columns > 14;
	if ($columns >= 40)
	{
		my ($full, $empty) = $drawn[-1]{text} =~ /\[(#+)(\.*)\]/;
		is($empty, '', 'the bar is full');
		# nobody reads a wider one; the time has room to grow
		cmp_ok(length $full, '<=', 60, 'a bar of sensible width');
		cmp_ok(length $drawn[-1]{text}, '>=', $columns - 9, 'the line is filled') if $columns <= 100;
	}
	unlink 'out';
}

# ---------- resized while it runs ----------
{
	my $done;
	my ($code, @drawn) = on_terminal(
		100,
		[ 'copy', @layer, qw(--output raw:out --limit 12M --no-reflink --progress bar) ],
		at => sub { my ($pid, $drawn, $pty) = @_; resize($pty, 70) if @$drawn == 2 && !$done++ });
	is($code, 0, 'resized');
	cmp_ok(length $drawn[0]{text}, '>', 70, 'wide at first');
	cmp_ok(length $drawn[-1]{text}, '<=', 69, 'then as narrow as the terminal');
	cmp_ok(length $drawn[-1]{text}, '>=', 60, 'and as wide');
	unlink 'out';
}

# ---------- paused, cancelled, failing ----------
{
	my $killed;
	my ($code, @drawn) = on_terminal(
		80,
		[ 'copy', @layer, qw(--output raw:out --limit 2M --no-reflink --progress bar) ],
		at => sub { my ($pid, $drawn) = @_; kill 'TERM', $pid if @$drawn >= 3 && !$killed++ });
	is($code, 4, 'cancelled on a terminal');
	like($drawn[-1]{text}, qr/^vmclone-copy: cancelled by signal$/, 'the reason stands on a line of its own');
	ok(!grep({ $_->{text} =~ /^done|100\.0%/ } @drawn), 'and nothing says that it is done');
}
{
	# an end in the middle of a line would glue the message to the bar
	command_ok(qw(cp image.qcow2 bad.qcow2));
	Qcow2->open('bad.qcow2')->set_l2(300, 0x50200);
	my ($code, @drawn) = on_terminal(80, [ qw(copy --layer qcow2:bad.qcow2 --output raw:out --progress bar) ]);
	is($code, 3, 'refused on a terminal');
	like($drawn[-1]{text}, qr/^vmclone-copy: layer 0 /, 'the reason stands on a line of its own');
}

# ---------- empty, verify, resume ----------
{
	my ($code, @drawn) = on_terminal(80, [ qw(copy --size 1G --output raw:out --progress bar) ]);
	is($code, 0, 'an empty image');
	is(parts($drawn[-1]{text})->{phase} . parts($drawn[-1]{text})->{percent}, 'done100.0', 'ends at 100 % too');
	unlink 'out';

	($code, @drawn) = on_terminal(80, [ 'copy', @layer, qw(--output raw:out --no-reflink --verify --limit 12M --progress bar) ]);
	is($code, 0, 'with --verify');
	my @read = grep { $_->{phase} eq 'verify' } map { parts($_->{text}) } @drawn;
	cmp_ok(scalar @read, '>=', 2, 'which has its own lines');
	cmp_ok($read[0]{percent}, '<', 60, 'from the beginning');
	is(scalar(grep { $read[$_]{percent} < $read[ $_ - 1 ]{percent} } 1 .. $#read), 0, 'and never back');

	($code, @drawn) = on_terminal(80, [ 'verify', @layer, qw(--output raw:out --progress bar) ]);
	is($code, 0, 'verify');
	is(parts($drawn[-1]{text})->{phase} . parts($drawn[-1]{text})->{percent}, 'done100.0', 'ends at 100 %');
	unlink 'out';

	my $victim = start_copier('copy', @layer, qw(--output raw:out --no-reflink --limit 8M --resume out.resume --progress json));
	$victim->wait_for(sub { ($_->{event} // '') eq 'progress' && ($_->{checkpoint} // 0) > 8 << 20 });
	$victim->murder;
	($code, @drawn) = on_terminal(80, [ 'copy', @layer, qw(--output raw:out --no-reflink --limit 4M --resume out.resume --progress bar) ]);
	is($code, 0, 'going on');
	my @data = grep { $_->{phase} eq 'data' } map { parts($_->{text}) } @drawn;
	cmp_ok($data[0]{percent}, '>=', 33, 'begins with what was done before');
	cmp_ok(parts($drawn[-1]{text})->{rate}, '<', 6, 'which is not part of the rate');
	unlink 'out';
}

# ---------- no terminal ----------
{
	my ($code, $out, $err) = run_command([ $copier, 'copy', @layer, qw(--output raw:out --limit 12M --no-reflink --progress bar) ]);
	is($code, 0, 'where there is no terminal');
	is($out, '', 'standard output is for others');
	is(() = $err =~ /\n/g, 1, 'one line') or diag $err;
	unlike($err, qr/\r| \n/, 'without carriage return or blanks at its end');
	chomp(my $line = $err);
	is(parts($line)->{phase} . parts($line)->{percent}, 'done100.0', 'at the end: done, 100 %');
	unlink 'out';
	($code, $out, $err) = run_command([ $copier, 'copy', qw(--layer qcow2:bad.qcow2 --output raw:out --progress bar) ]);
	is($code, 3, 'refused');
	is(() = $err =~ /\n/g, 1, 'nothing but the reason') or diag $err;
	like($err, qr/^vmclone-copy: layer 0 /, 'in its usual form');
}
chdir '/';
done_testing();
