#!/usr/bin/perl
# serve_provision.t: logical volumes through serve: what the host's own program is asked, which groups and devices may be used, a copy
# over sshd from a device to a device, a lease that is the program's, too.  The devices are loop devices, which serve takes with
# --allow-loop; logical volumes are in test/guest/t/by_hand/055_block_hosts.pl.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Fcntl qw(:flock);
use JSON::PP;
use SshHost;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'loop devices need root' if $> != 0;
my $space = workspace('/tmp');
my $vg = "vmclone-test-$$";
my $state = "$space/state";
my @loops;

mkdir "$space/$_" or die for qw(state volumes mnt);
command_ok('truncate', '-s', '1M', "$space/try");
plan skip_all => 'loop devices are not permitted here' if (run_command([ 'losetup', '--show', '-f', "$space/try" ]))[0] != 0;

# Volumes are files below a loop device each; the program tells what it was asked.
my $program = "$space/provision";
spew($program, <<"PERL");
#!/usr/bin/perl
use strict;
use warnings;
use JSON::PP;
my \$request = decode_json(do { local \$/; <STDIN> });
my \$action = \$ARGV[0];
my \$group = "/dev/\$request->{vg}";
open my \$log, '>>', '$space/log' or die;
print \$log JSON::PP->new->canonical->encode({ %\$request, action => \$action, arguments => scalar(\@ARGV) }), "\\n";
close \$log;
open my \$pid, '>', '$space/pid';
print \$pid \$\$;
close \$pid;
while (-e '$space/hang') { select undef, undef, undef, 0.05 }
sub activate
{
	my (\$lv) = \@_;
	return if -l "\$group/\$lv";
	chomp(my \$loop = `losetup --show -f $space/volumes/\$lv`);
	mkdir \$group;
	symlink \$loop, "\$group/\$lv" or die;
}
sub deactivate
{
	my (\$lv) = \@_;
	my \$loop = readlink "\$group/\$lv" or return;
	system 'losetup', '-d', \$loop;
	unlink "\$group/\$lv";
	rmdir \$group;
}
my \$lv = \$request->{lv};
if (\$action eq 'create') { system 'truncate', '-s', \$request->{size}, "$space/volumes/\$lv"; activate(\$lv) }
activate(\$_) foreach \$action eq 'activate' ? \@{ \$request->{lvs} } : ();
deactivate(\$_) foreach \$action eq 'deactivate' ? \@{ \$request->{lvs} } : \$action =~ /^(?:commit|remove)\$/ ? (\$lv) : ();
unlink "$space/volumes/\$lv" if \$action eq 'remove';
print qq({"lv":"\$_","size":1,"image_group":null,"unfinished":false}\\n) foreach \$action eq 'list' ? map { s{.*/}{}r } glob '$space/volumes/*' : ();
print encode_json({ vg => \$request->{vg}, vg_uuid => 'u', extent_size => 4096 }), "\\n";
PERL
chmod 0755, $program;
END { if ($program) { local $?; system('losetup', '-d', readlink $_), unlink $_ foreach glob "/dev/$vg/*"; rmdir "/dev/$vg" } }

my @options = ('--root', "$space/mnt", '--root', "/dev/$vg", '--provision', $program, '--state', $state, '--allow-loop');
my ($disk, @image) = map { "$_$_$_$_$_$_$_$_-1111-4222-8333-944444444444" } 1 .. 4;
my @group = ('--vg', $vg, '--token', 't');

