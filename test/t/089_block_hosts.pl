# Block domains on hosts that are reached by ssh, as far as they need no logical volume: whose program is asked for what, with which
# words, on which group; what is refused; a job whose program makes no device.  The program keeps its group in a file; the real one,
# with real volumes, is in test/guest/t/by_hand/055_block_hosts.pl.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use VmcloneCluster;
use CopyHosts;

my $mib = 1 << 20;
my $node = VmcloneCluster->start_new('blockhosts', conf => "vmclone.retry_delay = '100ms'\nvmclone.copy_lease = '5s'\n");
my $hosts = CopyHosts->start($node, qw(h1 h2 h3));
plan skip_all => 'no sshd' unless $hosts;
my $folder = $node->basedir;
my $uuid = '6QbHdu-cA9f-1xah-2Qxs-cwoC-NYoy-dUUL9o';
my $other_uuid = 'abcdef-0000-1111-2222-3333-4444-abcdef';
my $domain = $node->value("SELECT fixture.id('iscsi1')");

sub write_file { my ($path, $text) = @_; open my $handle, '>', $path or die "$path: $!"; print $handle $text; close $handle or die; return }
sub group { my ($host, %group) = @_; write_file("$folder/group-$host", encode_json({ vg => 'data', vg_uuid => $uuid, extent_size => 128 * $mib, total_bytes => 1024 * $mib, available_bytes => 512 * $mib, %group })); return }
write_file("$folder/provision", <<"PERL");
#!/usr/bin/perl
use strict;
use warnings;
use JSON::PP;
my (\$host, \$action) = \@ARGV;
my \$request = decode_json(do { local \$/; <STDIN> });
my \$group = decode_json(do { local (\@ARGV, \$/) = "$folder/group-\$host"; <> });
open my \$log, '>>', '$folder/log' or die;
print \$log "\$host \$action ", JSON::PP->new->canonical->encode(\$request), "\\n";
sub answer { my (\$answer) = \@_; print encode_json(\$answer), "\\n"; exit(\$answer->{error} ? 1 : 0) }
answer({ kind => 'refused', error => "volume group has the uuid \$group->{vg_uuid}, not \$request->{vg_uuid}" }) if \$request->{vg_uuid} && \$group->{vg_uuid} ne \$request->{vg_uuid};
if (\$action eq 'list') { print encode_json(\$_), "\\n" for \@{ \$group->{volumes} } }
answer({ map { \$_ => \$group->{\$_} } qw(vg vg_uuid extent_size total_bytes available_bytes) });
PERL
foreach my $host (qw(h1 h2))
{
	group($host);
	mkdir "$folder/state-$host" or die;
	write_file("$folder/provision-$host", "#!/bin/sh\nexec perl $folder/provision $host \"\$1\"\n");
	chmod 0755, "$folder/provision-$host" or die;
	$hosts->serve_with($host, "--root /dev/data --provision $folder/provision-$host --state $folder/state-$host");
}
sub attach
{
	my ($path, $host) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', host => '$host')");

	return $code == 0 ? 'attached' : $err;
}
sub asked { return map { my ($host, $action, $request) = split / /, $_, 3; { host => $host, action => $action, %{ decode_json($request) } } } -e "$folder/log" ? split /\n/, slurp_file("$folder/log") : () }

