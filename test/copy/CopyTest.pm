# CopyTest.pm: what the tests of vmclone-copy share: running it, events, temp directories, oracle.
package CopyTest;
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA;
use Errno qw(EINTR);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IPC::Open3;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(time sleep);

our @EXPORT = qw($copier $top run_command volume json_of workspace slurp spew sha256 command_ok
  events_of done_event error_event have_command compression_types chain_keys start_copier start_program request one_line family in_time);

# The program under test; VMCLONE_COPY names another build (sanitizers, probe).
our $top    = abs_path(dirname(__FILE__) . '/../..');
our $copier = $ENV{VMCLONE_COPY} // "$top/vmclone-copy";
die "$copier is not built: run make vmclone-copy\n" unless -x $copier;
# a finding of a sanitizer must not look like an exit code of ours
$ENV{ASAN_OPTIONS}  //= 'exitcode=99:abort_on_error=0:detect_leaks=1:allocator_may_return_null=0';
$ENV{UBSAN_OPTIONS} //= 'halt_on_error=1:exitcode=99:print_stacktrace=1';

# A test that is told to stop still undoes its mounts and devices and removes its directories.
$SIG{$_} = sub { exit 1 } for qw(TERM INT HUP);
my (@workspaces, $owner);

# However the test ends: what is mounted below its directories, and loop devices on files in them.
END
{
	if (@workspaces && $> == 0 && $owner == $$)
	{
		local $?;
		my $ours = join '|', map { quotemeta } @workspaces;
		chdir '/';
		# devices first: a lazily unmounted file system hides the name of their file
		my @loops = map { m{^(/dev/loop\d+)\s+(?:$ours)/} ? $1 : () } split /\n/, (run_command([ 'losetup', '-n', '-O', 'NAME,BACK-FILE' ]))[1];
		run_command([ 'losetup', '-d', $_ ]) for @loops;
		open my $mounts, '<', '/proc/self/mounts';
		my @mounted = map { (split / /)[1] } grep { m{^\S+ (?:$ours)/} } <$mounts>;
		run_command([ 'umount', '-l', s/\\040\(deleted\)$//r ]) for reverse @mounted;
	}
}

# A directory that is gone at exit; in memory unless another place is asked for ("/tmp": for temporary files on disk).
sub workspace
{
	my ($where) = @_;

	$where = $ENV{TMPDIR} if defined $where && $where eq '/tmp' && defined $ENV{TMPDIR};
	my $base = $where // $ENV{COPYTEST_DIR} // (-w '/dev/shm' ? '/dev/shm' : '/tmp');
	push @workspaces, tempdir('copytest-XXXXXX', DIR => $base, CLEANUP => 1);
	$owner = $$;
	return $workspaces[-1];
}

# Runs a program: (exit code or -signal, stdout, stderr).  Killed with -9 after the time limit.
sub run_command
{
	my ($command, %option) = @_;
	my $limit = $option{timeout} // 120;
	# not open3, which costs twice as much: some tests run thousands of programs
	pipe(my $out, my $out_end) && pipe(my $err, my $err_end) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		# /dev/null, not a pipe: the end of a pipe cancels a copy
		my $null = POSIX::open('/dev/null', POSIX::O_RDONLY());
		POSIX::dup2($null, 0);
		POSIX::dup2(fileno $out_end, 1);
		POSIX::dup2(fileno $err_end, 2);
		POSIX::close($null);
		no warnings 'exec';
		exec { $command->[0] } @$command;
		my $why = "could not run $command->[0]: $!\n";
		POSIX::write(2, $why, length $why);
		POSIX::_exit(127);
	}
	close $out_end;
	close $err_end;
	my %text   = (out => '', err => '');
	my %name   = (fileno($out) => 'out', fileno($err) => 'err');
	my $select = IO::Select->new($out, $err);
	my $end    = time + $limit;
	my $late   = 0;
	while ($select->count)
	{
		my $left = $end - time;
		if ($left <= 0)
		{
			kill 'KILL', $pid;
			$late = 1;
			last;
		}
		for my $handle ($select->can_read($left))
		{
			my $key = $name{ fileno $handle };
			my $n   = sysread($handle, $text{$key}, 65536, length $text{$key});
			next if !defined $n && $! == EINTR;
			$select->remove($handle) unless $n;
		}
	}
	waitpid($pid, 0);
	my $code = WIFEXITED($?) ? WEXITSTATUS($?) : -WTERMSIG($?);
	$text{err} .= "\n(killed after $limit s)\n" if $late;
	return ($code, $text{out}, $text{err});
}

# Seconds that a sub returns, which says how long something took: of three tries where it is beyond the limit, since on a
# busy machine once proves nothing.
sub in_time
{
	my ($limit, $try) = @_;
	my $seconds;

	for (1 .. 3)
	{
		$seconds = $try->();
		last if $seconds < $limit;
	}
	return $seconds;
}

# Starts a copy with a pipe as stdin: an object for tell, wait_for, finish and murder.
sub start_copier
{
	my (@arguments) = @_;
	return start_program($copier, @arguments);
}

# The same of any command line, as that of a launcher whose other end is a copier.
sub start_program
{
	my (@command) = @_;
	my $err = gensym;
	my $pid = open3(my $in, my $out, $err, @command);
	return bless { pid => $pid, in => $in, out => $out, err => $err, events => [], rest => '' }, 'CopyTest::Run';
}

# Of a file of /proc whose process may be gone: then it is empty.
sub one_line { my ($path) = @_; open(my $handle, '<', $path) or return ''; return scalar <$handle> // '' }

# A process and all that came of it.
sub family
{
	my ($pid) = @_;
	return ($pid, map { family($_) } map { split ' ', one_line($_) } glob "/proc/$pid/task/*/children");
}

# What serve is asked: the arguments of a copier's command line.
sub request
{
	my (@arguments) = @_;
	my $bytes = join '', map { "$_\0" } @arguments;
	return sprintf "vmclone-request 1 %d %d\n%s", scalar @arguments, length $bytes, $bytes;
}

package CopyTest::Run
{
	use Time::HiRes qw(time);

	# A line on stdin: pause, resume, limit N, cancel.
	sub tell
	{
		my ($self, $line) = @_;
		local $SIG{PIPE} = 'IGNORE';
		syswrite $self->{in}, "$line\n";
		return;
	}

	# The same without a line's end: a request.
	sub send
	{
		my ($self, $bytes) = @_;
		local $SIG{PIPE} = 'IGNORE';
		my $sent = 0;
		while ($sent < length $bytes)
		{
			$sent += syswrite($self->{in}, $bytes, 65536, $sent) // return;
		}
		return 1;
	}

	# Reads events until one satisfies the test (a sub, the event is $_) or time is up or output ends.
	sub wait_for
	{
		my ($self, $test, $seconds) = @_;
		my $end    = time + ($seconds // 60);
		my $select = IO::Select->new($self->{out});
		while (1)
		{
			while ($self->{rest} =~ s/^(.*)\n//)
			{
				local $_ = CopyTest::json_of($1);
				push @{ $self->{events} }, $_;
				return $_ if $test->();
			}
			my $left = $end - time;
			return if $left <= 0 || !$select->can_read($left);
			return unless sysread $self->{out}, $self->{rest}, 65536, length $self->{rest};
		}
	}

	# (exit code or -signal, stderr); what is left of the events goes to {events}
	sub finish
	{
		my ($self, $seconds) = @_;
		$self->wait_for(sub { 0 }, $seconds // 60);
		close $self->{in};
		my $select = IO::Select->new($self->{err});
		my $text   = '';
		1 while $select->can_read(10) && sysread $self->{err}, $text, 65536, length $text;
		waitpid $self->{pid}, 0;
		return (POSIX::WIFEXITED($?) ? POSIX::WEXITSTATUS($?) : -POSIX::WTERMSIG($?), $text);
	}

	sub murder
	{
		my ($self) = @_;
		kill 'KILL', $self->{pid};
		waitpid $self->{pid}, 0;
		close $_ for @{$self}{qw(in out err)};
		return;
	}
}

sub json_of
{
	my ($text) = @_;
	my $value = eval { JSON::PP->new->utf8->decode($text) };
	return $value // { bad_json => $text, error => $@ };
}

# vmclone-copy volume …: (exit code, decoded object); the test fails if it isn't exactly one line of JSON.
sub volume
{
	my (@arguments) = @_;
	my ($code, $out, $err) = run_command([ $copier, 'volume', @arguments ]);
	my $object = json_of($out);
	if (exists $object->{bad_json} || ($out =~ tr/\n//) != 1)
	{
		fail("volume $arguments[0]: one line of JSON");
		diag("out=$out err=$err");
	}
	return ($code, $object);
}

sub slurp
{
	my ($path) = @_;
	open my $handle, '<:raw', $path or die "$path: $!";
	local $/;
	return <$handle> // '';
}

sub spew
{
	my ($path, $text) = @_;
	open my $handle, '>:raw', $path or die "$path: $!";
	print $handle $text or die "$path: $!";
	close $handle or die "$path: $!";
	return $path;
}

sub sha256
{
	my ($path) = @_;
	my $digest = Digest::SHA->new(256);
	$digest->addfile($path, 'b');
	return $digest->hexdigest;
}

# A preparation step that must work.
sub command_ok
{
	my (@command) = @_;
	my ($code, $out, $err) = run_command(\@command);
	die "@command: exit $code\n$out$err" if $code != 0;
	return $out;
}

sub have_command
{
	my ($name) = @_;
	return scalar grep { -x "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
}

# What the machine's qemu-img can read; that of Debian 11 has no zstd.
my @compression_types;
sub compression_types
{
	@compression_types = ('zlib', grep { (run_command([ qw(qemu-img create -q -f qcow2 -o), "compression_type=$_", workspace() . '/x', '1M' ]))[0] == 0 } 'zstd')
	  if !@compression_types;
	return @compression_types;
}

# Keys of make_chain for chains that it can read.
sub chain_keys
{
	return (grep { $_ eq 'zstd' } compression_types()) ? () : ('zstd=0');
}

# The events of --progress json.
sub events_of
{
	my ($text) = @_;
	return map { json_of($_) } grep { /^\{/ } split /\n/, $text;
}

sub done_event
{
	my ($text) = @_;
	my ($event) = grep { ($_->{event} // '') eq 'done' } events_of($text);
	return $event;
}

sub error_event
{
	my ($text) = @_;
	my ($event) = grep { ($_->{event} // '') eq 'error' } events_of($text);
	return $event;
}

1;
