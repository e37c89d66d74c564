# The worker ends jobs on an engine's own inventory: another schema, owned by a role without rights.
#
# Success, failure and cancel write the engine's tables as that owner, with its indexes and without; vmclone's own
# inventory stays as it was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('foreign');
my $vm = $node->make_vm(disks => [ { format => 'raw' }, {} ]);
my $broken = $node->make_vm(disks => [ {} ]);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE engine_owner;
SELECT fixture.copy_inventory('engine', 'engine_owner');
SELECT vmclone.use_inventory('engine');
SQL
is($node->value(q{SELECT owner FROM vmclone_internal.current_inventory()}), 'engine_owner', 'bound to the engine');
my $own = q{SELECT (SELECT count(*) FROM vmclone.images) || ' ' || (SELECT count(*) FROM vmclone.vm_static) || ' ' || (SELECT count(*) FROM vmclone.audit_log)};
my $before = $node->value($own);

# the source's file is gone
unlink "$broken->{disks}[0]{path}/$broken->{disks}[0]{images}[0]" or die "unlink: $!";

sub ends
{
	my ($suffix, $how) = @_;

	# success; paused while the source is looked at
	my $job = $node->clone($vm->{snapshots}[1], vm_name => "good$suffix", start_paused => 'true');
	is($node->value("SELECT status FROM engine.snapshots WHERE snapshot_id = '$vm->{snapshots}[1]'"), 'LOCKED', "$how: the source is held");
	$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$how: a clone succeeds");
	is($node->value("SELECT status FROM engine.vm_dynamic WHERE vm_guid = '$job->{vm_id}'"), 0, "$how: the VM is Down");
	is($node->value("SELECT count(*) FROM engine.images i JOIN engine.disk_vm_element e ON e.disk_id = i.image_group_id WHERE e.vm_id = '$job->{vm_id}' AND i.imagestatus = 1"), 2, "$how: its images are OK");
	is($node->value("SELECT status FROM engine.snapshots WHERE snapshot_id = '$vm->{snapshots}[1]'"), 'OK', "$how: the source is free");
	is($node->value("SELECT string_agg(log_type::text, ',' ORDER BY audit_log_id) FROM engine.audit_log WHERE vm_name = 'good$suffix'"), '37,53', "$how: started and finished, in the engine's audit log");

	# failure
	$job = $node->clone($broken->{snapshots}[1], vm_name => "bad$suffix");
	is($node->wait_for_job($job->{job_id}), 'failed', "$how: a clone fails");
	is($node->value("SELECT count(*) FROM engine.vm_static WHERE vm_guid = '$job->{vm_id}'"), 0, "$how: no row is left of it");
	is($node->value("SELECT status FROM engine.snapshots WHERE snapshot_id = '$broken->{snapshots}[1]'"), 'OK', "$how: its source is free");
	is($node->value("SELECT string_agg(log_type::text || ' ' || severity, ',' ORDER BY audit_log_id) FROM engine.audit_log WHERE vm_name = 'bad$suffix'"), '37 0,60 2', "$how: started and failed");

	# cancel
	$job = $node->clone($vm->{snapshots}[1], vm_name => "late$suffix", start_paused => 'true');
	$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
	is($node->wait_for_job($job->{job_id}), 'cancelled', "$how: a clone is cancelled");
	is($node->value("SELECT count(*) FROM engine.vm_static WHERE vm_guid = '$job->{vm_id}'"), 0, "$how: no row is left of it");
	is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, "$how: nothing is held");
	return;
}
ends('', 'as it was bound');
$node->safe_psql('postgres', q{SELECT fixture.drop_indexes('engine')});
ends('2', 'without indexes');

is($node->value($own), $before, 'vmclone\'s own inventory is as it was');
is($node->value(q{SELECT count(*) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = 'engine_owner'}), 0, 'the owner owns no function of vmclone');
$node->stop;
done_testing();
