# What is locked, by whom and until when: who is named, who waits, what is given back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('locks', preload => 0, conf => "max_prepared_transactions = 5\n");
$node->make_domain($node->value("SELECT fixture.id('nfs1')"));
$node->safe_psql('postgres', q{
	SELECT fixture.make_template('golden');
	SELECT fixture.make_vm('vm' || n, 2, 4) FROM generate_series(1, 2) n;
	SELECT fixture.make_vm('thin' || n, 1, 3, template => 'golden') FROM generate_series(1, 2) n;
});

# On an engine's tables every image of a disk is locked while the VM is down, as the engine's own clone does it: ours lock the chain alone.
my $whole_disks = ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';

sub images
{
	my ($of_chain) = @_;
	return $whole_disks ? '2 2 2 2' : $of_chain;
}

sub id { return $node->value("SELECT fixture.$_[0]") }

sub call
{
	my ($snapshot, $name, $more) = @_;
	return "SELECT job_id FROM vmclone.add_vm_from_snapshot(fixture.snapshot($snapshot), '$name', start_paused => true" . ($more ? ", $more" : '') . ')';
}

# SQLSTATE, message, DETAIL, HINT and constraint of a refused statement.
sub refusal
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err;
}

sub end_all
{
	$node->safe_psql('postgres', 'SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE ended_at IS NULL AND requested IS NULL AND status = \'paused\'');
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL')
	  or die 'jobs do not end';
	return;
}

sub statuses
{
	my ($vm) = @_;
	return $node->value("SELECT string_agg(status, ' ' ORDER BY creation_date) FROM vmclone.snapshots WHERE vm_id = fixture.vm('$vm')") . ' | '
	  . $node->value("SELECT string_agg(imagestatus::text, ' ' ORDER BY i.creation_date) FROM vmclone.images i JOIN vmclone.snapshots s ON s.snapshot_id = i.vm_snapshot_id WHERE image_group_id = fixture.disk('$vm', 1)");
}

my $snapshot = id("snapshot('vm1', 2)");
my ($image1, $image2, $image3) = map { id("image('vm1', 1, $_)") } 1 .. 3;
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');

# Uncommitted holders are named with their process, row by row.
$session->query('BEGIN; ' . call("'vm1', 2", 'first'));
my $error = refusal(call("'vm1', 2", 'second'));
like($error, qr/ERROR:  VC012: the snapshot is locked/, 'an open call stands in the way');
like($error, qr/snapshot $snapshot is locked by the open transaction of process $pid$/m, 'the snapshot is named with the process');
like($error, qr/image \Q$_\E is locked by the open transaction of process $pid$/m, 'so is image ' . $_)
  for $image1, $image2, id("image('vm1', 2, 1)"), id("image('vm1', 2, 2)");
like($error, qr/CONSTRAINT NAME:  ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT/, 'with its key');
$error = refusal(call("'vm1', 1", 'second'));
like($error, qr/ERROR:  VC012: images of the snapshot are locked/, 'an older snapshot: its images are locked');
like($error, qr/image $image1 is locked by the open transaction of process $pid/, 'and named');
like($error, qr/image $image2 is locked by the open transaction of process $pid/, 'and so is the one that stands on it');
unlike($error, qr/snapshot [0-9a-f]{8}-/, 'no snapshot is');
is($error =~ /$image3/ ? 1 : 0, $whole_disks ? 1 : 0, 'nor an image that the open call does not lock');
like($error, qr/CONSTRAINT NAME:  ACTION_TYPE_FAILED_DISKS_LOCKED/, 'with its key');
$session->query('ROLLBACK');

