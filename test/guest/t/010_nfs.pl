# Clones on real NFS, of every version that VDSM mounts: server, worker and copier on one side, qemu-img on the other.
use strict;
use warnings;
use Guest;
use Test::More;
use VmcloneCluster;

my $copier = copier();
my $node = VmcloneCluster->start_new('nfs', conf => "vmclone.storage_roots = '/rhev'\n");

foreach my $mount (@nfs)
{
	my $version = $mount->{version};
	my ($name) = $mount->{path} =~ m{([^/]+)$};

	my ($options) = run('findmnt', '-no', 'OPTIONS', $mount->{path}) =~ /\bvers=([\d.]+)/;
	is($options, $version, "NFS $version is mounted");
	nfs_domain($node, $mount);
	is($node->value("SELECT filesystem FROM vmclone.storage_mounts WHERE storage_domain_id = fixture.id('$name')"),
		'nfs', "NFS $version: attached");

	my $vm = $node->make_vm(name => "of$name", domain => $name, snapshots => 3,
		disks => [ { format => 'raw', size => '24M' }, { size => '24M' } ]);
	my $job = $node->clone($vm->{snapshots}[1], vm_name => "from$name");
	is($node->wait_for_job($job->{job_id}), 'succeeded', "NFS $version: cloned");
	$node->images_equal($job->{vm_id}, $vm, 1, "NFS $version: disks equal the snapshot");
	foreach my $disk ($node->disk_files($job->{vm_id}))
	{
		is((try_run('qemu-img', 'check', '-q', '-f', 'qcow2', $disk->{path}))[0], 0, "NFS $version: $disk->{disk_alias} is clean")
		  if $disk->{format} eq 'qcow2';
		like(PostgreSQL::Test::Utils::slurp_file("$disk->{path}.meta"), qr/^GEN=1\n.*^LEGALITY=LEGAL\n/ms,
			"NFS $version: $disk->{disk_alias} is legal");
	}

	# A sparse disk stays sparse, also where it is data of zeroes that the client sees: only 4.2 copies on the server, and
	# only there holes are seen.
	my $base = "$mount->{path}/sparse.raw";
	my $copy = "$mount->{path}/sparse.copy";
	run('qemu-img', 'create', '-q', '-f', 'raw', $base, '64M');
	run('qemu-io', '-f', 'raw', '-c', 'write -q -P 7 8M 1M', '-c', 'write -q -P 8 40M 1M', $base);
	my ($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$base", '--output', "raw:$copy", '--no-reflink', '--progress', 'json');
	is($code, 0, "NFS $version: sparse copy") or diag $err;
	is((try_run('cmp', $base, $copy))[0], 0, "NFS $version: exact");
	run('sync', '-f', $copy);
	cmp_ok(data_bytes("$mount->{server}/sparse.copy"), '<', 4 << 20, "NFS $version: it takes what it holds");
	($code, $out, $err) = try_run($copier, 'copy', '--layer', "raw:$base", '--output', "raw:$copy.2", '--progress', 'json');
	is($code, 0, "NFS $version: as it comes") or diag $err;
	cmp_ok(data_bytes("$mount->{server}/sparse.copy.2"), '<', 4 << 20, "NFS $version: it takes what it holds");
	my ($method) = $out =~ /"event":"done".*"method":"([^"]+)"/;
	$version eq '4.2' ? like($method, qr/^(?:reflink|copy_file_range)$/, "NFS $version: by the server")
	  : like($method, qr/^threads/, "NFS $version: by threads");
	unlink $base, $copy, "$copy.2";

	# cancelled in the middle: what it had written is gone on the server, too
	$job = $node->clone($vm->{snapshots}[1], vm_name => "cancelled$name", bandwidth_limit => 200_000);
	ok($node->poll_query_until('postgres',
			"SELECT sum(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), "NFS $version: copying");
	$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
	is($node->wait_for_job($job->{job_id}), 'cancelled', "NFS $version: cancelled");
	is(join(' ', $node->value("SELECT string_agg(path, ' ') FROM vmclone.orphan_files")), '', 'no orphan');
	my %known = map { $_->{id} => 1 } $node->rows('SELECT image_guid AS id FROM vmclone.images');
	my @left = grep { my ($image) = m{([0-9a-f-]{36})[^/]*$}; !$image || !$known{$image} }
	  split /\n/, run('find', $mount->{server}, '-path', '*/images/*', '-type', 'f');
	is("@left", '', "NFS $version: nothing is left on the server");
}

done_testing();
