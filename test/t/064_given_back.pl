# What a call takes, quota, space, MAC addresses, the name, is given back when its job fails or is cancelled, and is in use
# when it succeeds.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('given_back', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { size => '1G', writes => 10 } ], rows => { nics => 2 });
my $snapshot = $vm->{snapshots}[1];
my $layer = "$vm->{disks}[0]{path}/$vm->{disks}[0]{images}[0]";

# Tries a call; returns the SQLSTATE of its refusal, or '' and the job's id.
sub try_call
{
	my ($name, $more) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n"
		  . "SELECT job_id FROM vmclone.add_vm_from_snapshot('$snapshot', '$name', lock_mode => 'shared', start_paused => true" . ($more ? ", $more" : '') . ')');
	return $code == 0 ? ('', $out) : ($err =~ /ERROR:  (\w{5}):/, undef);
}

sub resume
{
	my ($job, $status) = @_;
	$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job')");
	is($node->wait_for_job($job), $status, "its job ends as $status");
	return;
}

# Of what one clone uses up: refused while there is a job; free after it was cancelled, and after it failed; used after it
# succeeded.
sub given_back
{
	my ($what, $state, $more) = @_;
	my ($error, $job) = try_call("$what-1", $more);

	is($error, '', "$what: the first call") or return;
	is((try_call("$what-2", $more))[0], $state, "$what: a second one is refused");
	$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job')");
	is($node->wait_for_job($job), 'cancelled', "$what: the first one is cancelled");

	($error, $job) = try_call("$what-2", $more);
	is($error, '', "$what: now there is room");
	is((try_call("$what-3", $more))[0], $state, "$what: for one");
	rename $layer, "$layer.away" or die "rename: $!";
	resume($job, 'failed');
	rename "$layer.away", $layer or die "rename: $!";

	($error, $job) = try_call("$what-2", $more);
	is($error, '', "$what: a failure gives back, also the name");
	resume($job, 'succeeded');
	is((try_call("$what-3", $more))[0], $state, "$what: what succeeded is in use");
	return;
}

# quota: room for one more disk of 1 GiB
$node->safe_psql('postgres', <<'SQL');
UPDATE vmclone.storage_pool SET quota_enforcement_type = 2 WHERE id = fixture.id('dc1');
UPDATE vmclone.quota SET grace_storage_percentage = 0 WHERE id = fixture.id('q1');
UPDATE vmclone.quota_limitation SET storage_size_gb = (SELECT ceil(1 + sum(CASE WHEN i.active THEN i.size ELSE d.actual_size END) / 1073741824.0)
    FROM vmclone.image_storage_domain_map m JOIN vmclone.images i ON i.image_guid = m.image_id
    JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE m.quota_id = fixture.id('q1')) WHERE id = fixture.id('limit q1 storage');
SQL
given_back('quota', 'VC007', "disks => jsonb_build_array(jsonb_build_object('disk_id', '$vm->{disks}[0]{disk_id}', 'quota_id', fixture.id('q1')))");
$node->safe_psql('postgres', 'UPDATE vmclone.storage_pool SET quota_enforcement_type = 0');

# space: the engine has seen 1 GiB free, which a preallocated disk takes
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
$node->make_domain($nfs2);
$node->safe_psql('postgres', <<"SQL");
UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = NULL WHERE id = '$nfs2';
UPDATE vmclone.storage_domain_dynamic SET available_disk_size = 1, _update_date = now() WHERE id = '$nfs2';
SQL
given_back('space', 'VC006',
	qq(disks => '[{"disk_id": "$vm->{disks}[0]{disk_id}", "storage_domain_id": "$nfs2", "volume_format": "RAW", "volume_type": "Preallocated"}]'));

# MAC addresses: the pool of cl2 has three, a clone takes two
given_back('macs', 'VC009', "cluster_id => fixture.id('cl2')");
$node->stop;
done_testing();