# One row that an engine works on, and several that share a row's lock.
$session->query("BEGIN; UPDATE vmclone.images SET lastmodified = now() WHERE image_guid = '$image1'");
$error = refusal(call("'vm1', 2", 'second'));
like($error, qr/DETAIL:  ACTION_TYPE_FAILED_DISKS_LOCKED: image $image1 is locked by the open transaction of process $pid\nHINT/, 'just the row that is held is named');
$session->query('ROLLBACK');
my $other = $node->background_psql('postgres', on_error_stop => 0);
my $other_pid = $other->query('SELECT pg_backend_pid()');
$session->query("BEGIN; SELECT 1 FROM vmclone.images WHERE image_guid = '$image1' FOR SHARE");
$other->query("BEGIN; SELECT 1 FROM vmclone.images WHERE image_guid = '$image1' FOR SHARE");
$error = refusal(call("'vm1', 2", 'second'));
like($error, qr/image $image1 is locked by the open transaction of process (?:$pid and the open transaction of process $other_pid|$other_pid and the open transaction of process $pid)$/m,
	'of several holders each is named');
$other->query('ROLLBACK');
$session->query('ROLLBACK');
$session->query("BEGIN; SAVEPOINT s; SELECT 1 FROM vmclone.images WHERE image_guid = '$image1' FOR UPDATE");
like(refusal(call("'vm1', 2", 'second')), qr/image $image1 is locked by the open transaction of process $pid$/m, 'a savepoint hides nobody');
$session->query('ROLLBACK');

# Prepared transactions have no process.
$node->safe_psql('postgres', 'BEGIN; ' . call("'vm1', 2", 'first') . "; PREPARE TRANSACTION 'two phases'");
$error = refusal(call("'vm1', 2", 'second'));
like($error, qr/snapshot $snapshot is locked by the prepared transaction "two phases"$/m, 'a prepared transaction is named');
like($error, qr/image $image2 is locked by the prepared transaction "two phases"$/m, 'for images too');
$error = refusal("SET vmclone.lock_wait = '200ms';\n" . call("'vm1', 2", 'sharing', "lock_mode => 'shared'"));
like($error, qr/could not lock the snapshot within 200 ms/, 'a sharing call waits for it');
like($error, qr/DETAIL:  ACTION_TYPE_FAILED_OBJECT_LOCKED: snapshot $snapshot is locked by the prepared transaction "two phases"$/m,
	'and says for whom it waited');
$node->safe_psql('postgres', "COMMIT PREPARED 'two phases'");
is($node->value('SELECT status FROM vmclone.jobs'), 'paused', 'its job is there after COMMIT PREPARED');
my $job = $node->value('SELECT job_id FROM vmclone.jobs');
$error = refusal(call("'vm1', 2", 'second'));
like($error, qr/ERROR:  VC012: virtual machine "vm1" is during a snapshot operation/, 'a committed call stands in the way');
like($error, qr/Snapshot "snapshot 2" \($snapshot\) is LOCKED, held by job $job/, 'and is named by its job');
like($error, qr/LOCKED images of disk "vm1_Disk1": (?=[^;]*$image1)(?=[^;]*$image2)[^;]*; held by job $job/, 'for every image');
$error = refusal(call("'vm1', 2", 'second', "lock_mode => 'shared'"));
like($error, qr/held by job $job/, 'sharing with an exclusive holder is refused');
end_all();
is(statuses('vm1'), 'OK OK OK OK | 1 1 1 1', 'all is given back');

