#!/usr/bin/perl
# worker_steps.t: what the PostgreSQL worker does for one disk, step by step as it does it, with a
# process killed at any point: volume create, copy to .part with --resume, volume commit; or remove.
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
mkdir "$space/domain";
my $root   = "$space/domain";
my $domain = '7b5e0f5e-1111-4222-8333-944444444444';
my ($code, $answer) = volume(attach => '--path', $root, '--roots', $space, '--storage-domain', $domain, '--token', 't');
is($code, 0, 'attach');

command_ok(qw(qemu-img create -q -f raw), "$space/base.raw", '8M');
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 8M', "$space/base.raw");
command_ok(qw(qemu-img create -q -f qcow2 -b base.raw -F raw), "$space/top.qcow2");
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 2 1M 2M', "$space/top.qcow2");
command_ok(qw(qemu-img convert -f qcow2 -O raw), "$space/top.qcow2", "$space/oracle");

my ($killed, $bad) = (0, 0);
for my $round (1 .. 40)
{
	my $disk  = sprintf '11111111-2222-4333-8444-%012d', $round;
	my $image = sprintf '99999999-8888-4777-8666-%012d', $round;
	my $format = $round % 2 ? 'raw' : 'qcow2';
	my @names = ('--root', $root, '--disk', $disk, '--image', $image);
	my $final = "$root/images/$disk/$image";
	my @steps = (
		[ 'volume', 'create', @names, '--domain', $domain, '--size', 8 << 20, '--format', $format eq 'raw' ? 'RAW' : 'COW', qw(--type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA) ],
		[ 'copy', '--layer', "raw:$space/base.raw", '--layer', "qcow2:$space/top.qcow2", '--output', "$format:$final.part", '--resume', "$final.part.resume", '--limit', '400M', '--progress', 'json' ],
		[ 'volume', 'commit', @names ]);
	my $step = 0;
	my $tries = 0;

	# a restarted worker begins with create again: it knows nothing but the ids
	while ($step < @steps && $tries++ < 1000)
	{
		if (rand() < 0.5 && $killed < 200)
		{
			my $victim = start_copier(@{ $steps[$step] });
			sleep rand($step == 1 ? 0.05 : 0.004);
			$victim->murder;
			$killed++;
			$step = 0;
			next;
		}
		my ($result, $out, $err) = run_command([ $copier, @{ $steps[$step] } ]);
		my $told = $step == 1 ? {} : json_of($out);
		if ($step == 0 && $told->{committed}) { $step = @steps; last }
		if ($step == 1 && $result != 0 && -e $final && $err =~ /exist/) { $step++; next }    # linked already
		# .part is whole already: the copy was done, the worker died before it heard so
		if ($step == 1 && $result != 0 && $err =~ /exist/ && !-e "$final.part.resume") { $step++; next }
		if ($result != 0)
		{
			diag("round $round, step $step: exit $result: $out$err");
			$bad++;
			last;
		}
		$step++;
	}
	my $meta = slurp("$final.meta");
	$bad++, diag("round $round: metadata $meta") unless $meta =~ /^LEGALITY=LEGAL$/m && $meta =~ /^GEN=1$/m;
	$bad++, diag("round $round: content") if (run_command([ qw(qemu-img compare -f raw -F), $format, "$space/oracle", $final ]))[0] != 0;
	opendir my $handle, "$root/images/$disk";
	my @left = sort grep { !/^\./ } readdir $handle;
	$bad++, diag("round $round: left @left") if "@left" ne join ' ', map { "$image$_" } '', '.lease', '.meta';
	if ($round % 3 == 0)
	{
		my ($gone, $say) = volume(remove => @names);
		$bad++, diag explain $say if $gone != 0 || -e "$root/images/$disk";
	}
}
is($bad, 0, "40 disks, $killed processes killed: every one complete and legal");

# failure and cancel: whatever step it is in, remove leaves nothing
$bad = 0;
for my $round (1 .. 20)
{
	my $disk  = sprintf '22222222-2222-4333-8444-%012d', $round;
	my $image = sprintf '99999999-8888-4777-8666-%012d', $round;
	my @names = ('--root', $root, '--disk', $disk, '--image', $image);
	my $final = "$root/images/$disk/$image";
	volume(create => @names, '--domain', $domain, '--size', 8 << 20, qw(--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA));
	my $victim = start_copier('copy', '--layer', "raw:$space/base.raw", '--layer', "qcow2:$space/top.qcow2", '--output', "raw:$final.part", '--resume', "$final.part.resume", '--limit', '20M', '--progress', 'json');
	sleep rand 0.3;
	my ($status, $say) = volume(remove => @names);
	# while the copier lives its file is not taken from it
	$bad++, diag('removed a file from under a copier') if $status == 0 && -e "$final.part";
	$victim->murder;
	($status, $say) = volume(remove => @names);
	$bad++, diag explain $say if $status != 0 || -e "$root/images/$disk";
}
is($bad, 0, '20 copies given up: nothing left');
done_testing();
