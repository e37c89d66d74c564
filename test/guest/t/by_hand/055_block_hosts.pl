# A block domain on hosts that are reached by ssh, which alone see its volume group: attached, looked at, copied to and from, on two
# hosts at once, cancelled; a host that dies.
use strict;
use warnings;
use BlockDomain;
use BlockHosts;
use Guest;
use Test::More;
use VmcloneCluster;

my $lease = 8;
my $node = block_server('blockhosts', conf => "vmclone.max_parallel_copies = 4\nvmclone.copy_lease = '${lease}s'\n");
my $hosts = block_hosts($node, qw(h1 h2));
my $domain = $node->value("SELECT fixture.id('iscsi1')");

# this machine has neither a program nor the group among its roots
$node->append_conf('postgresql.conf', "vmclone.provision_command = ''\nvmclone.storage_roots = '" . $node->storage_root . "'\n");
$node->reload;
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$domain'");

sub refused
{
	my ($statement) = @_;
	my ($code, undef, $err) = $node->psql('postgres', $statement);

	return $code == 0 ? 'done' : $err;
}
sub attach { my ($path, $host) = @_; return refused("SELECT vmclone.attach_storage_domain('$domain', '$path', host => '$host')") }

like(attach('/dev/iscsi', 'local'), qr/provision_command is empty/, 'not on this machine');
like(attach('/dev/other', 'h1'), qr/On host "h1": volume group is not one of this host's.*--root \/dev\/GROUP/s, 'not a group that the host does not name');
is(attach('/dev/iscsi', 'h1'), 'done', 'attached on a host');
my $mount = $node->row("SELECT * FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'");
is("$mount->{host_name} $mount->{kind} $mount->{real_path} $mount->{extent_size}", 'h1 block /dev/iscsi 4194304', 'its row');
like(as_root('vgs', '--noheadings', '-o', 'vg_tags', 'iscsi'), qr/vmclone_$mount->{token}/, 'the group has the tag');
is($node->value("SELECT concat_ws(' ', status, host_name, total_bytes > 0) FROM vmclone.check_storage_domain('$domain')"), 'attached h1 t', 'checked there');

my $file = $node->make_vm(name => 'file', snapshots => 3, disks => [ { format => 'raw', size => '8M' }, { size => '9M' } ]);
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$file->{domain}', '$file->{path}', host => host_name) FROM vmclone.copy_hosts WHERE address IS NOT NULL");
is($node->value("SELECT string_agg(DISTINCT copy_hosts::text, ' ') FROM vmclone.plan_add_vm_from_snapshot('$file->{snapshots}[1]', vm_name => 'x', disks => @{[ VmcloneCluster::literal(to_domain($file, $domain, 'RAW', 'COW')) ]})"),
	'{h1}', 'a plan says which host could do it');

my %jobs;
sub begin
{
	my ($name, $vm, @rest) = @_;
	return $jobs{$name} = $node->clone($vm->{snapshots}[1], vm_name => $name, lock_mode => 'shared', @rest);
}
sub ends_well
{
	my ($name, $vm) = @_;
	my $job = $jobs{$name};

	$node->for_jobs('alter_job(job, bandwidth_limit => 0)', "job_id = '$job->{job_id}' AND ended_at IS NULL");
	is(finish($node, $job->{job_id}), 'succeeded', $name)
	  or diag $node->value("SELECT string_agg(concat_ws(' ', host_name, phase, status, error), chr(10)) FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
	clone_equal($node, $job->{vm_id}, $vm, 1, "$name: content");
	return;
}
sub hosts_of { my ($name) = @_; return $node->value("SELECT string_agg(DISTINCT host_name, ' ' ORDER BY host_name) FROM vmclone.async_tasks WHERE job_id = '$jobs{$name}{job_id}'") }
sub all_given_back
{
	my ($test_name) = @_;

	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM vmclone.async_tasks WHERE left_hosts IS NOT NULL');
	nothing_left($node, "$test_name: no volume is active, unfinished or unknown");
	is(join(' ', state_files()), '', "$test_name: hosts keep nothing for volumes");
	return;
}

# one host: from files, and from the volumes that came of it
begin('to-block', $file, disks => to_domain($file, $domain, 'RAW', 'COW'), verify => 'true');
ends_well('to-block', $file);
is(hosts_of('to-block'), 'h1', 'on the host that has the domain');
all_given_back('to a block domain');
my $block = $node->make_vm(name => 'block', snapshots => 3, disks => [ { format => 'raw', size => '8M' }, { size => '9M' } ]);
to_block($node, map { my $disk = $_; map { "$disk->{path}/$_" } @{ $disk->{images} } } @{ $block->{disks} });
begin('block-to-block', $block, disks => to_domain($block, $domain, 'COW', 'RAW'));
begin('block-to-file', $block, disks => to_domain($block, $file->{domain}, 'RAW', 'COW'));
ends_well($_, $block) foreach qw(block-to-block block-to-file);
all_given_back('from a block domain');
my %told = map { $_->{problem} => 1 } $node->rows("SELECT * FROM vmclone.check_storage_domain('$domain', false, 'h1')");
is(join(' ', sort keys %told), '', 'rows and volumes agree, seen from the host');

# two hosts
is(attach('/dev/iscsi', 'h2'), 'done', 'attached on another one');
is($node->value("SELECT string_agg(host_name || ' ' || attached, ' ' ORDER BY host_name) FROM vmclone.storage WHERE storage_domain_id = '$domain'"), 'h1 attached h2 attached', 'view storage');
begin("both$_", $file, disks => to_domain($file, $domain, 'RAW', 'COW')) foreach 1, 2;
ends_well("both$_", $file) foreach 1, 2;
is($node->value("SELECT count(DISTINCT host_name) FROM vmclone.async_tasks WHERE job_id IN ('$jobs{both1}{job_id}', '$jobs{both2}{job_id}')"), 2, 'copies on both');
all_given_back('both hosts');
is(join('; ', changes_at_once()), '', 'at no time did two hosts change the group');

# a copy that moves on a host, and a fault
sub start_copy
{
	my ($name) = @_;

	begin($name, $file, disks => to_domain($file, $domain, 'RAW', 'COW'), bandwidth_limit => 200_000);
	$node->poll_query_until('postgres', "SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$jobs{$name}{job_id}'") or die "$name copies nothing";
	return $node->value("SELECT min(host_name) FROM vmclone.async_tasks WHERE job_id = '$jobs{$name}{job_id}'");
}
# Runs to its end on other hosts; at no time may two processes be able to write to one device.
sub moves_from
{
	my ($name, $host) = @_;
	my $at_once = '';
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	$node->for_jobs('alter_job(job, bandwidth_limit => 0)', "job_id = '$jobs{$name}{job_id}'");
	while (time < $end && $node->value("SELECT ended_at IS NULL FROM vmclone.jobs WHERE job_id = '$jobs{$name}{job_id}'") eq 't')
	{
		my $writers = $hosts->writers;
		foreach (keys %$writers) { $at_once .= " $_: @{ $writers->{$_} }" if @{ $writers->{$_} } > 1 }
	}
	is($at_once, '', "$name: at no time had two a device open for writing");
	ends_well($name, $file);
	return;
}

my $host = start_copy('cancelled');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs{cancelled}{job_id}')");
is(finish($node, $jobs{cancelled}{job_id}), 'cancelled', 'cancelled in the middle');
all_given_back('cancelled');

$host = start_copy('killed');
$hosts->kill_host($host);
moves_from('killed', $host);
isnt(hosts_of('killed'), $host, 'a host that dies: another one goes on');
$hosts->start_sshd($host);
$node->poll_query_until('postgres', "SELECT bool_and(state = 'up') FROM vmclone.copy_hosts WHERE address IS NOT NULL");
all_given_back('a host that died, and is back');

# given up
as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain', 'h1')");
isnt(as_root('vgs', '--noheadings', '-o', 'vg_tags', 'iscsi') =~ s/\s//gr, '', 'detached on one host: the tag stays');
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
is(as_root('vgs', '--noheadings', '-o', 'vg_tags', 'iscsi') =~ s/\s//gr, '', 'detached on the last one: no tag of ours is left');
done_testing();
