
=head1 NAME

LoopGroup - hosts that share a volume group of loop devices, for block domains where no logical volume can be made

C<make test> gives the user that tests run as loop devices and a directory in /dev where it runs as root (test/run/stage.sh): for each
file that is an extent of the group one device for each host, as if each were a machine that sees the same LUN.  So a device that a host has open
is not in use on another one, and nothing is locked between them.  One test at a time has the group.

=cut

package LoopGroup;

use strict;
use warnings;
use parent -norequire, 'CopyHosts';
use ChangeLog;
use CopyHosts;
use Fcntl qw(:flock);
use File::Path qw(make_path);
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More ();
use VmcloneCluster;

our $lease = 5;
my ($group, $folder, @extents, $turn);

=head2 LoopGroup->start_server($name, $copies, @names)

A server that runs so many copies at a time, under leases of $LoopGroup::lease seconds, and its hosts; their test is skipped where the group can't be, or no
networks.  It enters the network first (CopyHosts->enter_network).

=cut

sub start_server
{
	my ($class, $name, $copies, @names) = @_;

	Test::More::plan(skip_all => 'no network can be made here') unless $ENV{VMCLONE_TEST_NETWORK};
	my $node = VmcloneCluster->start_new($name, conf => <<"CONF");
vmclone.retry_delay = '100ms'
vmclone.copy_lease = '${lease}s'
vmclone.max_attempts = 1000
vmclone.max_parallel_copies = $copies
CONF
	my ($hosts, $lacks) = $class->start_group($node, @names);
	unless ($hosts)
	{
		$node->stop;
		Test::More::plan(skip_all => $lacks);
	}
	return ($node, $hosts);
}

=head2 LoopGroup->start_group($node, @names)

CopyHosts, in networks of their own, whose hosts have the group, and a program for it; nothing, and why, where that can't be.

=cut

