#!/usr/bin/perl
# generated.t: random chains against qemu-img.  One test per chain.
#
#	SEED=n		the run's seed (printed); chain i has seed n * 1000 + i
#	CHAINS=n	how many, default 300
#	CHAIN=n		only the chain with this seed, its files are kept and named
use strict;
use warnings;
use Fcntl qw(SEEK_SET);
use File::Compare qw(compare);
use File::Path qw(remove_tree);
use FindBin;
use IO::Handle;
use IO::Select;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $seed      = $ENV{SEED}   // time % 1_000_000;
my $count     = $ENV{CHAINS} // 300;
my $only      = $ENV{CHAIN};
my $generator = $ENV{MAKE_CHAIN} // "$top/build/test-copy/make_chain";
my $space     = workspace();
my $workers   = defined $only ? 1 : 2;

# The problems of one chain, each a line; none = fine.
sub try_chain
{
	my ($number) = @_;
	my $dir = "$space/$number";
	mkdir $dir or die;
	srand($number);
	my @problems;
	my ($code, $list, $err) = run_command([ $generator, $number, $dir, chain_keys() ]);
	return ("make_chain: $err") if $code != 0;
	my @layers   = map { [ split / /, $_, 4 ] } split /\n/, $list;
	my $above    = $layers[-1];
	my @chain    = map { ('--layer', "$_->[0]:$dir/$_->[1]") } @layers;
	my $describe = @layers . " layers, last: @$above[0,2] " . ($above->[3] // '');

	($code, my $out, $err) =
	  run_command([ qw(qemu-img convert -f), $above->[0], qw(-O raw), "$dir/$above->[1]", "$dir/oracle" ]);
	if ($code != 0)
	{
		# a file that was cut inside a compressed cluster is no valid image: then we must refuse it too
		return ("oracle: $err", $describe) if $list !~ /truncated=1/;
		my ($ours, undef, $say) = run_command([ $copier, 'copy', @chain, '--output', "raw:$dir/raw" ]);
		push @problems, "qemu-img: $err; we: exit $ours: $say" if $ours != 3 || -e "$dir/raw";
		remove_tree($dir);
		return @problems;
	}

	my $run = sub {
		my ($what, $expected, @arguments) = @_;
		my ($result, $text, $errors) = run_command([ $copier, @arguments ], timeout => 100);
		push @problems, "$what: exit $result: $errors  [@arguments]" if $result != $expected;
		return ($result == $expected, $text, $errors);
	};
	my $measured = sub {
		my ($path, @format) = @_;
		my ($ok, $text) = $run->('measure', 0, 'measure', @chain, @format);
		return unless $ok;
		my $answer = json_of($text);
		push @problems, "measure @format says " . ($answer->{required} // 'nothing') . ", is " . -s $path
		  if ($answer->{required} // -1) != -s $path;
		push @problems, "measure says virtual size " . ($answer->{virtual_size} // '') . ", is " . -s "$dir/oracle"
		  if ($answer->{virtual_size} // -1) != -s "$dir/oracle";
	};
	my @tuning;
	push @tuning, '--threads', 1 + int rand 4 if rand() < 0.7;
	push @tuning, '--io', (qw(auto direct buffered))[ rand 3 ] if rand() < 0.5;
	push @tuning, '--no-reflink' if rand() < 0.3;

	# raw
	my @preallocate = rand() < 0.3 ? ('--preallocate') : ();
	my @verify      = rand() < 0.3 ? ('--verify')      : ();
	my ($ok) = $run->('copy to raw', 0, 'copy', @chain, '--output', "raw:$dir/raw", @preallocate, @verify, @tuning);
	if ($ok)
	{
		push @problems, "raw result differs from qemu-img's" if compare("$dir/raw", "$dir/oracle") != 0;
		push @problems, 'not preallocated'
		  if @preallocate && (stat "$dir/raw")[12] * 512 < -s "$dir/raw";
		$measured->("$dir/raw", '--format', 'raw');
	}

	# qcow2
	my @qcow2 = ('--compat', rand() < 0.3 ? '0.10' : '1.1', '--cluster-size', 2**(rand() < 0.4 ? 16 : 9 + int rand 13));
	my @zeroes = rand() < 0.2 ? ('--keep-zeroes') : ();
	($ok) = $run->('copy to qcow2', 0, 'copy', @chain, '--output', "qcow2:$dir/qcow2", @qcow2, @zeroes, @tuning);
	if ($ok)
	{
		($code, $out, $err) = run_command([ qw(qemu-img check -f qcow2), "$dir/qcow2" ]);
		push @problems, "qemu-img check of qcow2 result [@qcow2]: $code $out$err" if $code != 0;
		($code, $out, $err) = run_command([ qw(qemu-img compare -f raw -F qcow2), "$dir/oracle", "$dir/qcow2" ]);
		push @problems, "qemu-img compare of qcow2 result [@qcow2]: $code $out$err" if $code != 0;
		$measured->("$dir/qcow2", '--format', 'qcow2', @qcow2);
		if (rand() < 0.3)
		{
			$run->('verify of qcow2', 0, 'verify', @chain, '--output', "qcow2:$dir/qcow2");
		}
	}
	push @problems, try_verify($dir, \@chain, $run) if rand() < 0.3 && -s "$dir/oracle";
	push @problems, try_map($dir, \@layers, \@chain, $run) if rand() < 0.3;
	opendir(my $handle, $dir);
	my %known = map { $_ => 1 } '.', '..', 'oracle', 'raw', 'qcow2', map { $_->[1] } @layers;
	my @left = grep { !$known{$_} } readdir $handle;
	push @problems, "files left: @left" if @left;
	push @problems, $describe if @problems;
	if (defined $only) { diag("files in $dir"); $File::Temp::KEEP_ALL = 1 }
	else { remove_tree($dir) }
	return @problems;
}

# verify finds a changed byte and says where
sub try_verify
{
	my ($dir, $chain, $run) = @_;
	my $at = int rand(-s "$dir/oracle");
	open my $handle, '+<:raw', "$dir/oracle" or die;
	sysseek $handle, $at, SEEK_SET;
	sysread $handle, my $byte, 1;
	sysseek $handle, $at, SEEK_SET;
	syswrite $handle, chr(ord($byte) ^ 0x40);
	my ($ok, $text, $errors) = $run->('verify of a changed copy', 1, 'verify', @$chain, '--output', "raw:$dir/oracle");
	sysseek $handle, $at, SEEK_SET;
	syswrite $handle, $byte;
	return () unless $ok;
	return ("verify does not name offset $at: $text") if "$text$errors" !~ /\b$at\b/;
	return ();
}

# map's ranges cover the disk once, and what they say about each is true
sub try_map
{
	my ($dir, $layers, $chain, $run) = @_;
	my ($ok, $text) = $run->('map', 0, 'map', @$chain);
	return () unless $ok;
	my $end = 0;
	open my $oracle, '<:raw', "$dir/oracle" or die;
	my @file = map { open my $h, '<:raw', "$dir/$_->[1]" or die; $h } @$layers;
	for my $line (split /\n/, $text)
	{
		my $range = json_of($line);
		return ("map: bad line $line") unless defined $range->{start} && $range->{length};
		return ("map: range at $range->{start} follows one that ends at $end") if $range->{start} != $end;
		$end += $range->{length};
		my $length = $range->{length} < 1 << 20 ? $range->{length} : 1 << 20;
		sysseek $oracle, $range->{start}, SEEK_SET;
		my $expected = '';
		sysread $oracle, $expected, $length;
		my $found = "\0" x length $expected;
		if ($range->{kind} eq 'data')
		{
			my $handle = $file[ $range->{layer} ] or return ("map: no such layer: $line");
			sysseek $handle, $range->{offset}, SEEK_SET;
			$found = '';
			sysread $handle, $found, length $expected;
			$found .= "\0" x (length($expected) - length $found);
		}
		elsif ($range->{kind} eq 'compressed') { $found = $expected }
		return ("map: not so: $line") if $found ne $expected;
	}
	return $end == -s $oracle ? () : ("map ends at $end, the disk at " . -s $oracle);
}

if (defined $only)
{
	my @problems = try_chain($only);
	ok(!@problems, "chain $only") or diag join "\n", @problems;
	done_testing();
	exit;
}

diag("SEED=$seed");
plan tests => $count;
my @pipes;
for my $worker (0 .. $workers - 1)
{
	pipe(my $read, my $write) or die;
	my $pid = fork // die;
	if ($pid == 0)
	{
		close $read;
		$write->autoflush(1);
		for (my $i = $worker; $i < $count; $i += $workers)
		{
			my $number   = $seed * 1000 + $i;
			my @problems = eval { try_chain($number) };
			push @problems, $@ if $@;
			s/\s+/ /g for @problems;
			print $write join("\t", $number, @problems), "\n";
		}
		close $write;
		# no END blocks: the directory is the parent's
		require POSIX;
		POSIX::_exit(0);
	}
	close $write;
	push @pipes, $read;
}
my $select = IO::Select->new(@pipes);
my %buffer;
while ($select->count)
{
	for my $handle ($select->can_read)
	{
		$buffer{$handle} //= '';
		my $n = sysread $handle, $buffer{$handle}, 65536, length $buffer{$handle};
		$select->remove($handle) unless $n;
		while ($buffer{$handle} =~ s/^(.*)\n//)
		{
			my ($number, @problems) = split /\t/, $1;
			ok(!@problems, "chain $number") or diag("CHAIN=$number: " . join "\n", @problems);
		}
	}
}
wait for 1 .. $workers;
