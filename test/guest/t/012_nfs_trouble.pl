# NFS servers that go away or withdraw the export, and files that go from them: what a job makes of each (docs/jobs.md, "When something
# breaks").  On NFS 4.2, since a version takes a minute and a half by emulation; VMCLONE_TEST_NFS="3 4.0 4.1 4.2" has all.
use strict;
use warnings;
use Guest;
use Test::More;
use VmcloneCluster;

my @versions = split ' ', $ENV{VMCLONE_TEST_NFS} // '4.2';
my $node = VmcloneCluster->start_new('trouble', conf => "vmclone.retry_delay = '200ms'\nvmclone.storage_timeout = '5s'\nvmclone.max_parallel_copies = 9\n");
my %mount = map { $_->{version} => $_ } @nfs;
my (%vm, %name);

$node->append_conf('postgresql.conf', "vmclone.storage_roots = '/rhev:" . $node->storage_root . "'\n");
$node->reload;
foreach my $version (@versions)
{
	($name{$version}) = $mount{$version}{path} =~ m{([^/]+)$};
	nfs_domain($node, $mount{$version});
	$vm{$version} = $node->make_vm(name => "of$name{$version}", domain => $name{$version}, snapshots => 2, disks => [ { format => 'raw', size => '8M', writes => 150 } ]);
}
my $local = $node->make_vm(name => 'local', snapshots => 2, disks => [ { size => '2M' } ]);

sub server
{
	my ($state) = @_;

	as_root('rpc.nfsd', $state eq 'down' ? '0' : ('-V', '3', '-V', '4', '4'));
	return;
}

# the next tests need it
END
{
	local $?;
	server('up');
	as_root('exportfs', '-ra');
}

# a clone on each version, all of them under way
sub copying
{
	my ($name) = @_;
	my %jobs = map { $_ => $node->clone($vm{$_}{snapshots}[0], vm_name => "$name-$name{$_}", bandwidth_limit => 50_000, lock_mode => 'shared') } @versions;

	wait_until($node, "SELECT count(*) = @{[ scalar @versions ]} FROM vmclone.async_tasks WHERE bytes_done > 0 AND job_id IN (" . list(%jobs) . ')');
	return %jobs;
}

sub list
{
	return join ', ', map { "'$_->{job_id}'" } grep { ref } @_;
}

sub lift
{
	return $node->lift_limit(map { $_->{job_id} } grep { ref } @_);
}

sub all_exact
{
	my ($what, %jobs) = @_;

	foreach my $version (@versions)
	{
		my $job = $jobs{$version};

		is($node->wait_for_job($job->{job_id}), 'succeeded', "NFS $version, $what: it goes on, and succeeds")
		  or diag $node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
		$node->images_equal($job->{vm_id}, $vm{$version}, 0, "NFS $version, $what: exact");
	}
	nothing_else($what);
	return;
}

# files on the server that no row knows, and what clients have left under names of their own
sub nothing_else
{
	my ($what) = @_;
	my %known = map { $_->{id} => 1 } $node->rows('SELECT image_guid AS id FROM vmclone.images');
	my @left = grep { my ($image) = m{/([0-9a-f-]{36})[^/]*$}; !$image || !$known{$image} || /\.(?:part|resume)/ }
	  split /\n/, run('find', (map { $mount{$_}{server} } @versions), '-path', '*/images/*', '-type', 'f');

	return is("@left", '', "$what: nothing is left on the server");
}

