# copies.pl: a copy over ssh, to an sshd on this machine, against the same copy by a local process, and what starting one costs more;
# Markdown goes to standard output.  What it takes from the environment: bench/hosts/run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../copy", "$FindBin::Bin/../../test/copy";
use CopyTest;
use SshHost;
use Time::HiRes qw(time);

my $rounds = $ENV{ROUNDS} || 9;
my $size   = ($ENV{SIZE} || 6144) << 20;
my $short  = 1024 << 20;
my $space  = workspace();
my $host   = SshHost->new(where => "$space/ssh", roots => [$space]);

# Ways to reach it: by a connection that copies share, as vmclone.copy_launcher has it, and by one for each copy.
my ($ssh, @arguments) = $host->launcher;
my %launchers = (
	'over ssh' => [ $ssh, map({ ('-o', $_) } 'ControlMaster=auto', 'ControlPersist=30', "ControlPath=$space/ssh-%C"), @arguments ],
	'over ssh, unshared' => [ $ssh, @arguments ]);
my @ways = ('local', sort keys %launchers);

# Seconds of one command of the copier, as its worker waits for it.
sub seconds
{
	my ($way, @arguments) = @_;
	my $begun = time;
	my $run   = $launchers{$way} ? start_program(@{ $launchers{$way} }) : start_copier(@arguments);

	$run->send(request(@arguments)) if $launchers{$way};
	my ($code, $err) = $run->finish(600);
	die "@arguments: exit $code\n$err" if $code != 0;
	return time - $begun;
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }

# what compresses well: an eighth of each cluster is random
command_ok(qw(qemu-img create -q -f raw), "$space/base.raw", $size);
open my $random, '<', '/dev/urandom' or die;
open my $base, '+<', "$space/base.raw" or die;
for (my $at = 0; $at < $size; $at += 1 << 20)
{
	read $random, my $bytes, 8192 or die;
	seek $base, $at, 0;
	print {$base} ($bytes . "\1" x 57_344) x 16 or die;
}
close $base or die;
command_ok(qw(qemu-img convert -q -c -f raw -O qcow2), "$space/base.raw", "$space/base.qcow2");
truncate "$space/base.raw", $short or die;
my @output = ('--output', "raw:$space/out", qw(--no-reflink --progress json));
my %commands = (
	sprintf('copy of %d MiB, raw, in memory', $short >> 20) => [ 'copy', '--root', $space, '--layer', "raw:$space/base.raw", @output ],
	sprintf('copy of %d MiB, compressed qcow2, in memory', $size >> 20) => [ 'copy', '--root', $space, '--layer', "qcow2:$space/base.qcow2", @output ],
	'`volume space`, from start to end' => [ 'volume', 'space', '--root', $space ]);
my %seconds;
for my $round (0 .. $rounds)
{
	# each way is the first one now and then
	for my $way (map { $ways[ ($_ + $round) % @ways ] } 0 .. $#ways)
	{
		for my $command (sort keys %commands)
		{
			my $took = seconds($way, @{ $commands{$command} });
			unlink "$space/out";
			push @{ $seconds{$command}{$way} }, $took if $round > 0;
		}
	}
}
print '| |', join('|', map { " $_, s " } @ways), "| over ssh: times, and ms more | unshared: times, and ms more |\n", '|---' x (@ways + 3), "|\n";
for my $command (sort keys %commands)
{
	my $its = $seconds{$command};
	my @against = map {
		my $way = $_;
		sprintf '%.3f×, %.0f', median(map { $its->{$way}[$_] / $its->{local}[$_] } 0 .. $rounds - 1),
		  1000 * median(map { $its->{$way}[$_] - $its->{local}[$_] } 0 .. $rounds - 1);
	} @ways[ 1 .. $#ways ];
	print "| $command |", join('|', (map { sprintf ' %.3f ', median(@{ $its->{$_} }) } @ways), map { " $_ " } @against), "|\n";
}