sub ask
{
	my ($options, @request) = @_;
	my $run = start_copier('serve', @$options);

	$run->send(request(@request));
	my ($code) = $run->finish(60);
	my @events = @{ $run->{events} };
	return ($code, grep { !exists $_->{event} || $_->{event} eq 'error' } @events);
}
sub works { my ($name, @request) = @_; my ($code, @said) = ask(\@options, @request); is($code, 0, $name) or diag explain \@said; return $said[-1] }
sub refused
{
	my ($expected, $name, @request) = @_;
	my ($code, @said) = ask(\@options, @request);

	is("$code " . ($said[-1]{kind} // ''), $expected, $name) or diag explain \@said;
	return;
}
sub log_lines { return -e "$space/log" ? map { decode_json($_) } split /\n/, slurp("$space/log") : () }
sub volume_of { my ($image, @more) = @_; return (@group, '--disk', $disk, '--image', $image, @more) }
sub described { my ($image, @more) = @_; return (volume_of($image), '--domain', $disk, qw(--capacity 8388608 --format RAW --type PREALLOCATED --voltype LEAF --domain-format 5 --disk-type DATA), @more) }
sub device_of { my ($answer) = @_; return $answer->{devices}[0]{path} }

# ---------- whose word counts ----------
{
	my @space = qw(volume provision space);

	is(works('space', @space, @group)->{answer}{vg}, $vg, 'the program is asked, though the group has no device');
	my ($request) = log_lines();
	is(join(' ', map { "$_=$request->{$_}" } sort keys %$request), "action=space arguments=1 protocol=1 token=t vg=$vg", 'for exactly that');
	refused('2 usage', "no --$_->[0] of a request", @space, @group, @$_[ 1 .. $#$_ ])
	  for [ command => '--command', '/bin/true' ], [ state => '--state', $space ], [ root => '--root', $space ], [ request => '--request', '{"vg":"other"}' ], [ loops => '--allow-loop' ];
	refused('3 outside_root', "not group $_", @space, '--vg', $_, '--token', 't') for 'other', "${vg}x", substr($vg, 0, -1);
	refused('2 usage', "nothing but an image: $_", qw(volume provision activate), @group, '--lv', $_) for qw(metadata ids ../x), uc("abcdefab-1111-4222-8333-944444444444");
	refused('2 usage', 'in a sequence', qw(sequence volume provision space), @group, qw(--command /bin/true));
	is(scalar(log_lines()), 1, 'the program has not been asked');
	my ($code, @said) = ask([ '--root', "$space/mnt" ], @space, @group);
	is("$code $said[-1]{kind}", '3 not_attached', 'a host without a program');
	like($said[-1]{hint}, qr/--provision/, 'says what to do');
	is((run_command([ $copier, 'serve', '--root', "$space/mnt", @$_ ]))[0], 2, "serve takes both or none: @$_") for [ '--provision', $program ], [ '--state', $state ], ['--allow-loop'];
	is((run_command([ $copier, 'serve', '--root', "/dev/$vg" ]))[0], 1, 'without a program a group is a directory, which must be there');
	my @listed = (ask(\@options, qw(volume provision list), @group))[1];
	ok($listed[0]{ok}, 'list, of an empty group') or diag explain \@listed;
}

# ---------- a volume's life ----------
my $size = 8 << 20;
my $device;
{
	my $answer = works('create', qw(volume provision create), described($image[0], '--size', $size));

	$device = device_of($answer);
	like($device, qr{^/dev/loop\d+$}, 'tells the device');
	is($answer->{state}, $state, 'and where a record goes');
	ok(-e "$state/$image[0].lock", 'the volume is locked there');
	command_ok(qw(qemu-img create -q -f raw), "$space/mnt/base.raw", $size);
	command_ok(qw(qemu-io -f raw -c), 'write -q -P 7 1M 3M', "$space/mnt/base.raw");
	my @to = ('copy', '--root', "$space/mnt", '--layer', "raw:$space/mnt/base.raw", '--output', "raw:$device", qw(--progress json));
	works('a copy to it', @to, '--root', $state, '--resume', "$state/$image[0].resume", qw(--keep-record --claim 1));
	is(sha256($device), sha256("$space/mnt/base.raw"), 'is exact');
	ok(-e "$state/$image[0].resume", 'its record is there');
	works('measured', 'measure', '--layer', "raw:$device", qw(--format qcow2));
	works('commit', qw(volume provision commit), described($image[0]));
	is(join(' ', glob("$state/*"), glob("/dev/$vg/*")), '', 'nothing is kept');
	my $earlier = device_of(works('activate', qw(volume provision activate), @group, '--lv', $image[0]));
	my $second = device_of(works('create another', qw(volume provision create), described($image[1], '--size', $size)));
	my $host = SshHost->new(where => "$space/ssh", roots => ["$space/mnt", "/dev/$vg"], options => [ '--provision', $program, '--state', $state, '--allow-loop' ]);
	my $run = start_program($host->launcher);
	$run->send(request('copy', '--layer', "raw:$earlier", '--output', "raw:$second", qw(--progress json), '--root', $state, '--resume', "$state/$image[1].resume", '--keep-record'));
	is(($run->finish(60))[0], 0, 'over sshd: from a volume to a volume') or diag explain $run->{events};
	is(sha256($second), sha256("$space/mnt/base.raw"), 'is exact');
	spew("$state/$image[0].$_", '') for qw(lock resume);
	open my $lock, '<', "$state/$image[0].lock" or die;
	flock $lock, LOCK_EX or die;
	refused('3 busy', 'deactivate, while a program is at the volume', qw(volume provision deactivate), @group, '--lv', $image[0]);
	close $lock;
	works('deactivate', qw(volume provision deactivate), @group, '--lv', $image[0]);
	is(join(' ', glob "$state/$image[0]*"), '', 'what was kept for it is gone');
	works('remove', qw(volume provision remove), volume_of($image[1], qw(--wipe --domain-format 5)));
	my ($removed) = reverse log_lines();
	is("$removed->{action} $removed->{lv} $removed->{image_group} $removed->{wipe}", "remove $image[1] $disk 1", 'as it was asked');
	is(join(' ', glob("$state/*"), glob("/dev/$vg/*")), '', 'nothing is kept');
}

# ---------- other devices ----------
{
	my @strict = grep { $_ ne '--allow-loop' } @options;
	my @copy = ('copy', '--root', "$space/mnt", '--layer', "raw:$space/mnt/base.raw", qw(--progress json), '--output');
	chomp(my $loop = (run_command([ 'losetup', '--show', '-f', "$space/try" ]))[1]);
	command_ok('cp', '-a', $loop, "$space/mnt/node");
	for my $case ([ 'a device that is no logical volume' => $loop ], [ 'one below a root' => "$space/mnt/node" ], [ 'one by the device mapper\'s name' => '/dev/mapper/control' ], [ 'one that is not there' => '/dev/dm-4095' ], [ 'a file in /dev' => '/dev/vmclone-file' ])
	{
		my ($name, $path) = @$case;
		my ($code, @said) = ask(\@strict, @copy, "raw:$path");
		cmp_ok($code, '>', 0, "not written: $name") or diag explain \@said;
		($code, @said) = ask(\@strict, 'measure', '--root', "$space/mnt", '--layer', "raw:$path", qw(--format raw));
		cmp_ok($code, '>', 0, "not read: $name");
	}
	is((ask(\@strict, 'measure', '--layer', "raw:$loop", qw(--format raw)))[1]{errno}, 'EXDEV', 'it is outside');
	ok(!-e '/dev/dm-4095' && !-e '/dev/vmclone-file', 'nothing is made in /dev');
	run_command([ 'losetup', '-d', $loop ]);
}

# ---------- the program's end ----------
sub begin
{
	my (@before) = @_;
	my $run = start_copier('serve', @options);

	unlink "$space/pid";
	spew("$space/hang", '');
	$run->send(request(@before, qw(volume provision create), described($image[2], '--size', $size)));
	for (1 .. 400) { last if -s "$space/pid"; sleep 0.05 }
	return ($run, slurp("$space/pid"));
}
sub is_gone { my ($pid) = @_; for (1 .. 100) { return 1 if !kill 0, $pid; sleep 0.05 } return 0 }

for my $case ([ 'the end of stdin' => sub { close $_[0]{in} } ], [ cancel => sub { $_[0]->tell('cancel') } ], [ 'the end of the lease' => sub { } ], [ 'SIGTERM of serve' => sub { kill 'TERM', $_[0]{pid} } ])
{
	my ($name, $end) = @$case;
	my ($run, $pid) = begin(qw(--lease 2));

	ok($run->wait_for(sub { ($_->{event} // '') eq 'alive' }, 20), 'a program at work is told of');
	$end->($run);
	my ($code) = $run->finish(30);
	is("$code $run->{events}[-1]{event}", '4 ended', "$name ends it");
	ok(is_gone($pid), 'with the program');
	unlink "$space/hang";
	ok(!glob("/dev/$vg/*"), 'which does nothing afterwards');
}
# Whoever has ended the program is slow to end the process, which sees that its program is gone.
SKIP:
{
	skip 'strace is not here', 3 if !have_command('strace');
	skip 'sanitizers and strace exclude each other', 3 if $copier =~ /sanitize/;
	spew("$space/hang", '');
	unlink "$space/pid";
	my $run = start_program(qw(strace -f -qq -o), "$space/trace", qw(-e trace=kill -e inject=kill:delay_exit=500000), $copier, qw(--lease 20 volume provision space --command), $program, '--root', "/dev/$vg", @group);
	for (1 .. 400) { last if -s "$space/pid"; sleep 0.05 }
	my $pid = slurp("$space/pid");

	my ($parent) = one_line("/proc/$pid/stat") =~ /^\d+ \(.*\) \S (\d+)/;

	close $run->{in};
	ok(is_gone($pid), 'the program is ended');
	# as serve does it, which hears of the same end
	kill 'HUP', $parent;
	is(($run->finish(30))[0], 4, 'the process ends as the one who ended it says');
	is(scalar(grep { exists $_->{ok} } @{ $run->{events} }), 0, 'and doesn\'t tell that the program has failed');
	unlink "$space/hang";
}
{
	my ($run, $pid) = begin(qw(--lease 2));

	for (1 .. 60) { $run->wait_for(sub { ($_->{event} // '') eq 'alive' }, 1); $run->tell("beat $run->{events}[-1]{clock}"); sleep 0.05 }
	ok(kill(0, $pid), 'beats let it go on');
	unlink "$space/hang";
	is(($run->finish(30))[0], 0, 'to its end');
	works('and remove', qw(volume provision remove), volume_of($image[2]));
}
{
	# all of a host stands still, for longer than the lease
	my ($run, $pid) = begin(qw(--lease 2));
	my @all = family($run->{pid});
	kill 'STOP', @all;
	sleep 3;
	unlink "$space/hang";
	kill 'CONT', grep { $_ != $pid } @all;
	my $gone = is_gone($pid);
	ok($gone, 'a program that stands still is killed when the lease is over');
	kill 'CONT', $pid unless $gone;
	is("@{[ ($run->finish(30))[0] ]} $run->{events}[-1]{event}", '4 ended', 'and serve says so');
}

# ---------- a record of before others had the device ----------
{
	my $to = device_of(works('create', qw(volume provision create), described($image[2], '--size', $size)));
	my @copy = ('copy', '--root', "$space/mnt", '--layer', "raw:$space/mnt/base.raw", '--output', "raw:$to", qw(--progress json), '--root', $state, '--resume', "$state/$image[2].resume", '--keep-record');

	works('a copy under claim 1', @copy, qw(--claim 1));
	command_ok('dd', 'if=/dev/urandom', "of=$to", 'bs=1M', 'count=8', 'status=none');
	works('claim 2 believes its record', @copy, qw(--claim 2 --since-claim 1));
	isnt(sha256($to), sha256("$space/mnt/base.raw"), 'and copies nothing');
	works('claim 4, whose host had it since claim 4, does not', @copy, qw(--claim 4 --since-claim 4));
	is(sha256($to), sha256("$space/mnt/base.raw"), 'and copies all');
	is((run_command([ $copier, @copy, qw(--since-claim 4) ]))[0], 2, '--since-claim without --claim');
	works('remove', qw(volume provision remove), volume_of($image[2]));
}
done_testing();