# Who waits: sharing calls for each other, all calls for counted rows, names and keys.
$session->query('BEGIN; ' . call("'vm1', 2", 'first', "lock_mode => 'shared'"));
$error = refusal("SET vmclone.lock_wait = '200 ms'; " . call("'vm1', 2", 'second', "lock_mode => 'shared'"));
like($error, qr/ERROR:  VC012: could not lock the snapshot within 200 ms/, 'a sharing call waits as long as lock_wait');
$error = refusal("SET vmclone.lock_wait = '200 ms'; " . call("'vm1', 3", 'second', "lock_mode => 'shared'"));
like($error, qr/ERROR:  VC012: could not lock the snapshot's images within 200 ms/, 'for images too');
$error = refusal("SET vmclone.lock_wait = '200 ms'; " . call("'vm2', 1", 'second'));
like($error, qr/ERROR:  VC012: could not lock a quota, storage domain or MAC pool within 200 ms/, 'unrelated calls wait for what both count');
like($error, qr/CONSTRAINT NAME:  ACTION_TYPE_FAILED_OBJECT_LOCKED/, 'with its key');
$error = refusal("SET vmclone.lock_wait = 0; " . call("'vm2', 1", 'second'));
like($error, qr/could not lock a quota, storage domain or MAC pool within 0 ms/, 'with lock_wait 0 not at all');
$session->query('ROLLBACK');
my $no_nic = q{interfaces => jsonb_build_array(jsonb_build_object('interface_id', fixture.nic('%s', 1), 'include', false)), disks => (SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk('%1$s', d), 'include', false)) FROM generate_series(1, 2) d)};
$session->query('BEGIN; ' . call("'vm1', 2", 'same', sprintf($no_nic, 'vm1')));
$error = refusal("SET vmclone.lock_wait = '200 ms'; " . call("'vm2', 1", 'same', sprintf($no_nic, 'vm2')));
like($error, qr/could not lock .* within 200 ms/, 'for a name too');
$session->query('ROLLBACK');
$session->query('BEGIN; ' . call("'vm1', 2", 'first', "request_key => 'key'"));
$error = refusal("SET vmclone.lock_wait = '200 ms'; " . call("'vm1', 2", 'first', "request_key => 'key'"));
like($error, qr/could not lock the request key within 200 ms/, 'and for a request key');
$session->query('ROLLBACK');
is($node->value('SHOW lock_timeout'), '0', 'lock_timeout is the session\'s own');