# a server that is away for a time, on mounts that wait for it: copies to it stand still, others go on; who cancels is not refused
{
	my %jobs = copying('away');
	my %cancelled = copying('hangs');

	server('down');
	wait_until($node, "SELECT tasks_stalled = @{[ 2 * @versions ]} FROM vmclone.worker");
	is($node->value("SELECT string_agg(DISTINCT status, ' ') FROM vmclone.jobs WHERE job_id IN (" . list(%jobs, %cancelled) . ')'), 'running', 'server away: copies are stalled, their jobs run');
	my $other = $node->clone($local->{snapshots}[0], vm_name => 'meanwhile');
	is($node->wait_for_job($other->{job_id}), 'succeeded', 'server away: a clone on other storage is made');
	my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.check_storage_domain(fixture.id('$name{$versions[0]}'))");
	like($err, qr/did not answer within 5 s/, 'server away: who asks for it waits no longer than vmclone.storage_timeout');
	$other = $node->clone($vm{ $versions[0] }{snapshots}[0], vm_name => 'starts', lock_mode => 'shared');
	like($node->job_when($other->{job_id}, 'waiting')->{reason}, qr/did not answer|does not answer/, 'server away: a job that begins waits, and says why');
	$node->for_jobs('cancel_job(job)', 'job_id IN (' . list(%cancelled) . ')');
	foreach my $version (@versions)
	{
		my $id = $cancelled{$version}{job_id};
		my $what = "NFS $version, cancelled while the server is away";

		wait_until($node, "SELECT cleaning_error IS NOT NULL OR EXISTS (SELECT FROM vmclone.async_tasks t WHERE t.job_id = j.job_id AND phase = 'stuck') FROM vmclone.jobs j WHERE job_id = '$id'");
		my $row = $node->row("SELECT status, cleaning_error, (SELECT count(*) FROM vmclone.image_locks WHERE holder = call_id) AS locks FROM vmclone.jobs WHERE job_id = '$id'");
		if ($row->{status} eq 'cancelling') { isnt($row->{locks}, 0, "$what: the kernel holds the copier, what it reads stays locked") }
		else { is("$row->{status} $row->{locks}", 'cleaning 0', "$what: the copier has ended, the source is free, cleaning waits") }
	}
	server('up');
	lift(%jobs);
	all_exact('server away', %jobs);
	is($node->wait_for_job($cancelled{$_}{job_id}), 'cancelled', "NFS $_: cancelled when the server is back") foreach @versions;
	is($node->wait_for_job($other->{job_id}), 'succeeded', 'server away: a job that began then succeeds');
	nothing_else('cancelled while the server was away');
}

# an export that is withdrawn: the client's handles are stale, and good again when it is back
{
	my %jobs = copying('withdrawn');

	as_root('exportfs', '-u', '127.0.0.1:/srv/nfs');
	as_root('exportfs', '-f');
	lift(%jobs);
	foreach my $version (@versions)
	{
		my $waits = $node->job_when($jobs{$version}{job_id}, qw(waiting failed succeeded cleaning));

		is($waits->{status}, 'waiting', "NFS $version, export withdrawn: the job waits");
		like($waits->{reason}, qr/ESTALE|EACCES/, "NFS $version, export withdrawn: and says why");
	}
	as_root('exportfs', '-ra');
	$node->for_jobs('retry_job(job)', "status = 'waiting'");
	all_exact('export withdrawn', %jobs);
}

# Files change on the server alone, as where an older state of them is restored there.  The folder of an output goes: it is made anew.  A
# layer is replaced while it is read: the clone is that of the old file or of the new one.
{
	my %removed = copying('removed');
	my %replaced = copying('replaced');
	my %layer;

	foreach my $version (@versions)
	{
		my ($here, $there) = @{ $mount{$version} }{qw(path server)};
		my ($disk) = @{ $vm{$version}{disks} };
		my $output = $node->value("SELECT disk_id FROM vmclone.async_tasks WHERE job_id = '$removed{$version}{job_id}'");

		run('rm', '-r', glob "$there/*/images/$output");
		$layer{$version} = "$disk->{path}/$disk->{images}[0]" =~ s{^\Q$here\E}{$there}r;
		run('cp', $layer{$version}, "$layer{$version}.$_") foreach qw(old new);
		# all over it, so that no mixture can be taken for one of them
		run('qemu-io', '-f', 'raw', (map { ('-c', sprintf 'write -q -P 99 %d 4k', $_ << 18) } 0 .. 31), "$layer{$version}.new");
		run('cp', "$layer{$version}.new", "$layer{$version}.next");
	}
	foreach my $layer (values %layer) { rename "$layer.next", $layer or die "rename: $!" }
	lift(%removed, %replaced);
	foreach my $version (@versions)
	{
		foreach my $case ([ 'output removed on the server', $removed{$version} ], [ 'layer replaced on the server', $replaced{$version} ])
		{
			my ($what, $job) = @$case;

			is($node->wait_for_job($job->{job_id}), 'succeeded', "NFS $version, $what: the job succeeds")
			  or diag $node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
			my ($clone) = $node->disk_files($job->{vm_id}) or next;
			my @same = grep { (try_run('qemu-img', 'compare', '-q', '-f', 'raw', '-F', $clone->{format}, "$layer{$version}.$_", $clone->{path}))[0] == 0 } qw(old new);
			is(scalar @same, 1, "NFS $version, $what: the clone is that of the old layer or of the new one") and note "the $same[0] one";
		}
	}
	unlink map { ("$_.old", "$_.new") } values %layer;
	nothing_else('files changed on the server');
}

done_testing();
