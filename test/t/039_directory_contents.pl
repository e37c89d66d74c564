# check_storage_domain(id, repair) on a directory domain: users' files and rows are compared both ways; only what a job that did not
# succeed has left is removed, never a file of its users.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use VmcloneCluster;

plan skip_all => 'imports go into vmclone\'s own inventory' if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';

my $node = VmcloneCluster->start_new('directory', fixture => 0, conf => "vmclone.retry_delay = '100ms'\n");
my $folder = $node->storage_root . '/vms';

sub run_or_die
{
	system(@_) == 0 or die "@_ failed";
	return;
}

make_path("$folder/base", "$folder/others");
run_or_die('qemu-img', 'create', '-q', '-f', 'raw', "$folder/base/base.img", '16M');
run_or_die('qemu-io', '-f', 'raw', '-c', 'write -q -P 65 0 4M', "$folder/base/base.img");
run_or_die('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base/base.img', '-F', 'raw', "$folder/sys.qcow2");
run_or_die('qemu-io', '-f', 'qcow2', '-c', 'write -q -P 66 4M 4M', "$folder/sys.qcow2");
run_or_die('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'sys.qcow2', '-F', 'qcow2', "$folder/sys.first");
$node->safe_psql('postgres', "CALL vmclone.import_disks('web01', '$folder', 'qcow2:sys.first')");
my $domain = $node->value('SELECT storage_domain_id FROM vmclone.directory_domains');
my $snapshot = $node->value("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'first'");

# Contents and names of all that is the users'
sub fingerprint
{
	return join "\n", map { "$_ " . (stat)[1] . ' ' . unpack('%32C*', slurp_file($_)) } sort grep { -f } glob("$folder/* $folder/*/*");
}

# "problem name repaired" of what differs
sub problems
{
	my ($repair) = @_;
	my $asked = $repair ? 'true' : 'false';

	return join ', ', map { "$_->{problem} $_->{name}" . ($_->{repaired} ? ' repaired' : '') }
	  $node->rows("SELECT problem, CASE WHEN path LIKE '%/.vmclone/%' THEN 'ours' ELSE substr(path, length('$folder') + 2) END AS name, repaired
		FROM vmclone.check_storage_domain('$domain', $asked)");
}

is(problems(1), '', 'nothing differs after an import');
append_to_file("$folder/$_", "somebody's\n") foreach qw(notes.txt base/.hidden others/not-ours.img);
my $before = fingerprint();
is(problems(1), 'unknown file base/.hidden, unknown file notes.txt', 'files that no image has are told, where images are');
is(fingerprint(), $before, 'and left alone');
unlink "$folder/notes.txt", "$folder/base/.hidden";
rename "$folder/base/base.img", "$folder/base/moved.img" or die "rename: $!";
is(problems(1), 'missing volume base/base.img, unknown file base/moved.img', 'a file that is gone');
rename "$folder/base/moved.img", "$folder/base/base.img" or die "rename: $!";
truncate "$folder/base/base.img", 17 << 20 or die "truncate: $!";
is(problems(1), 'wrong size base/base.img', 'a raw file of another size');
truncate "$folder/base/base.img", 16 << 20 or die "truncate: $!";
is(problems(1), '', 'all is well again');

# clones
my $job = $node->clone($snapshot, vm_name => 'web02');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone') or diag $node->value('SELECT reason FROM vmclone.jobs');
is(problems(1), '', 'nothing differs after it');
my ($ours) = glob "$folder/.vmclone/images/*/*.name" or die 'no record of the name';
$ours =~ s/\.name$//;
append_to_file("$ours.part.resume", '');
$before = fingerprint();
is(problems(0), 'left-over files ours', 'what a commit that was cut off has left');
is(problems(1), 'left-over files ours repaired', 'is removed');
is(problems(1), '', 'and gone');
is(fingerprint(), $before, 'the clone is what it was');

my $clone = "$folder/web02-vda.raw";
ok(-f $clone, 'the clone') or diag join ' ', glob "$folder/*";
rename $clone, "$clone.kept" or die "rename: $!";
is(problems(1), 'missing volume web02-vda.raw, unknown file web02-vda.raw.kept', 'a clone that was renamed');
copy("$clone.kept", $clone) or die "copy: $!";
is(problems(1), 'replaced volume web02-vda.raw, unknown file web02-vda.raw.kept', 'one in whose place another file is');
unlink $clone;
rename "$clone.kept", $clone or die "rename: $!";
is(problems(1), '', 'it is back');

# a clone that was delivered is its users', whatever becomes of the rows
$node->safe_psql('postgres', "DELETE FROM vmclone.images WHERE vm_snapshot_id IN (SELECT snapshot_id FROM vmclone.snapshots WHERE vm_id = '$job->{vm_id}')");
$before = fingerprint();
is(problems(1), 'orphan volume ours', 'a clone without rows is told');
is(fingerprint(), $before, 'and left alone');

# a cleaning that was given up
my $given_up = $node->clone($snapshot, vm_name => 'hopeless', bandwidth_limit => 300_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$given_up->{job_id}'") or die 'nothing is copied';
is(problems(1), 'orphan volume ours', 'a job under way is no problem');
rename $folder, "$folder.away" or die "rename: $!";
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$given_up->{job_id}')");
$node->poll_query_until('postgres', "SELECT status = 'cleaning' AND cleaning_error IS NOT NULL FROM vmclone.jobs WHERE job_id = '$given_up->{job_id}'") or die;
$node->safe_psql('postgres', "SELECT vmclone.abandon_cleaning('$given_up->{job_id}')");
is($node->wait_for_job($given_up->{job_id}), 'cancelled', 'given up');
rename "$folder.away", $folder or die "rename: $!";
like(problems(0), qr/^(?:orphan file ours, )+orphan volume ours, orphan volume ours$/, 'what it has left is told');
like(problems(1), qr/orphan volume ours repaired/, 'and removed');
is(problems(1), 'orphan volume ours', 'but for the clone that was delivered');
is($node->value('SELECT count(*) FROM vmclone.orphan_files'), 0, 'nothing is left in orphan_files');
is(fingerprint(), $before, "users' files are what they were");
$node->stop;
done_testing();
