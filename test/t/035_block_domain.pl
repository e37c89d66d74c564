# Block domains as far as they need no logical volume: whose a group is, what is refused and how it is said, space.
# The provisioning program here speaks the protocol of docs/provisioning.md and keeps its group in a file; the real ones are in
# test/guest/t/05*.pl.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use VmcloneCluster;

my $mib = 1 << 20;
my $node = VmcloneCluster->start_new('block', conf => "vmclone.retry_delay = '100ms'\n");
my $folder = $node->basedir;
my $program = "$folder/provision";
my $state = "$folder/group.json";
my $uuid = '6QbHdu-cA9f-1xah-2Qxs-cwoC-NYoy-dUUL9o';
my $domain = $node->value("SELECT fixture.id('iscsi1')");

sub write_file { my ($path, $text) = @_; open my $handle, '>', $path or die "$path: $!"; print $handle $text; close $handle or die; return }
sub group { my (%group) = @_; write_file($state, encode_json(\%group)); return }
my %group = (vg => 'data', vg_uuid => $uuid, extent_size => 128 * $mib, total_bytes => 1024 * $mib, available_bytes => 1024 * $mib);

group(%group);
write_file($program, <<"PERL");
#!/usr/bin/perl
use strict;
use warnings;
use JSON::PP;
sub text { open my \$handle, '<', \$_[0] or return '{}'; local \$/; return scalar <\$handle> }
sub answer { my (\$answer) = \@_; print encode_json(\$answer), "\\n"; exit(\$answer->{error} ? 1 : 0) }
my \$request = decode_json(do { local \$/; <STDIN> });
my \$group = decode_json(text('$state'));
open my \$log, '>>', '$folder/log' or die;
print \$log "\$ARGV[0] ", JSON::PP->new->canonical->encode(\$request), "\\n";
answer({ kind => 'not_attached', error => "there is no volume group \$request->{vg}" }) if (\$group->{vg} // '') ne \$request->{vg};
answer({ kind => 'refused', error => "volume group has the uuid \$group->{vg_uuid}, not \$request->{vg_uuid}" })
  if exists \$request->{vg_uuid} && \$group->{vg_uuid} ne \$request->{vg_uuid};
if (\$ARGV[0] eq 'attach')
{
	answer({ kind => 'other_owner', error => "volume group belongs to another database (tag vmclone_\$group->{token})" })
	  if defined \$group->{token} && \$group->{token} ne \$request->{token} && !\$request->{take_over};
	\$group->{token} = \$request->{token};
}
answer({ kind => 'not_attached', error => 'volume group has no tag of vmclone' }) if !defined \$group->{token};
answer({ kind => 'other_owner', error => 'volume group belongs to another database' }) if \$group->{token} ne \$request->{token};
delete \$group->{token} if \$ARGV[0] eq 'detach';
if (\$ARGV[0] eq 'list') { print encode_json(\$_), "\\n" for \@{ \$group->{volumes} } }
answer({ kind => 'busy', error => 'volume is in use' }) if \$ARGV[0] eq 'remove' && \$group->{busy};
open my \$handle, '>', '$state' or die;
print \$handle encode_json(\$group);
close \$handle;
answer({ map { \$_ => \$group->{\$_} } qw(vg vg_uuid extent_size total_bytes available_bytes) });
PERL
chmod 0755, $program or die;

sub attach
{
	my ($path, %options) = @_;
	my ($code, $out, $err) = $node->psql($options{database} // 'postgres',
		($options{role} ? "SET ROLE $options{role}; " : '')
		. "SELECT vmclone.attach_storage_domain('" . ($options{domain} // $domain) . "', '$path'" . ($options{take_over} ? ', take_over => true' : '') . ')');

	return $code == 0 ? 'attached' : $err;
}
sub set { my ($name, $value) = @_; $node->append_conf('postgresql.conf', "$name = '$value'"); $node->reload; return }
sub request { my ($action) = @_; my ($line) = reverse grep { /^$action / } split /\n/, slurp_file("$folder/log"); return decode_json($line =~ s/^\w+ //r) }

# what must be there
like(attach('/dev/data'), qr/"iscsi1" is a block domain, and vmclone\.provision_command is empty.*HINT:  .*vmclone-provision-lvm/s, 'refused: no provisioning program');
$node->safe_psql('postgres', 'CREATE ROLE somebody; GRANT USAGE ON SCHEMA vmclone TO somebody');
like(($node->psql('postgres', "SET ROLE somebody; SET vmclone.provision_command = '$program'"))[2], qr/permission denied/, 'the program is a superuser\'s to set');
like(($node->psql('postgres', "SET vmclone.provision_command = 'sh'"))[2], qr/must be given by an absolute path/, 'by its path');
set('vmclone.provision_command', $program);
like(attach('/dev/data'), qr/outside of vmclone\.storage_roots.*HINT:  A superuser adds "\/dev\/data"/s, 'refused: outside the roots');
set('vmclone.storage_roots', $node->storage_root . ':/dev/data:/dev/gone:/dev/data2');
like(attach('/dev/data', role => 'somebody'), qr/permission denied/, 'refused: not an administrator');
like(attach($_), qr/is not the name of a volume group.*HINT:  Give the group's name/s, "refused: $_") foreach '/etc', '-f', '/dev/data/x', '..', '/dev/', 'a b', 'x' x 128;
like(attach('database'), qr/outside of vmclone\.storage_roots/, 'refused: a name that begins as an allowed one');
like(attach('gone'), qr/could not attach.*DETAIL:  Provisioning program could not attach: there is no volume group gone.*HINT:  /s, 'refused: no such group');
set('vmclone.storage_roots', $node->storage_root . ':/dev/');
like(attach($node->value("SELECT fixture.id('nfs1')")), qr/Its name is the id of another domain/, 'refused: another domain\'s group by its name');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET storage = 'abcdef-0000-1111-2222-3333-4444-abcdef' WHERE id = '$domain'");
like(attach('data'), qr/has the uuid $uuid, not abcdef/, 'refused: another group than the engine knows');
is(decode_json(slurp_file($state))->{token}, undef, 'and left as it was');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET storage = '$uuid' WHERE id = '$domain'");
write_file($program =~ s/provision/silent/r, "#!/bin/sh\necho '{}'\n");
chmod 0755, "$folder/silent";
set('vmclone.provision_command', "$folder/silent");
like(attach('data'), qr/has the uuid "", not/, 'refused: a program that does not tell the uuid');
set('vmclone.provision_command', $program);

# attached
is(attach('data'), 'attached', 'attached by its name');
is(attach('/dev/data'), 'attached', 'and again by its path');
my $mount = $node->row("SELECT * FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'");
is(join(' ', @$mount{qw(kind mount_path real_path storage_root volume_group volume_group_uuid extent_size total_bytes)}),
	"block /dev/data /dev/data /dev data $uuid " . 128 * $mib . ' ' . 1024 * $mib, 'its row');
is($node->value("SELECT concat_ws(' ', kind, attached, available_bytes) FROM vmclone.storage WHERE storage_domain_id = '$domain'"),
	'block attached ' . 1024 * $mib, 'view storage');
my $second = $node->value(<<"SQL");
INSERT INTO vmclone.storage_domain_static SELECT (jsonb_populate_record(s, jsonb_build_object('id', fixture.id('iscsi2'), 'storage', 'x', 'storage_name', 'iscsi2'))).*
	FROM vmclone.storage_domain_static s WHERE id = '$domain';
SELECT fixture.id('iscsi2');
SQL
like(attach('data', domain => $second), qr/volume group "data" is attached as storage domain $domain/, 'one group is one domain');

# looked at
$node->safe_psql('postgres', "SELECT vmclone.check_storage_domain('$domain')");
is(request('space')->{vg_uuid}, $uuid, 'a check is for the group that was attached');
group(%{ decode_json(slurp_file($state)) }, available_bytes => 512 * $mib);
is($node->value("SELECT concat_ws(' ', status, available_bytes, reflink) FROM vmclone.check_storage_domain('$domain')"), 'attached ' . 512 * $mib . ' f', 'check_storage_domain');
my %attached = %{ decode_json(slurp_file($state)) };
group(%attached, vg_uuid => 'abcdef-0000-1111-2222-3333-4444-abcdef');
like($node->value("SELECT status || ': ' || error FROM vmclone.check_storage_domain('$domain')"), qr/^failed: .*uuid abcdef.*, not $uuid/, 'another group of that name');
group(%attached);
is($node->value("SELECT status FROM vmclone.check_storage_domain('$domain')"), 'attached', 'the right one is there again');

# compared with the rows: any number of volumes, and what is no image's
sub contents { my ($repair) = @_; return [ map { "$_->{problem} " . ($_->{image_id} // '') . " $_->{path}" . ($_->{repaired} ? ' repaired' : '') } $node->rows("SELECT * FROM vmclone.check_storage_domain('$domain', $repair)") ] }
sub uuid_of { return sprintf('%08x-1111-4222-8333-444444444444', shift) }
is_deeply(contents('false'), [], 'an empty group');
group(%attached, volumes => [ (map { { lv => $_, size => 128 * $mib, image_group => undef, unfinished => JSON::PP::false } } qw(metadata ids leases)),
	(map { { lv => uuid_of($_), size => 128 * $mib, image_group => uuid_of($_), unfinished => JSON::PP::true } } 1 .. 1500) ]);
is_deeply(contents('true'), [ map { 'orphan volume ' . uuid_of($_) . ' /dev/data/' . uuid_of($_) } 1 .. 1500 ], 'volumes that no row knows, more than one answer holds, stay');
group(%attached);
write_file("$folder/silent", "#!/bin/sh\necho '{\"lv\":\"x\"'\necho '{}'\n");
set('vmclone.provision_command', "$folder/silent");
like(($node->psql('postgres', "SELECT vmclone.check_storage_domain('$domain', false)"))[2], qr/could not list storage domain.*is no JSON object/s, 'a line that is no object');
set('vmclone.provision_command', $program);

# a copy of the database
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->load_extension('other');
$node->safe_psql('other', "UPDATE vmclone.storage_domain_static SET storage = '$uuid' WHERE id = '$domain'");
like(attach('data', database => 'other'), qr/belongs to another database.*HINT:  .*take_over => true/s, 'another database is refused');
is(attach('data', database => 'other', take_over => 1), 'attached', 'unless it takes the group over');
like($node->value("SELECT error FROM vmclone.check_storage_domain('$domain')"), qr/belongs to another database/, 'which is no longer the first one\'s');
is(attach('data', take_over => 1), 'attached', 'and back');

# space, by whole extents
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '1M', writes => 1 } ]);
my $disk = $vm->{disks}[0]{disk_id};
sub plan_of { my ($format, $type) = @_; return $node->value("SELECT concat_ws(' ', volume_format, virtual_size, bytes_needed) FROM vmclone.plan_add_vm_from_snapshot('$vm->{snapshots}[0]', vm_name => 'x', disks => '[{\"disk_id\":\"$disk\",\"storage_domain_id\":\"$domain\",\"volume_format\":\"$format\",\"volume_type\":\"$type\"}]')") }
is(plan_of('RAW', 'Preallocated'), 'RAW ' . join(' ', (128 * $mib) x 2), 'a RAW disk is as large as its volume');
is(plan_of('COW', 'Sparse'), 'COW ' . $mib . ' ' . 128 * $mib, 'a COW disk has its size in a whole extent');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_dynamic SET available_disk_size = NULL WHERE id = '$domain'; UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain'");
group(%attached, available_bytes => 64 * $mib);
$node->safe_psql('postgres', "SELECT vmclone.check_storage_domain('$domain')");
my %to_block = (disks => [ { disk_id => $disk, storage_domain_id => $domain, volume_format => 'RAW', volume_type => 'Preallocated' } ]);
my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$vm->{snapshots}[0]', vm_name => 'full', disks => '" . encode_json($to_block{disks}) . "')");
like($err, qr/not enough disk space.*ACTION_TYPE_FAILED_DISK_SPACE_LOW_ON_STORAGE_DOMAIN.*needs 134217728 bytes/s, 'a clone of one extent, where less is free, is refused');
group(%attached, available_bytes => 1024 * $mib);
$node->safe_psql('postgres', "SELECT vmclone.check_storage_domain('$domain'); UPDATE vmclone.storage_domain_dynamic SET available_disk_size = 100 WHERE id = '$domain'");

# a job: waits where the program is not set or late, fails where the program makes no device, and has removed what it may have made
set('vmclone.provision_command', '');
my $job = $node->clone($vm->{snapshots}[0], vm_name => 'waits', %to_block);
like($node->job_when($job->{job_id}, 'waiting')->{reason}, qr/is a block domain, and vmclone\.provision_command is empty/, 'a job waits for the program');
like(($node->psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')"))[2], qr/provision_command is empty/, 'detach needs it, too');
$node->safe_psql('postgres', "UPDATE vmclone.base_disks SET wipe_after_delete = true WHERE disk_id IN (SELECT disk_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}')");
write_file("$folder/late", "#!/bin/sh\nexec sleep 600\n");
chmod 0755, "$folder/late";
set('vmclone.storage_timeout', '1s');
set('vmclone.provision_command', "$folder/late");
ok($node->poll_query_until('postgres', "SELECT status = 'waiting' AND reason LIKE '%within 1 s%' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'and for one that is late') or diag $node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
set('vmclone.storage_timeout', '60s');
set('vmclone.provision_command', $program);
is($node->wait_for_job($job->{job_id}), 'failed', 'a program that makes no device');
my $task = $node->row("SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
like($task->{error}, qr/device link/, 'the job says what is missing') or diag explain $task;
my $create = request('create');
is(join(' ', @$create{qw(lv image_group size)}), "$task->{image_id} $task->{disk_id} " . 128 * $mib, 'what was asked for');
like($create->{metadata}, qr/\ACAP=134217728\n.*DOMAIN=$domain\nFORMAT=RAW\n.*LEGALITY=ILLEGAL\n.*TYPE=PREALLOCATED\nVOLTYPE=LEAF\n/s, 'with the volume\'s metadata');
my $remove = request('remove');
is(join(' ', @$remove{qw(lv image_group wipe discard)}), "$task->{image_id} $task->{disk_id} 1 0", 'and removed: zeroed before, as its row says');
is(join(' ', glob $node->data_dir . '/vmclone/*'), '', 'nothing is left of what was kept beside');

# what can't be removed is named
group(%attached, busy => 1);
$job = $node->clone($vm->{snapshots}[0], vm_name => 'stays', %to_block);
ok($node->poll_query_until('postgres', "SELECT cleaning_error LIKE '%volume is in use%' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'cleaning says why it does not end');
like(($node->psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')"))[2], qr/while jobs use it/, 'detach is refused meanwhile');
$node->safe_psql('postgres', "SELECT vmclone.abandon_cleaning('$job->{job_id}')");
is($node->value("SELECT path FROM vmclone.orphan_files WHERE job_id = '$job->{job_id}'"),
	'/dev/data/' . $node->value("SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), 'a volume that was given up is named by its device');
$node->wait_for_job($job->{job_id});

# and removed later, by its task's names, with zeroes where the disk that it was cloned from says so
$task = $node->row("SELECT image_id, disk_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
my %left = (lv => $task->{image_id}, size => 128 * $mib, image_group => $task->{disk_id}, unfinished => JSON::PP::true);
$node->safe_psql('postgres', 'CREATE TABLE public.given_up AS TABLE vmclone.orphan_files');
my @problems = map { "orphan $_ $task->{image_id} /dev/data/$task->{image_id}" } qw(file volume);
foreach my $wipe (0, 1)
{
	$node->safe_psql('postgres', "UPDATE vmclone.base_disks SET wipe_after_delete = ($wipe = 1) WHERE disk_id = '$disk'");
	group(%attached, volumes => [ \%left ]);
	is_deeply(contents('false'), \@problems, 'what was given up is told');
	is_deeply(contents('true'), [ map { "$_ repaired" } @problems ], 'and removed');
	$remove = request('remove');
	is(join(' ', @$remove{qw(lv image_group wipe discard)}), "$task->{image_id} $task->{disk_id} $wipe 0", 'as its task says');
	is($node->value('SELECT count(*) FROM vmclone.orphan_files'), 0, 'and forgotten');
	$node->safe_psql('postgres', 'INSERT INTO vmclone.orphan_files OVERRIDING SYSTEM VALUE TABLE public.given_up');
}
group(%attached);
is_deeply(contents('true'), ["$problems[0] repaired"], 'one that has gone is forgotten');
is($node->value('SELECT count(*) FROM vmclone.orphan_files'), 0, 'it is');

$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
is(decode_json(slurp_file($state))->{token}, undef, 'detached: the tag is gone');
done_testing();
