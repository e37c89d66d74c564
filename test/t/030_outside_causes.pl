# Causes from outside: a domain that is inactive or detached, a missing or broken source file, a
# destination that is there already, people who hold rows, a cleaning that can't be done.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('outside', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(
	name => 'web01',
	snapshots => 3,
	disks => [ { format => 'raw', writes => 40 }, { writes => 40 } ]);
my $snapshot = $vm->{snapshots}[1];
my ($code, $out, $err);

sub reason
{
	my ($job) = @_;
	return $node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
}

sub nothing_is_left
{
	my ($what, $name) = @_;

	is_deeply([ $node->leftovers ], [], "$what: no file is left");
	is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = '$name'"), 0, "$what: no row is left");
	is($node->value("SELECT count(*) FROM vmclone.vm_names WHERE vm_name = '$name'"), 0, "$what: the name is free");
	is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, "$what: the source is free");
	is($node->value('SELECT count(*) FROM vmclone.images WHERE imagestatus <> 1 AND image_group_id IS NOT NULL'), 0, "$what: all images are OK");
}

# inactive domain
my $domain = $vm->{domain};
my $job = $node->clone($snapshot, vm_name => 'inactive', start_paused => 'true');
$node->safe_psql('postgres', "UPDATE vmclone.storage_pool_iso_map SET status = 6 WHERE storage_id = '$domain'");
$node->wait_for_status($job->{job_id}, 'paused');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
my $seen = $node->job_when($job->{job_id}, 'waiting');
is($seen->{status}, 'waiting', 'a job waits for its domain to be active');
like($seen->{reason}, qr/storage domain "nfs1" .* is not active/, 'and says so');
($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
like($err, qr/while jobs use it/, 'a domain that a job uses is not detached');
$node->safe_psql('postgres', "UPDATE vmclone.storage_pool_iso_map SET status = 3 WHERE storage_id = '$domain'");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'it goes on by itself when the domain is back');
$node->images_equal($job->{vm_id}, $vm, 1);

