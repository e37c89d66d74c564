#!/usr/bin/perl
# sequence.t: create, copy and commit in one process, as the worker has it: its answers, where it stops, signals, and kills at
# any moment.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $space = workspace();
my $seed  = $ENV{SEED} // time % 1_000_000;
srand int $seed;
diag('SEED=' . int $seed);
my $domain = '7b5e0f5e-1111-4222-8333-944444444444';
my $root   = "$space/domain";
mkdir $root or die;
my @identity = ('--storage-domain', $domain, '--token', 't');
is((volume(attach => '--path', $root, '--roots', $space, @identity))[0], 0, 'attach');
command_ok(qw(qemu-img create -q -f raw), "$space/base.raw", '8M');
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', "$space/base.raw");

my $number = 0;

# The names of a new volume, and the steps that make it.
sub new_volume
{
	my (@more) = @_;
	my $id    = sprintf '11111111-2222-4333-8444-%012d', ++$number;
	my @names = ('--root', $root, '--disk', $id, '--image', $id);
	my $final = "$root/images/$id/$id";

	return {
		id => $id, names => \@names, final => $final,
		steps => [
			qw(sequence volume check --root), $root, @identity, '--then', qw(volume create), @names, '--domain', $domain,
			'--size', 8 << 20, qw(--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA), '--then',
			'copy', '--layer', "raw:$space/base.raw", '--output', "raw:$final.part", '--size', 8 << 20,
			'--resume', "$final.part.resume", qw(--keep-record --progress json), @more, '--then', qw(volume commit), @names ] };
}

sub is_whole
{
	my ($volume) = @_;
	my ($code) = run_command([ qw(qemu-img compare -f raw -F raw), "$space/base.raw", $volume->{final} ]);

	return $code == 0 && slurp("$volume->{final}.meta") =~ /^LEGALITY=LEGAL$/m && !-e "$volume->{final}.part" && !-e "$volume->{final}.part.resume";
}

# ---------- all the way ----------
{
	my $volume = new_volume();
	my ($code, $out, $err) = run_command([ $copier, @{ $volume->{steps} } ]);
	my @lines = map { json_of($_) } split /\n/, $out;

	is($code, 0, 'all steps are done') or diag "$out$err";
	is_deeply([ map { $_->{ok} ? 'answer' : $_->{event} eq 'done' ? 'done' : () } @lines ], [qw(answer answer done answer)],
		'one answer for each step, and what the copy says between them');
	is($lines[-1]{size}, 8 << 20, 'the last one is that of commit');
	ok(is_whole($volume), 'the volume is whole');

	($code, $out) = run_command([ $copier, @{ $volume->{steps} } ]);
	@lines = map { json_of($_) } split /\n/, $out;
	is($code, 0, 'once more');
	ok($lines[1]{committed} && !(grep { $_->{event} } @lines) && $lines[2]{existing}, 'what is committed already is not copied again');
}

# ---------- where it stops ----------
{
	my $volume = new_volume();
	my @steps  = map { $_ eq 't' ? 'another' : $_ } @{ $volume->{steps} };
	my ($code, $out) = run_command([ $copier, @steps ]);

	is($code, 3, 'a step that is refused ends it');
	is(json_of($out)->{kind}, 'not_attached', 'with that step\'s answer as the last line');
	ok(!-e "$root/images/$volume->{id}", 'and nothing of the next one was done');

	@steps = map { s/base\.raw/nothing.raw/r } @{ $volume->{steps} };
	($code, $out) = run_command([ $copier, @steps ]);
	isnt($code, 0, 'a copy that fails ends it');
	is((error_event($out) // {})->{errno}, 'ENOENT', 'with the copy\'s event');
	ok(!-e $volume->{final}, 'nothing is committed');
	foreach my $wrong ([], ['measure'], [ 'volume', '--then', 'copy' ], [ 'volume', 'check', '--then' ])
	{
		is((run_command([ $copier, 'sequence', @$wrong ]))[0], 2, "usage: sequence @$wrong");
	}
}

# The copying child of a sequence: what pgrep shows below it, by its own command line.
sub child_of
{
	my ($pid) = @_;
	my $end = time + 60;

	while (time < $end)
	{
		my ($child) = map { /^(\d+)/ } grep { m{vmclone-copy copy --layer} } split /\n/, (run_command([ 'pgrep', '-a', '-P', $pid ]))[1];
		return $child if $child;
		sleep 0.01;
	}
	return;
}

# ---------- signals ----------
foreach my $case ([ 'TERM', 'sequence', 4 ], [ 'KILL', 'copy', -9 ], [ 'KILL', 'sequence', -9 ])
{
	my ($signal, $to, $expected) = @$case;
	my $volume = new_volume('--limit', '1M');
	my $run    = start_copier(@{ $volume->{steps} });
	my $child  = child_of($run->{pid});

	ok($child, 'the copy is a process of its own, which the process list shows as one');
	$run->wait_for(sub { ($_->{event} // '') eq 'plan' });
	is(scalar(my @all = family($run->{pid})), 2, 'and there is no other one: the sequence is its remover') if $child;
	kill $signal, $to eq 'copy' ? $child : $run->{pid};
	my ($code) = $run->finish;
	is($code, $expected, "SIG$signal to the $to ends both");
	my $end = time + 60;
	sleep 0.05 while kill(0, $child) && time < $end;
	ok(!kill(0, $child), 'no copy goes on without its sequence');
	ok(!-e $volume->{final}, 'nothing is committed');
	is(scalar(grep { -e "$volume->{final}.part$_" } '', '.resume'), $signal eq 'TERM' ? 0 : 2, $signal eq 'TERM' ? 'what is unfinished is gone' : 'what can be gone on with stays');
	is((run_command([ $copier, map { $_ eq '1M' ? '0' : $_ } @{ $volume->{steps} } ]))[0], 0, 'the same again goes all the way');
	ok(is_whole($volume), 'and the volume is whole');
}

# ---------- killed at any moment ----------
my $killed = 0;
foreach my $round (1 .. 20)
{
	my $volume = new_volume('--limit', '400M');
	my $code   = 1;

	for (my $try = 0; $try < 20 && $code != 0; $try++)
	{
		if ($try < 3)
		{
			my $run = start_copier(@{ $volume->{steps} });

			sleep rand 0.06;
			$run->murder;
			$killed++;
			next;
		}
		($code) = run_command([ $copier, @{ $volume->{steps} } ]);
		# a copy that was killed may take a moment to go
		sleep 0.05 if $code != 0;
	}
	ok($code == 0 && is_whole($volume), "round $round");
}
diag("$killed killed");
done_testing();
