
=head1 NAME

BlockHosts - hosts, each a real sshd, that have volume group "iscsi" of the storage guest

=cut

package BlockHosts;

use strict;
use warnings;
use ChangeLog;
use CopyHosts;
use Exporter 'import';
use File::Path qw(make_path);
use Guest;
use PostgreSQL::Test::Utils;
use VmcloneCluster;

our @EXPORT = qw(block_hosts changes_at_once state_files);

my ($folder, @hosts);

# All hosts of the guest have one kernel, where a volume is active or not.  So that each has its own word of it, a volume stays
# active until the last of them gives it up.  It writes who did what from when to when.
my $program = <<'PERL';
use strict;
use warnings;
use Fcntl qw(:seek :flock);
use JSON::PP;
use Time::HiRes qw(time);
my ($program, $folder, $host, $action) = @ARGV;
my $request = decode_json(do { local $/; <STDIN> });
my @names = $request->{lvs} ? @{ $request->{lvs} } : defined $request->{lv} ? ($request->{lv}) : ();
my $begun = time;

open my $turn, '>', "$folder/turn" or die;
flock $turn, LOCK_EX if $action =~ /activate/;
if ($action =~ /^(?:activate|create)$/) { foreach (@names) { open my $file, '>', "$folder/active/$host.$_" or die } }
if ($action eq 'deactivate')
{
	unlink map { "$folder/active/$host.$_" } @names;
	$request->{lvs} = [ grep { my @others = glob "$folder/active/*.$_"; !@others } @names ];
	my $changed = "$folder/request.$$";
	open my $file, '+>', $changed or die;
	print $file encode_json($request);
	close $file;
	open STDIN, '<', $changed or die;
	unlink $changed;
	$action = 'space' if !@{ $request->{lvs} };
}
else
{
	sysseek STDIN, 0, SEEK_SET;
}
my $result = system $program, $action;
# whole or gone, a volume is nobody's on this host, and stays what it is on the others
if ($result == 0 && $action =~ /^(?:commit|remove)$/) { unlink map { "$folder/active/$host.$_" } @names }
open my $log, '>>', "$folder/log" or die;
syswrite $log, sprintf "%s %s %.3f %.3f %s\n", $host, $ARGV[3], $begun, time, join ' ', @names;
exit($result == 0 ? 0 : 1);
PERL

=head2 block_hosts($node, @names)

CopyHosts whose hosts have a provisioning program for group "iscsi" and a directory for state; all are up.

=cut

sub block_hosts
{
	my ($node, @names) = @_;
	my $real = copier() =~ s/vmclone-copy$/vmclone-provision-lvm/r;
	my $copy_hosts = CopyHosts->start($node, @names) or die 'no sshd';

	@hosts = @names;
	$folder = $node->basedir . '/provision';
	make_path("$folder/active");
	append_to_file("$folder/program", $program);
	foreach my $name (@names)
	{
		make_path("$folder/$name");
		append_to_file("$folder/on_$name", "#!/bin/sh\nVMCLONE_TEST_HOST=$copy_hosts->{hosts}{$name}{folder} exec perl $folder/program $real $folder $name \"\$1\"\n");
		chmod 0755, "$folder/on_$name";
		$copy_hosts->serve_with($name, "--root /dev/iscsi --provision $folder/on_$name --state $folder/$name");
	}
	$copy_hosts->{devices} = qr{^/dev/dm-\d+$};
	$node->safe_psql('postgres', "SELECT vmclone.check_copy_host('$_')") foreach @names;
	return $copy_hosts;
}

=head2 changes_at_once

Where two hosts' programs changed the group at one time: a text each.

=cut

sub changes_at_once { return ChangeLog::changes_at_once("$folder/log") }

=head2 state_files

What hosts still keep for volumes: locks, records, and names of those that they have active.

=cut

sub state_files
{
	return sort map { s{^\Q$folder\E/}{}r } glob("$folder/active/*"), map { glob "$folder/$_/*" } @hosts;
}

1;
