#!/usr/bin/perl
# A task that is given to another copier, on this host or another: claims are numbered, an older one never goes on under a
# newer one, and a record is good wherever the same storage is mounted.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep);

my $space = workspace();
chdir $space or die;
command_ok(qw(qemu-img create -q -f qcow2 layer.qcow2 64M));
command_ok(qw(qemu-io -f qcow2 -c), 'write -q -P 7 0 48M', 'layer.qcow2');
command_ok(qw(qemu-img convert -f qcow2 -O raw layer.qcow2 oracle));
my @layer = qw(--layer qcow2:layer.qcow2 --no-reflink --progress json);

# A copy in the directory that gets some way under a claim and is killed.
sub copy_some
{
	my ($directory, @options) = @_;
	my $run = start_copier('copy', '--layer', "qcow2:$directory/layer.qcow2", qw(--no-reflink --progress json --limit 6M --output),
		"raw:$directory/out", '--resume', "$directory/out.record", @options);
	ok($run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{checkpoint} > 8 << 20 }), 'a copy has made checkpoints');
	return $run;
}

# The same copy to its end: exit code, last event, and from how many bytes it went on.
sub copy_all
{
	my ($directory, @options) = @_;
	my $run = start_copier('copy', '--layer', "qcow2:$directory/layer.qcow2", qw(--no-reflink --progress json --limit 4M --output),
		"raw:$directory/out", '--resume', "$directory/out.record", @options);
	my $begun = $run->wait_for(sub { ($_->{event} // '') eq 'progress' && $_->{phase} eq 'data' });
	$run->tell('limit 0');
	my ($code) = $run->finish;
	return ($code, $run->{events}[-1], $begun ? $begun->{bytes_done} : 0);
}

# ---------- a newer claim goes on, an older one is refused ----------
{
	copy_some('.', qw(--claim 3))->murder;
	my $before = sha256('out.record');
	for my $older ([], [qw(--claim 2)])
	{
		my ($code, $event) = copy_all('.', @$older);
		is("$code $event->{kind}", '1 superseded', "after claim 3: refused with @$older");
		like($event->{message}, qr/under claim 3, newer than claim \d of this copier/, 'which says so');
		ok(-e 'out' && sha256('out.record') eq $before, 'output and record are as they were');
	}
	my ($code, $event, $from) = copy_all('.', qw(--claim 4));
	is($code, 0, 'claim 4 goes on');
	cmp_ok($from, '>', 8 << 20, 'from the checkpoint');
	is(sha256('out'), sha256('oracle'), 'content');
	unlink 'out';
}

# ---------- a copier that runs finds a newer claim in its record (where locks are lost) ----------
{
	my $run = copy_some('.', qw(--claim 1));
	open my $record, '+<', 'out.record' or die;
	sysseek $record, 40, 0;
	syswrite $record, pack 'Q', 2;
	close $record;
	my ($code) = $run->finish(30);
	is($code, 1, 'it stops');
	is($run->{events}[-1]{kind}, 'superseded', 'and says why');
	ok(-e 'out' && -e 'out.record', 'it removes nothing: both are the other one\'s');
	my ($again) = copy_all('.', qw(--claim 2));
	is($again, 0, 'the other one goes on');
	is(sha256('out'), sha256('oracle'), 'content');
	unlink 'out';
}
my ($code, undef, $err) = run_command([ $copier, 'copy', @layer, qw(--output raw:out --claim 1) ]);
is($code, 2, '--claim without --resume has no effect and is refused');
($code) = run_command([ $copier, 'copy', @layer, qw(--output raw:out --resume r --claim), $_ ]), is($code, 2, "--claim $_ is no claim") for '0', 'x', '-1', '1x', '99999999999999999999';

# ---------- the same storage seen with another device number, as another host does ----------
SKIP:
{
	skip 'mounting needs root', 1 unless $> == 0;
	my $disk = workspace('/tmp');
	command_ok('truncate', '-s', '512M', "$disk/image");
	command_ok('mkfs.xfs', '-q', "$disk/image");
	mkdir "$disk/mount";
	my ($first) = run_command([ 'mount', '-o', 'loop', "$disk/image", "$disk/mount" ]);
	skip 'no loop devices', 1 if $first != 0;
	command_ok('cp', 'layer.qcow2', "$disk/mount/layer.qcow2");
	my $device = (stat "$disk/mount")[0];
	copy_some("$disk/mount", qw(--claim 1))->murder;
	command_ok('umount', "$disk/mount");
	# another loop device takes the number that was free
	command_ok('truncate', '-s', '1M', "$disk/other");
	my (undef, $taken) = run_command([ 'losetup', '--show', '-f', "$disk/other" ]);
	command_ok('mount', '-o', 'loop', "$disk/image", "$disk/mount");
	isnt((stat "$disk/mount")[0], $device, 'another device number');
	my ($result, $event, $from) = copy_all("$disk/mount", qw(--claim 2));
	is($result, 0, 'the copy goes on there');
	cmp_ok($from, '>', 8 << 20, 'from the checkpoint');
	cmp_ok($event->{bytes_again}, '<=', 24 << 20, "copied again: $event->{bytes_again} bytes");
	is(sha256("$disk/mount/out"), sha256('oracle'), 'content');
	run_command([ 'umount', "$disk/mount" ]);
	run_command([ 'losetup', '-d', $taken =~ s/\s+$//r ]);
}
done_testing();