sub start_group
{
	my ($class, $node, @names) = @_;
	my $stage = $ENV{VMCLONE_STAGE};
	my $table = "$stage/devices/loops";

	return (undef, 'no loop devices') unless -s $table;
	open $turn, '>>', "$stage/devices/turn" or die "$stage/devices/turn: $!";
	flock $turn, LOCK_EX or die "flock: $!";
	$group = $stage =~ s{.*/}{}r;
	$folder = $node->basedir . '/group';
	@extents = map { my ($file, @devices) = split ' '; { file => $file, devices => \@devices } } split /\n/, slurp_file($table);
	make_path("$folder/volumes", map { ("$folder/state-$_", "$folder/dev-$_") } @names);
	append_to_file("$folder/program", program());
	my $self = $class->start_apart($node, @names) or return (undef, 'no sshd');
	foreach my $n (0 .. $#names)
	{
		my $name = $names[$n];

		append_to_file("$folder/on_$name", "#!/bin/sh\nVMCLONE_TEST_HOST=$self->{hosts}{$name}{folder} exec perl $folder/program $folder $group $name \"\$1\" " . join(' ', map { $_->{devices}[$n] } @extents) . "\n");
		chmod 0755, "$folder/on_$name";
		$self->serve_with($name, "--root /dev/$group --provision $folder/on_$name --state $folder/state-$name --allow-loop");
	}
	$self->{outputs} = { map { my $extent = $_; map { $_ => $extent->{file} } @{ $extent->{devices} } } @extents };
	$node->safe_psql('postgres', "SELECT vmclone.check_copy_host('$_')") foreach @names;
	return $self;
}

# The host's own /dev/GROUP.
sub make_network
{
	my ($self, $name, $number) = @_;
	my $ready = "$folder/ready-$name";

	$self->make_machine($name, $number, [qw(--net --mount)], 'sh', '-c', 'mount --bind "$1" "$2" && : >"$3" && exec cat', 'sh', "$folder/dev-$name", "/dev/$group", $ready);
	for (1 .. 100)
	{
		return if -e $ready;
		select undef, undef, undef, 0.05;
	}
	die "could not mount /dev/$group for $name";
}

=head2 $hosts->group_path

/dev/GROUP, where hosts see it.

=cut

sub group_path { return "/dev/$group" }

=head2 $hosts->volumes, $hosts->contents($image)

The images that have a volume, as { image => { extent, image_group, unfinished } }; a file with a volume's bytes.

=cut

sub volumes { return { map { my ($image) = m{([^/]+)$}; $image => decode_json(slurp_file($_)) } grep { !/\.new$/ } glob "$folder/volumes/*" } }

sub contents { my ($self, $image) = @_; return $extents[ $self->volumes->{$image}{extent} ]{file} }

=head2 $hosts->drop($image…), $hosts->add($disk, $path…)

Takes volumes away; makes some of a disk, before the group is used, that hold what is in these files, whose names are the images'.

=cut

sub drop { my ($self, @images) = @_; return unlink map { "$folder/volumes/$_" } @images }

sub add
{
	my ($self, $disk, @paths) = @_;

	foreach my $path (@paths)
	{
		my $extent = keys %{ $self->volumes };

		system('dd', "if=$path", "of=$extents[$extent]{file}", 'bs=1M', 'conv=fsync,notrunc', 'status=none') == 0 or die "dd: $path";
		append_to_file("$folder/volumes/" . $path =~ s{.*/}{}r, encode_json({ extent => $extent, image_group => $disk, unfinished => JSON::PP::false }));
	}
	return;
}

=head2 $hosts->kept, $hosts->changes_at_once

What hosts keep for volumes: devices that are active, locks and records; where two of them have changed the group at one time.

=cut

sub kept { return sort map { s{^\Q$folder\E/}{}r } glob("$folder/dev-*/*"), glob("$folder/state-*/*") }
sub changes_at_once { return ChangeLog::changes_at_once("$folder/log") }

# By the protocol of docs/provisioning.md; a lock is the host's own, as LVM's.  Who doesn't wait for the other host gives one extent away twice.
sub program
{
	return <<'PERL';
use strict;
use warnings;
use Fcntl qw(:flock);
use JSON::PP;
use Time::HiRes qw(time);
my ($folder, $name, $host, $action, @devices) = @ARGV[ 0 .. 2, 3 .. $#ARGV ];
my $begun = time;
my $size = 4 << 20;
my $request = decode_json(do { local $/; <STDIN> });
my $lv = $request->{lv} // '';
open my $lock, '>>', "$folder/lock-$host" or die;
flock $lock, LOCK_EX or die;
my %volumes = map { my ($image) = m{([^/]+)$}; $image => decode_json(do { local (@ARGV, $/) = $_; <> }) } grep { !/\.new$/ } glob "$folder/volumes/*";

sub answer { my ($answer) = @_; print encode_json($answer), "\n"; exit($answer->{error} ? 1 : 0) }
sub refuse { my ($kind, $error) = @_; answer({ kind => $kind, error => $error }) }
sub of { my ($lv) = @_; return $volumes{$lv} || refuse('not_found', "there is no volume $lv") }
sub save
{
	open my $file, '>', "$folder/volumes/$lv.new" or die;
	print $file encode_json($volumes{$lv});
	close $file or die;
	rename "$folder/volumes/$lv.new", "$folder/volumes/$lv" or die;
}
sub activate { my ($lv) = @_; deactivate($lv); symlink $devices[ of($lv)->{extent} ], "/dev/$name/$lv" or die "/dev/$name/$lv: $!" }
sub deactivate { unlink "/dev/$name/$_[0]" }
sub create
{
	my %used = map { $_->{extent} => 1 } values %volumes;
	my ($free) = grep { !$used{$_} } 0 .. $#devices;

	refuse('no_space', 'larger than an extent') if $request->{size} > $size;
	refuse('no_space', 'no extent is free') if !$volumes{$lv} && !defined $free;
	if (!$volumes{$lv})
	{
		$volumes{$lv} = { extent => $free, image_group => $request->{image_group}, unfinished => JSON::PP::true };
		save();
	}
	activate($lv) if $volumes{$lv}{unfinished};
}
sub tell { my ($lv) = @_; return { lv => $lv, size => $size, map { $_ => $volumes{$lv}{$_} } qw(image_group unfinished) } }

my %do = (
	attach => sub { },
	detach => sub { },
	space => sub { },
	list => sub { print encode_json(tell($_)), "\n" foreach sort keys %volumes },
	activate => sub { activate($_) foreach @{ $request->{lvs} } },
	deactivate => sub { deactivate($_) foreach @{ $request->{lvs} } },
	create => \&create,
	commit => sub { of($lv)->{unfinished} = JSON::PP::false; save(); deactivate($lv) },
	remove => sub { deactivate($lv); unlink "$folder/volumes/$lv"; delete $volumes{$lv} });
refuse('not_attached', "there is no group $request->{vg}") if $request->{vg} ne $name;
$do{$action}->();
open my $log, '>>', "$folder/log" or die;
syswrite $log, sprintf "%s %s %.3f %.3f %s\n", $host, $action, $begun, time, $lv;
my %more = $action =~ /^(?:create|commit)$/ ? (size => $size) : ();
$more{committed} = JSON::PP::true if $action eq 'create' && !$volumes{$lv}{unfinished};
# room for whatever a test makes and drops between two checks
answer({ vg => $name, vg_uuid => 'LoopGr-oupO-fOne-Test-Only-0000-000000', extent_size => $size, total_bytes => 1 << 40, available_bytes => 1 << 40, %more });
PERL
}

1;
