# Two hosts, each with its own mounts of one NFS export: a copy that one has begun is gone on with by the other from the checkpoint, also when the first
# one's machine is cut off from everything and comes back later, with what its kernel still had to write.
use strict;
use warnings;
use CopyHosts;
use Guest;
use NfsHosts;
use Test::More;
use VmcloneCluster;

my @mounts = grep { $_->{version} =~ /^(?:3|4\.2)$/ } @nfs;
my $node = VmcloneCluster->start_new('nfshosts', conf => "vmclone.storage_roots = '/rhev'\nvmclone.retry_delay = '200ms'\nvmclone.storage_timeout = '120s'\nvmclone.copy_lease = '6s'\n");
my $hosts = NfsHosts->start_with($node, \@mounts, qw(h1 h2)) or plan skip_all => 'no sshd';
my %on;

$hosts->listen_to(qw(h1 h2));
foreach my $mount (@mounts)
{
	my ($name) = $mount->{path} =~ m{([^/]+)$};
	my $path = nfs_domain($node, $mount);

	$on{$name} = $node->make_vm(name => "of$name", domain => $name, snapshots => 3, disks => [ { format => 'raw', size => '12M', writes => 30 } ]);
	$on{$name}{server} = $mount->{server};
	# the machine of the database sees it no more
	$node->safe_psql('postgres', <<"SQL");
SELECT vmclone.attach_storage_domain(fixture.id('$name'), '$path', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL;
SELECT vmclone.detach_storage_domain(fixture.id('$name'), 'local');
SQL
	is($node->value("SELECT string_agg(host_name, ' ' ORDER BY host_name) FROM vmclone.storage WHERE storage_domain_id = fixture.id('$name') AND attached = 'attached'"),
		'h1 h2', "NFS $mount->{version}: two hosts have the domain");
}

# A copy that is under way, and the host that it is on.
sub begin
{
	my ($of, $name) = @_;
	my $job = $node->clone($of->{snapshots}[1], vm_name => $name, bandwidth_limit => 600_000);
	my $task;

	for (1 .. 1000)
	{
		$task = $node->row("SELECT host_name, image_id, claim FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
		$task->{said} = { map { $_ => scalar($hosts->said($_)) } qw(h1 h2) };
		# more than the next one may do again
		return ($job, $task) if 2_000_000 < $node->value("SELECT bytes_done FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
		select undef, undef, undef, 0.2;
	}
	die "no checkpoint: " . $node->value("SELECT concat_ws(' ', j.status, reason, error) FROM vmclone.jobs j JOIN vmclone.async_tasks USING (job_id) WHERE job_id = '$job->{job_id}'");
}

sub goes_on
{
	my ($of, $job, $task, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT claim > $task->{claim} AND bytes_done > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), "$what: claimed again");
	my $next = $node->row("SELECT host_name, bytes_done, bytes_total FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
	isnt($next->{host_name}, $task->{host_name}, "$what: by the other host");
	$node->clone_ends_well($job, $of, 1, $what);
	my $copied = $hosts->copied_again($next->{host_name}, $task->{said}{ $next->{host_name} });
	cmp_ok($copied->{found}, '>', 0, "$what: it went on from the checkpoint");
	cmp_ok($copied->{again}, '<', 0.5 * $copied->{total}, "$what: and copied little twice");
	note("$what: from $copied->{found} of $copied->{total} bytes, $copied->{again} were copied twice");
	return;
}

sub nothing_else
{
	my ($of, $what) = @_;
	my %known = map { $_->{id} => 1 } $node->rows('SELECT image_guid AS id FROM vmclone.images');
	my @left = grep { my ($image) = m{/([0-9a-f-]{36})[^/]*$}; !$image || !$known{$image} || /\.(?:part|resume)/ }
	  split /\n/, run('find', $of->{server}, '-path', '*/images/*', '-type', 'f');

	return is("@left", '', "$what: nothing else is left on the server");
}

# all that runs on the host killed
{
	my $mount = $mounts[0];
	my $what = "NFS $mount->{version}, killed";
	my $of = $on{ $mount->{path} =~ s{.*/}{}r };
	my ($job, $task) = begin($of, "killed$mount->{version}");

	$hosts->kill_host($task->{host_name});
	goes_on($of, $job, $task, $what);
	nothing_else($of, $what);
	$hosts->start_sshd($task->{host_name});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM vmclone.copy_hosts WHERE state = 'up' AND address IS NOT NULL"), "$what: the host is up again");
}

# cut off from ssh and from the server of the export: what its kernel has to write stays there
foreach my $mount (@mounts)
{
	my $what = "NFS $mount->{version}, cut off";
	my $of = $on{ $mount->{path} =~ s{.*/}{}r };
	my ($job, $task) = begin($of, "cut$mount->{version}");

	$hosts->set_link($task->{host_name}, 'down');
	goes_on($of, $job, $task, $what);
	$hosts->set_link($task->{host_name}, 'up');
	for (1 .. 300)
	{
		last unless $hosts->processes($task->{host_name});
		select undef, undef, undef, 0.2;
	}
	is(join(' ', $hosts->processes($task->{host_name})), '', "$what: the first copier is gone when the link is back");
	$node->images_equal($job->{vm_id}, $of, 1, "$what: what comes late changes nothing");
	nothing_else($of, $what);
	ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM vmclone.copy_hosts WHERE state = 'up' AND address IS NOT NULL"), "$what: the host is up again");
}

undef $hosts;
as_root('exportfs', '-ra');
done_testing();
