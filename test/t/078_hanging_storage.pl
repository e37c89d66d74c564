# A file system that no longer answers: two copies hang in writing to it, a third between other domains gets a place all the same;
# a copier that can't be ended is shown as stuck, with what to do, and its job's cancel goes through when the storage answers.
#
# It is a FUSE file system in namespaces of the test's own, as in 031_disk_full.pl. strace delays its answers: a request that its
# program has taken and not answered is one that no signal ends.
use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $folder;

# Root may have /dev/fuse for itself; the tests' user gets one of its own in the stage.
sub enter_namespaces
{
	my ($device) = grep { -c $_ && -r _ && -w _ } '/dev/fuse', ($ENV{VMCLONE_STAGE} // '') . '/fuse';

	plan skip_all => 'this user may not use FUSE' unless $device;
	plan skip_all => 'fuse-overlayfs or strace is missing' if grep { system("command -v $_ >/dev/null") != 0 } qw(fuse-overlayfs strace);
	$folder = tempdir('vmclone-hang.XXXXXX', TMPDIR => 1);
	make_path(map { "$folder/$_" } qw(lower upper work hanging));
	chown $<, (split ' ', $()[0], $_ foreach $folder, map { "$folder/$_" } qw(lower upper work hanging);
	my $mount = qq(mount --bind $device /dev/fuse && fuse-overlayfs -o lowerdir=$folder/lower,upperdir=$folder/upper,workdir=$folder/work,allow_other $folder/hanging);
	if (system("unshare --user --map-root-user --mount sh -c '$mount && umount $folder/hanging' >$folder/log 2>&1") != 0)
	{
		system('rm', '-rf', $folder);
		plan skip_all => 'this user may not make user and mount namespaces with FUSE';
	}
	$ENV{VMCLONE_TEST_FUSE} = $folder;
	# what traces a process has to be in its user namespace; file "hang" lets it, ten minutes at most
	my $tracer = <<"SH";
server=\$(pgrep -f "^fuse-overlayfs .*$folder/hanging"); strace=
for i in \$(seq 6000); do
	[ ! -e $folder/over ] || break
	if [ -e $folder/hang ] && [ -z "\$strace" ]; then
		strace -f -p \$server -e trace=writev -e inject=writev:delay_enter=1000000000 2>$folder/strace & strace=\$!
	elif [ ! -e $folder/hang ] && [ -n "\$strace" ]; then
		kill -KILL \$strace; wait \$strace; strace=
	fi
	sleep 0.1
done
[ -z "\$strace" ] || kill -KILL \$strace
SH
	my $status = system('unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
		"$mount >$folder/log 2>&1 && { ( $tracer ) </dev/null >/dev/null 2>&1 & exec unshare --user --map-user=1000 --map-group=1000 \"\$@\"; }",
		'sh', $^X, (map { "-I$_" } @INC), $0);
	# the last process of the namespace takes the mount with it
	system('rm', '-rf', $folder);
	exit($status >> 8 || ($status ? 1 : 0));
}

BEGIN
{
	$folder = $ENV{VMCLONE_TEST_FUSE};
	enter_namespaces() unless $folder || $^C;    # perl -c has nothing to run
}

use VmcloneCluster;

my $node = VmcloneCluster->start_new('hanging', conf => "vmclone.storage_timeout = '3s'\nvmclone.retry_delay = '200ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 2, disks => [ { format => 'raw', size => '16M', writes => 200 } ]);
my $healthy = $node->make_vm(name => 'web02', snapshots => 2, disks => [ { format => 'raw', writes => 40 } ]);
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");

sub storage_hangs
{
	PostgreSQL::Test::Utils::append_to_file("$folder/hang", '');
	for (1 .. 300)
	{
		return if -s "$folder/strace";
		select undef, undef, undef, 0.1;
	}
	die 'strace does not come';
}

sub storage_answers
{
	unlink "$folder/hang";
	return;
}

# what hangs can't be stopped
END { local $?; storage_answers(); PostgreSQL::Test::Utils::append_to_file("$folder/over", '') }

$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.storage_roots = '" . $node->storage_root . ":$folder'");
$node->reload;
$node->make_domain($nfs2, "$folder/hanging/nfs2");
my $disks = qq([{"disk_id":"$vm->{disks}[0]{disk_id}","storage_domain_id":"$nfs2"}]);

# ---------- two copies hang, a third one does not wait for them ----------
my @hanging = map { $node->clone($vm->{snapshots}[0], vm_name => "hanging$_", lock_mode => 'shared', disks => $disks, bandwidth_limit => 300_000) } 1, 2;
ok( $node->poll_query_until('postgres', "SELECT count(*) = 2 FROM vmclone.async_tasks WHERE status = 'running' AND phase = 'data' AND bytes_done > 0"),
	'two copies take both places');
storage_hangs();
my $other = $node->clone($healthy->{snapshots}[0], vm_name => 'other');
is($node->wait_for_job($other->{job_id}), 'succeeded', 'a third copy between other domains gets a place while the storage hangs');
$node->images_equal($other->{vm_id}, $healthy, 0);
is($node->value("SELECT string_agg(status, ' ') FROM vmclone.jobs WHERE vm_name LIKE 'hanging%'"), 'running running', 'the hanging ones are under way still');
is($node->value('SELECT tasks_stalled FROM vmclone.worker'), 2, 'view worker counts them');

# ---------- a copier that no signal ends ----------
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$hanging[0]{job_id}')");
ok($node->poll_query_until('postgres', "SELECT phase = 'stuck' FROM vmclone.progress WHERE job_id = '$hanging[0]{job_id}'"), 'the copier of a cancelled job hangs in the kernel');
my $row = $node->row("SELECT * FROM vmclone.worker");
is($row->{tasks_stuck}, 1, 'view worker counts it');
like($row->{advice}, qr/storage of the tasks in phase stuck does not answer/, 'and says what to look at');
like($node->value("SELECT advice FROM vmclone.progress WHERE job_id = '$hanging[0]{job_id}'"), qr/does not answer/, 'as does view progress');
is($node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$hanging[0]{job_id}'"), 'cancelling', 'the cancel is not through while the process lives');
isnt($node->value("SELECT count(*) FROM vmclone.image_locks WHERE holder = (SELECT call_id FROM vmclone.jobs WHERE job_id = '$hanging[0]{job_id}')"), 0, 'and what it reads stays locked');

storage_answers();
is($node->wait_for_job($hanging[0]{job_id}), 'cancelled', 'when the storage answers again, the cancel is through');
$node->lift_limit($hanging[1]{job_id});
is($node->wait_for_job($hanging[1]{job_id}), 'succeeded', 'and the other copy goes on');
is($node->value('SELECT tasks_stuck + tasks_stalled FROM vmclone.worker'), 0, 'nothing hangs any more');
$node->stop;
done_testing();
