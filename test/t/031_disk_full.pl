# A full disk: the job waits, says so, and goes on when there is space.
#
# The domain is a small tmpfs in a mount namespace of the test's own, which an ordinary user may make where the
# kernel lets him have user namespaces; the second namespace takes root's number away again, since PostgreSQL wants it so.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Test::More;

my $folder;

sub enter_namespaces
{
	$folder = tempdir('vmclone-full.XXXXXX', TMPDIR => 1);
	if (system("unshare --user --map-root-user --mount sh -c 'mount -t tmpfs -o size=200m tmpfs $folder"
			  . " && unshare --user --map-user=1000 --map-group=1000 true' 2>/dev/null") != 0)
	{
		rmdir $folder;
		plan skip_all => 'this user may not make user and mount namespaces';
	}
	$ENV{VMCLONE_TEST_TMPFS} = $folder;
	my $status = system('unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
		'mount -t tmpfs -o size=200m,mode=700 tmpfs "$0" && exec unshare --user --map-user=1000 --map-group=1000 "$@"',
		$folder, $^X, (map { "-I$_" } @INC), $0);
	rmdir $folder;
	exit($status >> 8 || ($status ? 1 : 0));
}

BEGIN
{
	$folder = $ENV{VMCLONE_TEST_TMPFS};
	enter_namespaces() unless $folder || $^C;    # perl -c has nothing to run
}

use VmcloneCluster;

my $node = VmcloneCluster->start_new('full', conf => "vmclone.retry_delay = '200ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 }, { writes => 60 } ]);
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
my $roots = $node->storage_root . ":$folder";

$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.storage_roots = '$roots'");
$node->reload;
make_path("$folder/nfs2/images");
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = NULL WHERE id = '$nfs2';
	SELECT vmclone.attach_storage_domain('$nfs2', '$folder/nfs2')");
# after the domain was looked at, by attach_storage_domain
system('fallocate', '-l', '196M', "$folder/ballast") == 0 or die 'fallocate';

my $disks = '[' . join(',', map { qq({"disk_id":"$_->{disk_id}","storage_domain_id":"$nfs2"}) } @{ $vm->{disks} }) . ']';
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'full', disks => $disks);
my $seen = $node->job_when($job->{job_id}, qw(waiting failed succeeded));
is($seen->{status}, 'waiting', 'a job waits for space');
like($seen->{reason}, qr/ENOSPC/, 'and says so');
like($seen->{reason}, qr/^disk "[^"]+" \([-0-9a-f]+\), storage domain "nfs2" \($nfs2\): .* [1-9]\d* are missing$/,
	'with disk, domain and the bytes that are missing');
isnt($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'it keeps its source');
sleep 3;
is($node->value("SELECT status IN ('waiting', 'running') FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	't', 'it goes on waiting');
unlink "$folder/ballast";
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it succeeds when there is space');
$node->images_equal($job->{vm_id}, $vm, 1, 'and is exact');

# the engine's row says 500 GiB; what was seen counts
system('fallocate', '-l', '150M', "$folder/ballast") == 0 or die 'fallocate';
$node->safe_psql('postgres', "SELECT vmclone.check_storage_domain('$nfs2')");
my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'toobig', disks => '$disks')");
like($err, qr/not enough disk space on storage domains: nfs2.*has \d{8} bytes left/s, 'a clone that does not fit is refused');
$node->stop;
done_testing();