# A prepared transaction holds what nobody else can see; it's named wherever a call waits for it.
my $wait = "SET vmclone.lock_wait = '200 ms'; ";
sub written
{
	my ($gid) = @_;
	return qr/DETAIL:  ACTION_TYPE_FAILED_OBJECT_LOCKED: the prepared transaction "$gid" has written there\.\nHINT:  .*ROLLBACK PREPARED\.$/m;
}
$node->safe_psql('postgres', 'BEGIN; ' . call("'vm1', 2", 'held', sprintf($no_nic, 'vm1') . ", request_key => 'key'") . "; PREPARE TRANSACTION 'a name'");
my $written = written('a name');
like(refusal($wait . call("'vm2', 1", 'held', sprintf($no_nic, 'vm2'))), qr/could not lock the name of the new virtual machine within 200 ms\n$written/, 'for a name');
like(refusal($wait . call("'vm1', 2", 'held', sprintf($no_nic, 'vm1') . ", request_key => 'key'")), qr/could not lock the request key within 200 ms\n$written/, 'for a request key');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'a name'");
$node->safe_psql('postgres', 'BEGIN; ' . call("'vm1', 2", 'held') . "; PREPARE TRANSACTION 'a domain'");
$written = written('a domain');
like(refusal($wait . call("'vm2', 1", 'second')), qr/could not lock a quota, storage domain or MAC pool within 200 ms\n$written/, 'for counted rows');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'a domain'");
$node->safe_psql('postgres', "SET lock_timeout = '7s'; DO \$\$ BEGIN PERFORM " . (call("'vm1', 2", 'x') =~ s/^SELECT job_id FROM //r) . "; ASSERT current_setting('lock_timeout') = '7s'; RAISE SQLSTATE 'XX999'; EXCEPTION WHEN SQLSTATE 'XX999' THEN END \$\$");

# Shared holders: counted, and the earlier status is given back by the last one.
my @jobs = map { $node->value(call("'vm1', $_->[0]", $_->[1], "lock_mode => 'shared'")) } [ 2, 'a' ], [ 2, 'b' ], [ 3, 'c' ];
is(statuses('vm1'), 'OK LOCKED LOCKED OK | ' . images('2 2 2 1'), 'three share');
is($node->value("SELECT count(*) FROM vmclone.image_locks WHERE entity_id = '$image1'"), 3, 'the first image has three holders');
is($node->value("SELECT string_agg(kind || ' ' || mode || ' ' || earlier_status || ' ' || vm_name, ', ' ORDER BY vm_name) FROM vmclone.locks WHERE entity_id = '$image1'"),
	'image shared 1 a, image shared 1 b, image shared 1 c', 'view locks shows them');
like(refusal(call("'vm1', 2", 'd')), qr/held by job/, 'an exclusive call is refused');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[0]')");
$node->wait_for_job($jobs[0]);
is(statuses('vm1'), 'OK LOCKED LOCKED OK | ' . images('2 2 2 1'), 'the first one that leaves gives nothing back');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[2]')");
$node->wait_for_job($jobs[2]);
is(statuses('vm1'), 'OK LOCKED OK OK | ' . images('2 2 1 1'), 'the newer snapshot\'s last one gives back what only it held');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[1]')");
$node->wait_for_job($jobs[1]);
is(statuses('vm1'), 'OK OK OK OK | 1 1 1 1', 'the last one gives back the rest');

# Copies of one call are one holder.
$node->safe_psql('postgres', call("'vm1', 2", 'copy', 'copies => 3'));
is($node->value('SELECT count(DISTINCT holder) || \' \' || count(*) FROM vmclone.image_locks'), $whole_disks ? '1 9' : '1 5',
	'three copies, one holder of a snapshot and its disks\' images');
@jobs = split /\n/, $node->value('SELECT job_id FROM vmclone.jobs WHERE ended_at IS NULL ORDER BY copy_number');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[$_]')"), $node->wait_for_job($jobs[$_]) for 0, 1;
is(statuses('vm1'), 'OK LOCKED OK OK | ' . images('2 2 1 1'), 'held as long as one of them lives');
end_all();
is(statuses('vm1'), 'OK OK OK OK | 1 1 1 1', 'given back by the last');

# Earlier statuses other than OK.
$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'IN_PREVIEW' WHERE snapshot_id = '$snapshot'");
like(refusal(call("'vm1', 2", 'x')), qr/VM_IN_PREVIEW/, 'no VM from a preview');
$node->safe_psql('postgres', "SELECT vmclone.add_vm_template_from_snapshot('$snapshot', 'template', start_paused => true)");
is(statuses('vm1'), 'OK LOCKED OK OK | ' . images('2 2 1 1'), 'a template may be made from one');
end_all();
is(statuses('vm1'), 'OK IN_PREVIEW OK OK | 1 1 1 1', 'and the preview is given back');
$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'OK' WHERE snapshot_id = '$snapshot'");
# an engine without our guards writes over the status: what it wrote stays
$node->safe_psql('postgres', call("'vm1', 2", 'x'));
$node->safe_psql('postgres', "SET session_replication_role = replica; UPDATE vmclone.images SET imagestatus = 4 WHERE image_guid = '$image2'; UPDATE vmclone.snapshots SET status = 'IN_PREVIEW' WHERE snapshot_id = '$snapshot'");
end_all();
is(statuses('vm1'), 'OK IN_PREVIEW OK OK | 1 4 1 1', 'a status that is LOCKED no more is left alone');
$node->safe_psql('postgres', "UPDATE vmclone.images SET imagestatus = 1 WHERE imagestatus = 4; UPDATE vmclone.snapshots SET status = 'OK' WHERE status = 'IN_PREVIEW'");
# another operation of the engine
$node->safe_psql('postgres', "UPDATE vmclone.images SET imagestatus = 2 WHERE image_guid = '$image1'");
$error = refusal(call("'vm1', 2", 'x', "lock_mode => 'shared'"));
like($error, qr/VC012.*images of the snapshot's disks are locked: vm1_Disk1\nDETAIL:  ACTION_TYPE_FAILED_DISKS_LOCKED: LOCKED images of disk "vm1_Disk1": $image1\./s, 'an image that an engine has locked');
$node->safe_psql('postgres', "UPDATE vmclone.images SET imagestatus = 1 WHERE image_guid = '$image1'");

# A template's image, in the view and in the end.
$node->safe_psql('postgres', call("'thin1', 1", 'thin_clone'));
is($node->value("SELECT mode || ' ' || keeps_status || ' ' || coalesce(earlier_status, 'no status') FROM vmclone.locks WHERE entity_id = fixture.image('golden', 1, 1)"),
	'shared true no status', 'a template\'s image is held shared and keeps its status');
end_all();
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'and is let go');

# unlock_entity
my $golden = $node->value(call("'vm1', 2", 'x', "lock_mode => 'shared'"));
$error = refusal("SELECT vmclone.unlock_entity('snapshot', '$snapshot')");
like($error, qr/ERROR:  VC014: snapshot $snapshot is locked by a job that is not over\nDETAIL:  job $golden is paused\nHINT:  Cancel the job/, 'a live job\'s lock stays');
like(refusal("SELECT vmclone.unlock_entity('$_', '" . id($_ eq 'image' ? "image('vm1', 1, 1)" : "disk('vm1', 1)") . "')"), qr/is locked by a job that is not over/, "also by its $_")
  for qw(image disk);
my $new_vm = $node->value("SELECT vm_id FROM vmclone.jobs WHERE job_id = '$golden'");
like(refusal("SELECT vmclone.unlock_entity('vm', '$new_vm')"), qr/job $golden is paused/, 'the new VM of a live job stays locked');
like(refusal("SELECT vmclone.unlock_entity('$_', (SELECT ${_}_id FROM vmclone.async_tasks WHERE job_id = '$golden' AND disk_number = 1))"), qr/job $golden is paused/, "and so does its $_")
  for qw(image disk);
is($node->value("SELECT vmclone.unlock_entity('vm', fixture.vm('vm1'))"), 'was not locked', 'what is not locked');
is($node->value(q{SELECT count(*) FROM vmclone.audit_log WHERE custom_data = 'ENTITY_UNLOCKED'}), 0, 'nothing done, nothing audited');
# a job that ended without giving back, as after a restored dump or lost rows
$node->safe_psql('postgres', "UPDATE vmclone.jobs SET status = 'failed', ended_at = now(), source_freed = true WHERE job_id = '$golden'");
$node->safe_psql('postgres', "UPDATE vmclone.lock_state SET earlier_status = 'IN_PREVIEW' WHERE kind = 'snapshot'");
is($node->value("SELECT vmclone.unlock_entity('image', '$image1')"), 'unlocked', 'a dead holder is taken off');
is(statuses('vm1'), 'OK IN_PREVIEW OK OK | 1 1 1 1', 'with all that it held, to what was there before');
is($node->value('SELECT count(*) FROM vmclone.image_locks') . $node->value('SELECT count(*) FROM vmclone.lock_state'), '00', 'and no rows stay');
is($node->value(q{SELECT severity || ' ' || message FROM vmclone.audit_log WHERE custom_data = 'ENTITY_UNLOCKED'}), "10 postgres removed the locks of image $image1 by hand.", 'audited');
$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = '$snapshot'; UPDATE vmclone.images SET imagestatus = 2 WHERE image_group_id = fixture.disk('vm1', 1); UPDATE vmclone.vm_dynamic SET status = 15 WHERE vm_guid = fixture.vm('vm1'); UPDATE vmclone.vm_static SET template_status = 1 WHERE vm_guid = fixture.vm('golden')");
is($node->value("SELECT string_agg(vmclone.unlock_entity(kind, id), ' ') FROM (VALUES ('snapshot', '$snapshot'::uuid), ('disk', fixture.disk('vm1', 1)), ('vm', fixture.vm('vm1')), ('template', fixture.vm('golden'))) e (kind, id)"),
	'unlocked unlocked unlocked unlocked', 'what an engine left behind');
is(statuses('vm1') . ' | ' . $node->value("SELECT status || ' ' || template_status FROM vmclone.vm_dynamic, vmclone.vm_static s WHERE vm_dynamic.vm_guid = fixture.vm('vm1') AND s.vm_guid = fixture.vm('golden')"),
	'OK OK OK OK | 1 1 1 1 | 0 0', 'is OK again');

# A sharing call that has read LOCKED looks again, when whoever held it has gone before it asks who that is.
$node->safe_psql('postgres', call("'vm1', 2", 'leaving', "lock_mode => 'shared'"));
$session->query('BEGIN; LOCK TABLE vmclone.lock_state IN ACCESS EXCLUSIVE MODE');
$other->query_until(qr/asked/, '\echo asked' . "\n" . call("'vm1', 2", 'coming', "lock_mode => 'shared'") . ";\n");
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $other_pid"), 'a call asks who holds what it has read as LOCKED');
$session->query(q{
	DELETE FROM vmclone.image_locks; DELETE FROM vmclone.lock_state;
	UPDATE vmclone.snapshots SET status = 'OK' WHERE status = 'LOCKED'; UPDATE vmclone.images SET imagestatus = 1 WHERE imagestatus = 2;
	COMMIT});
$other->query('SELECT 1');
is($node->value("SELECT string_agg(status, ' ') FROM vmclone.jobs WHERE vm_name = 'coming'"), 'paused', 'and goes on when they have gone meanwhile');
end_all();

# A request key: after the job's end, kept with its history.
$job = $node->value(call("'vm1', 2", 'keyed', "request_key => 'k'"));
is($node->value(call("'vm1', 2", 'keyed', "request_key => 'k'")), $job, 'the same call again is the same job');
end_all();
is($node->value("SELECT job_id || ' ' || status FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 2), 'keyed', start_paused => true, request_key => 'k')"), "$job cancelled", 'also when it is over');
like(refusal(call("'vm1', 2", 'other', "request_key => 'k'")), qr/ERROR:  VC016: request key "k" was used for another call\nDETAIL:  REQUEST_KEY_USED: call [0-9a-f-]+ of .* had other parameters\..*\nHINT:.*\nCONSTRAINT NAME:  REQUEST_KEY_USED/s, 'with other parameters it is refused');
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'keyed'"), 0, 'and makes nothing');
# a retry is a new call; the key stays with the first one
my $again = $node->value("SELECT new_job_id FROM vmclone.retry_job('$job')");
isnt($again, $job, 'a retry makes a new job');
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'keyed'"), 1, 'and a new VM');
is($node->value("SELECT retry_of FROM vmclone.jobs WHERE job_id = '$again'"), $job, 'of the old one');
is($node->value("SELECT log_type || ' ' || severity || ' ' || message FROM vmclone.audit_log WHERE job_id = '$again' AND custom_data = 'CLONE_RETRIED'"), '9801 0 Creation of keyed was started again by postgres.', 'audited');
is($node->value("SELECT job_id FROM vmclone.add_vm_from_snapshot(fixture.snapshot('vm1', 2), 'keyed', start_paused => true, request_key => 'k')"), $job, 'the key stands for the first call');
end_all();
is($node->value("SELECT string_agg(DISTINCT log_type || ' ' || severity || ' ' || message, ', ') FROM vmclone.audit_log WHERE job_id = '$again' AND log_type = 60"), '60 2 Creation of VM keyed failed: cancelled by postgres.', 'a cancel is audited');

$_->quit for $session, $other;
$node->stop;
done_testing();