# what must be there: nothing of it on this machine
like(attach('/dev/data', 'h3'), qr/could not attach.*DETAIL:  On host "h3": this host has no provisioning program.*HINT:  .*--provision PROGRAM/s, 'a host without a program');
like(attach('/dev/other', 'h1'), qr/volume group is not one of this host's/, 'a group that the host does not name');
like(attach($_, 'h1'), qr/is not the name of a volume group/, "refused: $_") foreach '/etc', '/dev/data/x', '-f';
is(scalar(asked()), 0, 'no program has been asked');
is(attach('/dev/data', 'h1'), 'attached', 'attached on a host');
my $mount = $node->row("SELECT * FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'");
is(join(' ', @$mount{qw(host_name kind real_path storage_root volume_group volume_group_uuid extent_size)}), "h1 block /dev/data /dev/data data $uuid " . 128 * $mib, 'its row');
group('h2', vg_uuid => $other_uuid);
like(attach('/dev/data', 'h2'), qr/volume group has the uuid $other_uuid, not $uuid/, 'another group of that name on another host');
group('h2');
is(attach('data', 'h2'), 'attached', 'the same one there');
is($node->value("SELECT string_agg(concat_ws(' ', host_name, kind, attached, available_bytes), ', ' ORDER BY host_name) FROM vmclone.storage WHERE storage_domain_id = '$domain'"),
	join(', ', map { "$_ block attached " . 512 * $mib } qw(h1 h2)), 'view storage has a row for each host');
like(attach('/dev/data', 'local'), qr/provision_command is empty/, 'this machine wants a program of its own');

# looked at, on each
is($node->value("SELECT host_name || ' ' || status FROM vmclone.check_storage_domain('$domain', 'h2')"), 'h2 attached', 'checked on one');
my ($last) = reverse asked();
is("$last->{host} $last->{action} $last->{vg_uuid} $last->{token}", "h2 space $uuid $mount->{token}", 'which its program was asked for');
my $lost = sprintf '%08x-1111-4222-8333-444444444444', 7;
group('h2', volumes => [ { lv => $lost, size => 128 * $mib, image_group => $lost, unfinished => JSON::PP::true } ]);
is($node->value("SELECT string_agg(problem || ' ' || path, ' ') FROM vmclone.check_storage_domain('$domain', false, 'h2')"), "orphan volume /dev/data/$lost", 'compared with the rows');
group('h2');

# a job
my $vm = $node->make_vm(name => 'web', snapshots => 2, disks => [ { format => 'raw', size => '1M', writes => 1 } ]);
my %to_block = (lock_mode => 'shared', disks => [ { disk_id => $vm->{disks}[0]{disk_id}, storage_domain_id => $domain, volume_format => 'RAW', volume_type => 'Preallocated' } ]);
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain'");
my $job = $node->clone($vm->{snapshots}[0], vm_name => 'nowhere', %to_block);
like($node->job_when($job->{job_id}, 'waiting')->{reason}, qr/no host has all of its storage domains.*is attached on h1, h2/, 'waits where no host has both domains');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', host => 'h1')");
is($node->wait_for_job($job->{job_id}), 'failed', 'a program that makes no device');
my $task = $node->row("SELECT * FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
like($task->{error}, qr/device link/, 'the job says what is missing') or diag explain $task;
my @job = grep { $_->{lv} } asked();
is(join(' ', map { "$_->{host} $_->{action}" } @job), 'h1 create h1 remove', 'made and removed on the host that has both');
is("$_->{lv} $_->{image_group} $_->{vg}", "$task->{image_id} $task->{disk_id} data", "$_->{action}: of its volume") foreach @job;
is(join(' ', glob "$folder/state-h*/*"), '', 'hosts keep nothing');
is(join(' ', grep { !-S } glob $node->data_dir . '/vmclone/*'), '', 'nor does this machine');

# what a host has left, since the task went on elsewhere, it gives back when it answers
write_file("$folder/state-h2/$task->{image_id}.$_", '') foreach 'lock', 'resume';
$node->safe_psql('postgres', "UPDATE vmclone.async_tasks SET left_hosts = '{h2}' WHERE task_id = '$task->{task_id}'; SELECT vmclone.check_storage_domain('$domain')");
ok($node->poll_query_until('postgres', "SELECT left_hosts IS NULL FROM vmclone.async_tasks WHERE task_id = '$task->{task_id}'"), 'a host gives back what it has left');
($last) = grep { $_->{action} eq 'deactivate' } reverse asked();
is("$last->{host} @{ $last->{lvs} }", "h2 $task->{image_id}", 'the volume that was made is deactivated there');
is(join(' ', glob "$folder/state-h*/*"), '', 'and what it kept for that is gone');

# given up
my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'h1')");
is((asked())[-1]{action} eq 'detach' ? 'detached' : 'kept', 'kept', 'on one of them: the group keeps its mark');
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
($last) = reverse asked();
is("$last->{host} $last->{action}", 'h2 detach', 'on the last one it is taken away');
$node->stop;
done_testing();
