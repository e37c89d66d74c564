#!/usr/bin/perl
# serve.t: what a program on another machine, or whoever has its key, can ask for: requests cut, wrong and hostile, roots,
# what is refused, and that "ended" is said when nobody writes any more.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $space = workspace();
my $root  = "$space/host/mnt";
my $seed  = int($ENV{SEED} // time % 1_000_000);
srand $seed;
diag("SEED=$seed");
mkdir "$space/host" or die;
mkdir $_ or die for $root, "$root/domain", "$root/domain/sub", "$root/other", "$space/outside", "$space/host/mnt2";
command_ok(qw(qemu-img create -q -f raw), "$root/domain/base.raw", '16M');
command_ok(qw(qemu-io -f raw -c), 'write -q -P 1 0 16M', "$root/domain/base.raw");
command_ok('cp', "$root/domain/base.raw", "$space/outside/secret.raw");

# Asks, keeps stdin open until all is said: (exit code, events).
sub ask
{
	my ($request, %option) = @_;
	my $run = start_copier('serve', map { ('--root', $_) } @{ $option{roots} // [$root] });

	$run->send($request);
	close $run->{in} if $option{close};
	my ($code) = $run->finish(30);
	return ($code, @{ $run->{events} });
}

# What serve says besides ready and ended, which must be there.
sub answer_of
{
	my ($name, $expected, @events) = @_;
	my ($code, @said) = @events;
	my ($first, $last) = (shift @said, pop @said);

	is("$first->{event} $first->{protocol} $last->{event} $last->{exit} $code", "ready 1 ended $expected $expected", $name)
	  or diag explain \@events;
	return @said;
}

my @copy = ('--root', "$root/domain", '--layer', "raw:$root/domain/base.raw", qw(--progress json));

# ---------- what it is for ----------
{
	my @said = answer_of('hello', 0, ask(request('hello')));
	is(scalar @said, 0, 'does nothing');
	@said = answer_of('a copy', 0, ask(request('copy', @copy, '--output', "raw:$root/domain/out.raw")));
	is($said[-1]{event}, 'done', 'is done');
	is((run_command([ qw(qemu-img compare -q -f raw -F raw), "$root/domain/base.raw", "$root/domain/out.raw" ]))[0], 0, 'and is a copy');
	ok(!(grep { exists $_->{clock} } @said), 'without a lease no event tells a clock');
	@said = answer_of('measure', 0, ask(request('measure', @copy[0 .. 3], qw(--format qcow2))));
	is($said[0]{virtual_size}, 16 << 20, 'answers');
	@said = answer_of('a file with spaces, quotes, $() and a newline', 1, ask(request('copy', @copy, '--output', "raw:$root/domain/none/a 'b' \$(touch $space/shell)\n;")));
	ok(!-e "$space/shell", 'no shell has seen it');
	unlink "$root/domain/out.raw";
	my @identity = (qw(--storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t));
	for my $path ("$root/domain", $root)
	{
		@said = answer_of("volume attach of $path", 0, ask(request('volume', 'attach', '--path', $path, qw(--roots /), @identity)));
		@said = answer_of('check', 0, ask(request('volume', 'check', '--root', $path, @identity)));
		is($said[0]{realpath}, $path, 'answers');
		@said = answer_of("attach without --roots", 0, ask(request('volume', 'attach', '--path', $path, @identity)));
		answer_of('detach', 0, ask(request('volume', 'detach', '--root', $path, qw(--token t))));
		@said = answer_of('check again', 3, ask(request('volume', 'check', '--root', $path, @identity)));
		is($said[0]{kind}, 'not_attached', 'which is refused as everywhere');
	}
}

# ---------- what is no request ----------
{
	my $whole = request('hello');
	my $long  = request('hello', 'x' x 100_000);
	my @wrong = (
		[ 'nonsense',            "GET / HTTP/1.1\r\n\r\n" ],
		[ 'an empty line',       "\n" ],
		[ 'a control line',      "cancel\n" ],
		[ 'no numbers',          "vmclone-request\n" ],
		[ 'one number',          "vmclone-request 1\n" ],
		[ 'two numbers',         "vmclone-request 1 1\n" ],
		[ 'four numbers',        "vmclone-request 1 1 6 6\nhello\0" ],
		[ 'two blanks',          "vmclone-request 1  1 6\nhello\0" ],
		[ 'a sign',              "vmclone-request 1 -1 6\nhello\0" ],
		[ 'hexadecimal',         "vmclone-request 1 0x1 6\nhello\0" ],
		[ 'ten digits',          "vmclone-request 1 1 4294967302\nhello\0" ],
		[ 'twenty digits',       "vmclone-request 1 18446744073709551617 6\nhello\0" ],
		[ 'another word',        "vmclone-requests 1 1 6\nhello\0" ],
		[ 'a long first line',   'vmclone-request ' . '1' x 100_000 ],
		[ 'a NUL in it',         "vmclone-request\0 1 1 6\nhello\0" ],
		[ 'a NUL behind it',     "vmclone-request 1 1 6\0\nhello\0" ],
		[ 'no arguments',        "vmclone-request 1 0 0\n" ],
		[ 'too many arguments',  'vmclone-request 1 8193 4000000' . "\n" ],
		[ 'too many bytes',      'vmclone-request 1 1 4194305' . "\n" ],
		[ 'fewer bytes',         "vmclone-request 1 3 2\nx\0" ],
		[ 'no end',              "vmclone-request 1 1 5\nhello" ],
		[ 'too few arguments',   "vmclone-request 1 3 8\nhello\0x\0" ],
		[ 'too many',            "vmclone-request 1 1 8\nhello\0x\0" ],
		[ 'another protocol',    "vmclone-request 2 1 6\nhello\0" ],
		[ 'protocol 0',          "vmclone-request 0 1 6\nhello\0" ]);
	for my $case (@wrong)
	{
		my ($name, $bytes) = @$case;
		my @said = answer_of("$name: usage", 2, ask($bytes, close => 1));
		is_deeply([ map { "$_->{event} $_->{kind}" } @said ], ['error usage'], 'one line says why') or diag explain \@said;
	}
	my ($version) = grep { ($_->{event} // '') eq 'error' } (ask("vmclone-request 7 1 6\nhello\0"))[ 1 .. 3 ];
	like($version->{message}, qr/protocol 7 .* has 1; install the same version/, 'another version is told what to do');

	# cut anywhere
	my @strange;
	for my $cut (1 .. length($whole) - 1)
	{
		my ($code, @events) = ask(substr($whole, 0, $cut), close => 1);
		push @strange, $cut unless $code == 2 && @events == 3 && $events[1]{kind} eq 'usage' && $events[2]{event} eq 'ended';
	}
	is("@strange", '', 'a request that is cut anywhere is refused');
	my ($code, @events) = ask('', close => 1);
	is("$code @{[ map { $_->{event} } @events ]}", '0 ready ended', 'none at all is the end');
	@events = ask(substr($long, 0, 50_000), close => 1);
	is($events[2]{kind}, 'usage', 'nor does half of a long one');

	# bytes of a request changed by chance: never a crash, always an end
	my @bad;
	my $template = request('copy', @copy, '--output', "raw:$root/domain/never.raw");
	for my $round (1 .. $ENV{MUTANTS} // 120)
	{
		my $mutant = $template;
		substr($mutant, int rand length $mutant, 1) = chr int rand 256 for 0 .. rand 4;
		$mutant = substr $mutant, 0, int rand length $mutant if rand() < .2;
		my ($exit, @said) = ask($mutant, close => 1);
		# 129: stdin has ended before the copy could begin to listen
		push @bad, "$exit" unless ($exit >= 0 && $exit <= 4 || $exit == 129) && ($said[-1]{event} // '') eq 'ended';
		unlink glob "$root/domain/never*";
	}
	is("@bad", '', 'mutants of a request end in order');

	# in pieces, with a line behind it
	my $run = start_copier('serve', '--root', $root);
	my $slow = request('copy', @copy, '--output', "raw:$root/domain/slow.raw", '--limit', '1M');
	for my $byte (split //, $slow)
	{
		$run->send($byte);
	}
	$run->tell('limit 0');
	is(($run->finish)[0], 0, 'a request byte by byte, and a control line right behind it');
	is($run->{events}[-2]{event}, 'done', 'which the copy obeys');
	cmp_ok($run->{events}[-2]{elapsed}, '<', 10, 'at once');
	unlink "$root/domain/slow.raw";
}

# ---------- what isn't done ----------
for my $case (
	[ serve => 'serve', '--root', $root ], [ '--help' => '--help' ], [ 'nothing' => '' ], [ 'no such' => 'cp' ],
	[ 'an option' => '--root', $root ],
	[ provision => qw(volume provision attach --command /bin/true --vg vg --token t) ],
	[ 'provision in a sequence' => qw(sequence volume provision attach --command /bin/true --vg vg --token t) ])
{
	my ($name, @arguments) = @$case;
	my @said = answer_of("$name: usage", 2, ask(request(@arguments)));
	is($said[-1]{kind}, 'usage', 'said in JSON') or diag explain \@said;
}

# ---------- roots ----------
{
	symlink "$space/outside", "$root/link" or die;
	symlink "$root/domain", "$root/inside" or die;
	symlink "$space/outside/secret.raw", "$root/domain/link.raw" or die;
	mkdir "$root/domain/images" or die;
	my @measure = ('measure', '--layer', "raw:$space/outside/secret.raw", qw(--format raw));
	my %outside = (
		'another directory' => [ @measure, '--root', "$space/outside" ],
		'that above'        => [ @measure, '--root', $space ],
		'/'                 => [ @measure, '--root', '/' ],
		'..'                => [ @measure, '--root', "$root/../../outside" ],
		'.. that comes back' => [ @measure, '--root', "$root/../mnt" ],
		'the beginning of a name' => [ @measure, '--root', "$space/host/mnt2" ],
		'a link that leads out' => [ @measure, '--root', "$root/link" ],
		'a link that stays inside' => [ @measure, '--root', "$root/inside" ],
		'a relative one'    => [ @measure, '--root', 'domain' ],
		'volume check'      => [ qw(volume check --storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t), '--root', "$space/outside" ],
		'volume space through a link' => [ qw(volume space), '--root', "$root/link" ],
		'volume attach'     => [ qw(volume attach --storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t --roots /), '--path', "$space/outside" ],
		'volume attach of a link' => [ qw(volume attach --storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t --roots /), '--path', "$root/link" ],
		'an abbreviated option' => [ @measure, '--roo', "$space/outside" ],
		'with an equals sign' => [ @measure, "--root=$space/outside" ],
		'the second one'    => [ @measure, '--root', "$root/domain", '--root', "$space/outside" ],
		'in a sequence'     => [ qw(sequence volume space), '--root', "$root/domain", '--then', qw(volume space --root), "$space/outside" ]);
	for my $name (sort keys %outside)
	{
		my @said = answer_of("$name as a root", 3, ask(request(@{ $outside{$name} })));
		is($said[-1]{kind}, 'outside_root', 'lies outside') or diag explain \@said;
	}
	ok(!-e "$space/outside/dom_md", 'nothing was written there');

	# files: as everywhere below a root; and there must be one
	my @in = ('copy', '--progress', 'json');
	my %files = (
		'no root'            => [ @in, '--layer', "raw:$root/domain/base.raw", '--output', "raw:$root/domain/x" ],
		'no root, outside'   => [ @in, '--layer', "raw:$space/outside/secret.raw", '--output', "raw:$root/domain/x" ],
		'layer outside'      => [ @in, '--root', $root, '--layer', "raw:$space/outside/secret.raw", '--output', "raw:$root/domain/x" ],
		'layer by ..'        => [ @in, '--root', $root, '--layer', "raw:$root/../../outside/secret.raw", '--output', "raw:$root/domain/x" ],
		'layer by a link'    => [ @in, '--root', $root, '--layer', "raw:$root/domain/link.raw", '--output', "raw:$root/domain/x" ],
		'layer by a directory that is a link' => [ @in, '--root', $root, '--layer', "raw:$root/link/secret.raw", '--output', "raw:$root/domain/x" ],
		'output outside'     => [ @in, '--root', $root, '--layer', "raw:$root/domain/base.raw", '--output', "raw:$space/outside/x" ],
		'output by a link'   => [ @in, '--root', $root, '--layer', "raw:$root/domain/base.raw", '--output', "raw:$root/link/x" ],
		'record outside'     => [ @in, '--root', $root, '--layer', "raw:$root/domain/base.raw", '--output', "raw:$root/domain/x", '--resume', "$space/outside/x.resume" ],
		'relative, no root'  => [ @in, '--layer', 'raw:base.raw', '--output', 'raw:x' ]);
	for my $name (sort keys %files)
	{
		my ($code, @events) = ask(request(@{ $files{$name} }));
		cmp_ok($code, '!=', 0, "$name is refused");
		ok(!-e "$root/domain/x" && !-e "$space/outside/x" && !-e "$space/outside/x.resume", 'and nothing is made');
	}

	# the directories of serve itself may be links: they are the host's own word, and attach answers with the real path
	symlink $root, "$space/mount" or die;
	my @said = answer_of('attach by a link of the host', 0, ask(request(qw(volume attach --storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t --path), "$space/mount/other"), roots => ["$space/mount"]));
	is($said[0]{realpath}, "$root/other", 'answers with the real path');
	answer_of('which works', 0, ask(request(qw(volume space --root), "$root/other"), roots => ["$space/mount"]));
	is((run_command([ $copier, qw(volume attach --storage-domain 7b5e0f5e-1111-4222-8333-944444444444 --token t --path), "$root/other" ]))[0], 2, 'without serve attach needs --roots');
	answer_of('a link as serve\'s own', 0, ask(request('measure', '--root', "$space/mount/domain", '--layer', "raw:$space/mount/domain/base.raw", qw(--format raw)), roots => ["$space/mount"]));
	answer_of('two of them', 0, ask(request('measure', '--root', "$root/domain", '--layer', "raw:$root/domain/base.raw", qw(--format raw)), roots => [ "$root/other", $root ]));
	answer_of('/ allows all', 0, ask(request(@measure, '--root', "$space/outside"), roots => ['/']));
	my ($status, $out) = run_command([ $copier, 'serve' ]);
	is($status, 2, 'serve without a root does nothing');
	($status, $out) = run_command([ $copier, 'serve', '--root', "$space/none" ]);
	is($status, 1, 'nor with one that isn\'t there');
}

# ---------- the end ----------
{
	my @slow = ('copy', @copy, '--output', "raw:$root/domain/slow.raw", qw(--limit 1M --resume), "$root/domain/slow.record");
	my %ends = (
		'the end of stdin' => sub { close $_[0]{in} },
		'cancel'           => sub { $_[0]->tell('cancel') },
		'SIGHUP of serve'  => sub { kill 'HUP', $_[0]{pid} },
		'SIGTERM of serve' => sub { kill 'TERM', $_[0]{pid} });
	for my $name (sort keys %ends)
	{
		my $run = start_copier('serve', '--root', $root);
		$run->send(request(@slow));
		ok($run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30), 'a copy is under way');
		$ends{$name}->($run);
		my ($code) = $run->finish(30);
		is("$code $run->{events}[-1]{event} $run->{events}[-1]{exit}", '4 ended 4', "$name ends it");
		is(-e "$root/domain/slow.record" ? 'kept' : 'gone', $name =~ /stdin|HUP/ ? 'kept' : 'gone', 'and its record, as everywhere, is');
		unlink glob "$root/domain/slow*";
	}

	# a copier that is killed: what it was, and its other processes, are gone when serve says so
	my $run = start_copier('serve', '--root', $root);
	$run->send(request(@slow));
	$run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30);
	my ($child) = slurp("/proc/$run->{pid}/task/$run->{pid}/children") =~ /(\d+)/;
	my ($remover) = slurp("/proc/$child/task/$child/children") =~ /(\d+)/;
	kill 'STOP', $remover;
	kill 'KILL', $child;
	ok(!$run->wait_for(sub { $_->{event} eq 'ended' }, 1), 'as long as one of its processes is left, it isn\'t said');
	kill 'CONT', $remover;
	my ($code) = $run->finish(30);
	is("$code $run->{events}[-1]{event} $run->{events}[-1]{exit}", '137 ended 137', 'then it is, with the signal');
	unlink glob "$root/domain/slow*";

	# a copier that doesn't end after the end of stdin is killed
	$run = start_copier('serve', '--root', $root);
	$run->send(request(@slow));
	$run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30);
	($child) = slurp("/proc/$run->{pid}/task/$run->{pid}/children") =~ /(\d+)/;
	kill 'STOP', $child;
	close $run->{in};
	($code) = $run->finish(30);
	is("$code $run->{events}[-1]{event} $run->{events}[-1]{exit}", '137 ended 137', 'a copy that doesn\'t end when stdin does is killed');
	ok(-s "$root/domain/slow.record", 'and can be gone on with');
	unlink glob "$root/domain/slow*";

	# serve is killed: so is the copy
	$run = start_copier('serve', '--root', $root);
	$run->send(request(@slow));
	$run->wait_for(sub { ($_->{bytes_done} // 0) > 0 }, 30);
	($child) = slurp("/proc/$run->{pid}/task/$run->{pid}/children") =~ /(\d+)/;
	kill 'KILL', $run->{pid};
	waitpid $run->{pid}, 0;
	my $until = time + 10;
	sleep 0.05 while -e "/proc/$child" && time < $until;
	ok(!-e "/proc/$child", 'when serve is killed its copy ends');
}
done_testing();
