# A block domain through the worker, on a volume group over iSCSI: files and logical volumes as sources and results, raw and
# qcow2, a thin VM, a template; what the engine and VDSM find of it; rows and volumes compared.  LVM, the provisioning program, the worker and
# the server are killed meanwhile (t/by_hand/053_block_kills.pl kills more, VMCLONE_TEST_SEED repeats it).
use strict;
use warnings;
use BlockDomain;
use BlockKills;
use File::Path qw(make_path);
use Guest;
use Test::More;
use Time::HiRes qw(sleep);
use VmcloneCluster;

my $mib = 1 << 20;
my $extent = 4 * $mib;
my $node = block_server('block', conf => "vmclone.max_parallel_copies = 3\nvmclone.max_attempts = 1000\n");
my $domain = attach_block($node);
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
my $kills = 0;
my %jobs;

seed();

sub begin
{
	my ($name, $vm, $snapshot, @rest) = @_;

	$jobs{$name} = { job => $node->clone($vm->{snapshots}[$snapshot], vm_name => $name, lock_mode => 'shared', @rest), vm => $vm };
	return;
}

# the clone's images, if it is exact: what the disks of $vm have in their image $number
sub done
{
	my ($name, $number) = @_;
	my ($job, $vm) = @{ $jobs{$name} }{qw(job vm)};

	is(finish($node, $job->{job_id}), 'succeeded', $name)
	  or diag $node->value("SELECT string_agg(concat_ws(' ', phase, status, error), chr(10)) FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
	clone_equal($node, $job->{vm_id}, $vm, $number, "$name: content");
	return map { $_->{image_id} } $node->disk_files($job->{vm_id});
}

sub problems
{
	my ($repair) = @_;

	return join "\n", map { "$_->{problem}: " . ($_->{image_id} // '') . ($_->{repaired} ? ' repaired' : '') }
	  $node->rows("SELECT problem, image_id, repaired FROM vmclone.check_storage_domain('$domain', $repair)");
}

my $mount = $node->row("SELECT * FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'");
is("$mount->{kind} $mount->{real_path} $mount->{volume_group} $mount->{extent_size}", "block /dev/iscsi iscsi $extent", 'attached');
$node->make_domain($nfs2);

# sources: files, and the same kind of chains on logical volumes; the thin VM's template is on the block domain, too
my $file = $node->make_vm(name => 'file', snapshots => 3, disks => [ { format => 'raw', size => '30M' }, { size => '33M' } ]);
my $block = $node->make_vm(name => 'block', snapshots => 3, disks => [ { format => 'raw', size => '32M' }, { size => '33M' } ]);
to_block($node, map { my $disk = $_; map { "$disk->{path}/$_" } @{ $disk->{images} } } @{ $block->{disks} });
$node->value("SELECT fixture.make_template('golden', format => 'RAW', size => 33554432)");
my $base = $node->value("SELECT fixture.image('golden', 1, 1)");
my %thin = (name => 'thin', vm_id => $node->value("SELECT fixture.make_vm('thin', 1, 2, size => 33554432, template => 'golden')"));
my $folder = "$file->{path}/images/" . $node->value("SELECT fixture.disk('thin', 1)");
my @layers = map { $node->value("SELECT fixture.image('thin', 1, $_)") } 1, 2;
make_path($folder);
$node->make_chain($folder, [$base], format => 'raw', size => '32M');
$node->make_chain($folder, \@layers, on => [ $base, 'raw' ], size => '32M');
$thin{snapshots} = [ map { $node->value("SELECT fixture.snapshot('thin', $_)") } 1, 2 ];
$thin{disks} = [ { disk_id => $node->value("SELECT fixture.disk('thin', 1)"), path => $folder, images => [ $base, @layers ], format => 'raw' } ];
to_block($node, map { "$folder/$_" } $base, @layers);
is(join(' ', active_volumes()), '', 'no logical volume is active');
is(problems('false'), '', 'rows and volumes agree');

# all ways between the kinds of domains, in both formats, from chains on raw and on qcow2
begin('file-to-block', $file, 1, disks => to_domain($file, $domain, 'RAW', 'COW'));
begin('block-to-block', $block, 1, disks => to_domain($block, $domain, 'COW', 'RAW'), verify => 'true');
begin('block-to-file', $block, 1, disks => to_domain($block, $nfs2, 'RAW', 'COW'));
begin('thin-to-block', \%thin, 0, disks => to_domain(\%thin, $domain, 'COW'));
begin('thin-to-file', \%thin, 0, disks => to_domain(\%thin, $nfs2, 'RAW'));
my $template = $node->row(<<"SQL" =~ s/\n/ /gr);
SELECT * FROM vmclone.add_vm_template_from_snapshot('$file->{snapshots}[1]', 'gold', lock_mode => 'shared',
	disks => @{[ VmcloneCluster::literal(to_domain($file, $domain, 'COW', 'COW')) ]})
SQL
# at instants over the first half of what they take
foreach my $way (qw(LVM worker program server))
{
	sleep rand 6;
	kill_and_look($node, ++$kills, $way);
}
my ($raw, $cow) = done('file-to-block', 1);
done($_, 1) foreach 'block-to-block', 'block-to-file', 'thin-to-block', 'thin-to-file';
is(finish($node, $template->{job_id}), 'succeeded', 'a template');
clone_equal($node, $node->value("SELECT vm_id FROM vmclone.jobs WHERE job_id = '$template->{job_id}'"), $file, 1, 'a template: content');

# what the engine and VDSM find of them
sub row_of
{
	my ($image) = @_;

	return $node->value("SELECT concat_ws(' ', size, volume_format, volume_type, actual_size) FROM vmclone.images JOIN vmclone.disk_image_dynamic ON image_id = image_guid WHERE image_guid = '$image'");
}
my $disk = $file->{disks}[1];
my ($required) = run(copier(), 'measure', copier_arguments(map { [ qcow2 => "$disk->{path}/$disk->{images}[$_]" ] } 0, 1), '--format', 'qcow2') =~ /"required":(\d+)/;
my $extents = int(($required + $extent - 1) / $extent) * $extent;
is(volume_bytes($raw), 32 * $mib, 'RAW: the size in whole extents');
is(row_of($raw), 32 * $mib . ' 5 1 ' . 32 * $mib, 'RAW: its row has the size that the guest sees, preallocated');
is(volume_bytes($cow), $extents, 'COW: the measured size in whole extents');
is(row_of($cow), 33 * $mib . " 4 2 $extents", 'COW: its row');
my $disk_id = $node->value("SELECT image_group_id FROM vmclone.images WHERE image_guid = '$raw'");
like(as_root('lvs', '--noheadings', '-o', 'lv_tags', "iscsi/$raw"), qr/^\s*IU_$disk_id,PU_0{8}-0{4}-0{4}-0{4}-0{12}\s*$/, "VDSM's tags, and no other");
is(problems('true'), '', 'rows and volumes agree, and nothing is to be repaired');
nothing_left($node, 'no volume is active, unfinished or unknown');

as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
is(as_root('vgs', '--noheadings', '-o', 'vg_tags', 'iscsi') =~ s/\s//gr, '', 'detached: no tag of ours is left');
done_testing();