# a domain whose directory is gone (unmounted)
my $path = $vm->{path};
# long, so that it is not the worker that tries again
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.retry_delay = '1min'");
$node->reload;
rename $path, "$path.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'unmounted');
is($node->wait_for_status($job->{job_id}, 'waiting'), 'waiting', 'a job waits for a domain that is not mounted');
rename "$path.away", $path or die "rename: $!";
my $next = $node->value("SELECT next_attempt_at FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
$node->safe_psql('postgres', "SELECT vmclone.retry_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'retry_job goes on with it');
is($node->value("SELECT ended_at < '$next' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 't', 'at once');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET vmclone.retry_delay');
$node->reload;

# the same in mid copy: the copier still has its file open, but what is to be committed isn't there any more
my $seen_of = "SELECT attach_error IS NOT NULL AS failed, checked_at > now() - interval '1 minute' AS lately FROM vmclone.storage WHERE storage_domain_id = '$domain'";
foreach my $way ('an empty directory', 'nothing')
{
	$node->safe_psql('postgres', "UPDATE vmclone.storage_mounts SET checked_at = '2000-01-01' WHERE storage_domain_id = '$domain'");
	$job = $node->clone($snapshot, vm_name => "away-" . ($way =~ tr{ }{-}r), bandwidth_limit => 3_000_000);
	$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
	  or die 'nothing is copied';
	rename $path, "$path.away" or die "rename: $!";
	mkdir $path or die "mkdir: $!" if $way ne 'nothing';
	$node->lift_limit($job->{job_id});
	is($node->job_when($job->{job_id}, qw(waiting failed succeeded cleaning))->{status}, 'waiting',
		"a job waits for a domain that was unmounted in mid copy: $way is there");
	is_deeply($node->row($seen_of), { failed => JSON::PP::true, lately => JSON::PP::true }, 'view storage says so');
	rmdir $path if $way ne 'nothing';
	rename "$path.away", $path or die "rename: $!";
	is($node->wait_for_job($job->{job_id}), 'succeeded', 'and goes on when it is back') or diag(reason($job));
	$node->images_equal($job->{vm_id}, $vm, 1, "unmounted in mid copy, $way");
	is_deeply($node->row($seen_of), { failed => JSON::PP::false, lately => JSON::PP::true }, 'which view storage says, too');
}

# what the job has made goes from its target, which is there: it is made again
foreach my $what ('the folder', 'the file')
{
	$job = $node->clone($snapshot, vm_name => 'gone-' . ($what =~ tr{ }{-}r), bandwidth_limit => 3_000_000);
	$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
	  or die 'nothing is copied';
	foreach my $made ($node->rows("SELECT disk_id, image_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"))
	{
		my $folder = "$path/images/$made->{disk_id}";

		if ($what eq 'the folder') { remove_tree($folder) }
		else { unlink "$folder/$made->{image_id}.part" }
	}
	$node->lift_limit($job->{job_id});
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$what of its output is removed in mid copy: the job begins anew, and succeeds") or diag(reason($job));
	$node->images_equal($job->{vm_id}, $vm, 1, "$what of its output was removed: exact");
}

# rights that the server's user lacks: of a source file, of the folder of a source, of the target
{
	my ($first) = @{ $vm->{disks} };

	foreach my $place ([ "$first->{path}/$first->{images}[0]", 0660, 'a source file' ], [ $first->{path}, 0755, 'the folder of a source' ], [ "$path/images", 0755, 'the target' ])
	{
		my ($what, $mode, $name) = @$place;

		chmod $name eq 'the target' ? 0555 : 0, $what or die "chmod: $!";
		$job = $node->clone($snapshot, vm_name => "denied-" . ($name =~ tr{ }{-}r));
		my $waits = $node->job_when($job->{job_id}, qw(waiting failed succeeded cleaning));
		is($waits->{status}, 'waiting', "a job waits for access to $name");
		like($waits->{reason}, qr/EACCES/, 'and says so');
		chmod $mode, $what or die "chmod: $!";
		is($node->wait_for_job($job->{job_id}), 'succeeded', 'and goes on when it has it') or diag(reason($job));
	}
}

# a limit for waiting
$node->safe_psql('postgres', 'ALTER SYSTEM SET vmclone.wait_limit = 2');
$node->reload;
rename $path, "$path.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'gone');
like($node->job_when($job->{job_id}, 'cleaning')->{reason}, qr/waited 2 seconds/, 'a job that waits for too long fails');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'and frees its source first');
rename "$path.away", $path or die "rename: $!";
is($node->wait_for_job($job->{job_id}), 'failed', 'and is cleaned when the domain is back');
nothing_is_left('wait_limit', 'gone');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET vmclone.wait_limit');
$node->reload;

# a source file that is missing
my $disk = $vm->{disks}[1];
my $layer = "$disk->{path}/$disk->{images}[0]";
rename $layer, "$layer.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'missing');
is($node->wait_for_job($job->{job_id}), 'failed', 'a missing source file fails the job');
like(reason($job), qr/disk "[^"]+" .*ENOENT/, 'the reason names disk and error');
rename "$layer.away", $layer or die "rename: $!";
nothing_is_left('missing file', 'missing');
is($node->value("SELECT count(*) FROM vmclone.audit_log WHERE log_type = 60 AND message ~ 'missing failed'"),
	1, 'the failure is audited with its reason');
($code, $out, $err) = $node->psql('postgres', "CALL vmclone.wait_for_job('$job->{job_id}')");
like($err, qr/failed: disk/, "wait_for_job raises the job's reason");

# a source file that isn't what its row says
open my $file, '+<', $layer or die "open: $!";
sysread $file, my $magic, 4;
sysseek $file, 0, 0;
syswrite $file, "OFI\0";
close $file;
$job = $node->clone($snapshot, vm_name => 'corrupt');
is($node->wait_for_job($job->{job_id}), 'failed', 'a broken source file fails the job');
open $file, '+<', $layer or die "open: $!";
syswrite $file, $magic;
close $file;
nothing_is_left('broken file', 'corrupt');

# on_failure hold, then mended
rename $layer, "$layer.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'held', on_failure => 'hold');
is($node->wait_for_status($job->{job_id}, 'held'), 'held', 'on_failure hold keeps the job for a person');
isnt($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'the source stays locked');
rename "$layer.away", $layer or die "rename: $!";
$node->safe_psql('postgres', "SELECT vmclone.retry_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and retry_job goes on with it');
$node->images_equal($job->{vm_id}, $vm, 1, 'held and mended');

# a destination that is there already
$job = $node->clone($snapshot, vm_name => 'taken', start_paused => 'true');
my $task = $node->row("SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' ORDER BY disk_number LIMIT 1");
my $folder = "$path/images/$task->{disk_id}";
make_path($folder);
open $file, '>', "$folder/$task->{image_id}" or die "open: $!";
print $file 'precious';
close $file;
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
like($node->job_when($job->{job_id}, qw(cleaning failed))->{reason}, qr/already/, 'a destination that is there fails the job');
$node->wait_for_job($job->{job_id});
is(PostgreSQL::Test::Utils::slurp_file("$folder/$task->{image_id}"), 'precious', 'and is not removed with what the job made');
remove_tree($folder);

# people's rows: removal is refused visibly and goes on when they are gone, may the tables' owner read them or not
$job = $node->clone($snapshot, vm_name => 'tagged', start_paused => 'true');
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE public.notes (vm_id uuid REFERENCES vmclone.vm_static (vm_guid));
INSERT INTO public.notes VALUES ('$job->{vm_id}');
SELECT vmclone.cancel_job('$job->{job_id}');
SQL
ok($node->poll_query_until('postgres',
		"SELECT status = 'cleaning' AND cleaning_error ~ 'notes' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	"a user's row that refers to the VM keeps it, and is named");
$node->safe_psql('postgres', 'DELETE FROM public.notes');
is($node->wait_for_job($job->{job_id}), 'cancelled', 'and it is removed when that row is gone');
$node->safe_psql('postgres', 'DROP TABLE public.notes');
nothing_is_left('user rows', 'tagged');
$job = $node->clone($snapshot, vm_name => 'noted', start_paused => 'true');
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE public.notes (vm_id uuid REFERENCES vmclone.vm_static (vm_guid) ON DELETE CASCADE);
INSERT INTO public.notes VALUES ('$job->{vm_id}');
SELECT vmclone.cancel_job('$job->{job_id}');
SQL
ok($node->poll_query_until('postgres',
		"SELECT status = 'cleaning' AND cleaning_error ~ 'notes' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'rows that would be deleted with the VM keep it, too');
is($node->value('SELECT count(*) FROM public.notes'), 1, 'and stay');
$node->safe_psql('postgres', 'DROP TABLE public.notes');
is($node->wait_for_job($job->{job_id}), 'cancelled', 'until their table is gone');

# the engine's own rows, that refer to a disk and an image of a clone that fails: all of it stays until they are gone
rename $layer, "$layer.away" or die "rename: $!";
$job = $node->clone($snapshot, vm_name => 'blocked', start_paused => 'true');
my $rows_of_clone = <<"SQL";
SELECT (SELECT count(*) FROM vmclone.vm_static WHERE vm_guid = '$job->{vm_id}') AS vm, (SELECT count(*) FROM vmclone.vm_device WHERE vm_id = '$job->{vm_id}') > 5 AS devices,
	(SELECT count(*) FROM vmclone.images i JOIN vmclone.disk_vm_element e ON e.disk_id = i.image_group_id WHERE e.vm_id = '$job->{vm_id}') AS images,
	(SELECT count(*) FROM vmclone.base_disks b JOIN vmclone.disk_vm_element e USING (disk_id) WHERE e.vm_id = '$job->{vm_id}') AS disks,
	(SELECT count(*) FROM vmclone.vm_names WHERE vm_name = 'blocked') AS names, (SELECT count(*) FROM vmclone.audit_log WHERE log_type = 60 AND vm_id = '$job->{vm_id}') AS audits
SQL
my $all_there = { vm => 1, devices => JSON::PP::true, images => 2, disks => 2, names => 1, audits => 0 };
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE public.backups (disk_id uuid REFERENCES vmclone.base_disks (disk_id), image_id uuid REFERENCES vmclone.images (image_guid));
GRANT SELECT ON public.backups TO PUBLIC;
INSERT INTO public.backups (disk_id) SELECT disk_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND disk_number = 1;
SELECT vmclone.resume_job('$job->{job_id}');
SQL
my $blocked = "SELECT status || ' ' || cleaning_error FROM vmclone.jobs WHERE job_id = '$job->{job_id}' AND cleaning_error IS NOT NULL";
my ($first_disk) = $node->value("SELECT disk_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND disk_number = 1");
ok($node->poll_query_until('postgres', "SELECT EXISTS ($blocked)"), 'cleaning of a failed clone is blocked by a row of the engine');
like($node->value($blocked), qr/^cleaning .*table "(public\.)?backups".*$first_disk/s, 'which is named with its key');
is_deeply($node->row($rows_of_clone), $all_there, 'no row is removed');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'the source is free already');
$node->safe_psql('postgres', <<"SQL");
UPDATE public.backups SET disk_id = NULL, image_id = (SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND disk_number = 2);
SELECT vmclone.retry_job('$job->{job_id}');
SQL
ok($node->poll_query_until('postgres', "SELECT (SELECT cleaning_error FROM vmclone.jobs WHERE job_id = '$job->{job_id}') ~ 'image_id'"), 'another try says what is in the way now');
is_deeply($node->row($rows_of_clone), $all_there, 'and removes nothing');
# in one transaction: a job that the worker has ended in between would be a new one
$node->safe_psql('postgres', "BEGIN; SELECT vmclone.retry_job('$job->{job_id}'); DELETE FROM public.backups; COMMIT");
is($node->wait_for_job($job->{job_id}), 'failed', 'it ends as failed when the row is gone');
like(reason($job), qr/disk "[^"]+" .*ENOENT/, 'for the reason it failed for');
rename "$layer.away", $layer or die "rename: $!";
nothing_is_left('blocked', 'blocked');
is($node->value("SELECT count(*) FROM vmclone.audit_log WHERE log_type = 60 AND vm_id = '$job->{vm_id}'"), 1, 'and is audited once');
$node->safe_psql('postgres', 'DROP TABLE public.backups');

# a person's open transaction doesn't stop the worker
$job = $node->clone($snapshot, vm_name => 'rowlocked', start_paused => 'true');
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT vmclone.resume_job('$job->{job_id}');");
my $other;
my $vm2 = $node->make_vm(name => 'web02', snapshots => 2);
$other = $node->clone($vm2->{snapshots}[0], vm_name => 'unhindered');
is($node->wait_for_job($other->{job_id}), 'succeeded', 'an open transaction on one job hinders no other job');
$session->query_safe('COMMIT;');
$session->quit;
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and the job goes on after it');

# cleaning that is given up
$job = $node->clone($snapshot, vm_name => 'hopeless', bandwidth_limit => 300_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
  or die 'nothing is copied';
rename $path, "$path.away" or die "rename: $!";
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
ok($node->poll_query_until('postgres',
		"SELECT status = 'cleaning' AND cleaning_error IS NOT NULL FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'cleaning waits for the domain');
$node->safe_psql('postgres', "SELECT vmclone.abandon_cleaning('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'abandon_cleaning ends it');
ok($node->value("SELECT count(*) FROM vmclone.orphan_files WHERE job_id = '$job->{job_id}'") > 0, 'the paths are kept');
is($node->value(q{SELECT count(*) FROM vmclone.audit_log WHERE log_type = 9804 AND custom_data = 'CLEANING_ABANDONED'}), 1, 'and it is audited');
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'hopeless'"), 0, 'the rows are gone');
rename "$path.away", $path or die "rename: $!";

done_testing();
