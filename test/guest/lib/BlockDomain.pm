
=head1 NAME

BlockDomain - block storage domains on volume group "iscsi" of the storage guest

=cut

package BlockDomain;

use strict;
use warnings;
use Exporter 'import';
use Guest;
use IPC::Run ();
use Test::More;
use VmcloneCluster;

sub to_domain { return VmcloneCluster::to_domain(@_) }

our @EXPORT = qw(finish block_server attach_block volumes active_volumes device volume_bytes to_block clone_equal clones_equal device_table load_table to_domain nothing_left);

=head2 block_server($name, %options)

VmcloneCluster->start_new of a server that may use the group by vmclone-provision-lvm; conf as there.

=cut

sub block_server
{
	my ($name, %options) = @_;
	my $node = VmcloneCluster->start_new($name, %options, conf => "vmclone.retry_delay = '200ms'\nvmclone.storage_timeout = '120s'\n" . ($options{conf} // ''));
	my $program = copier() =~ s/vmclone-copy$/vmclone-provision-lvm/r;

	$node->append_conf('postgresql.conf', "vmclone.storage_roots = '" . $node->storage_root . ":/dev/iscsi'\nvmclone.provision_command = '$program'\n");
	$node->reload;
	return $node;
}

=head2 attach_block($node)

Attaches group "iscsi" as the fixture's domain iscsi1, whose id it returns.  All of the group's few gigabytes may be used.

=cut

sub attach_block
{
	my ($node) = @_;
	my $id = $node->value("SELECT fixture.id('iscsi1')");

	$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0 WHERE id = '$id'; SELECT vmclone.attach_storage_domain('$id', '/dev/iscsi')");
	return $id;
}

=head2 volumes(), active_volumes()

Names of the group's logical volumes that are images, sorted: all, or those that have a device.

=cut

sub volumes
{
	return sort grep { /^[0-9a-f]{8}-/ } split ' ', as_root('lvs', '--noheadings', '-o', 'lv_name', 'iscsi');
}

sub active_volumes
{
	return sort grep { /^[0-9a-f]{8}-/ } map { s{.*/}{}r } glob '/dev/iscsi/*';
}

=head2 device($image), devices(@images)

Activates volumes and makes their devices readable.  Returns their paths.

=cut

sub devices
{
	my (@images) = @_;
	my @paths = map { "/dev/iscsi/$_" } @images;

	as_root('lvchange', '-q', '-ay', map { "iscsi/$_" } @images);
	as_root('udevadm', 'settle');
	as_root('chown', '-L', 'postgres', @paths);
	return @paths;
}

sub device
{
	my ($image) = @_;
	return (devices($image))[0];
}

=head2 volume_bytes($image)

Size of the volume.

=cut

sub volume_bytes
{
	my ($image) = @_;
	return as_root('lvs', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'lv_size', "iscsi/$image") =~ s/\s//gr;
}

=head2 device_table($image), load_table($mapping, $table)

Device mapper's name for an active volume, and its table; gives a device another table, as one of a disk that fails.

=cut

sub device_table
{
	my ($image) = @_;
	my $mapping = 'iscsi-' . ($image =~ s/-/--/gr);

	return ($mapping, as_root('dmsetup', 'table', $mapping));
}

sub load_table
{
	my ($mapping, $table) = @_;

	as_root('dmsetup', 'reload', $mapping, '--table', $table);
	as_root('dmsetup', 'resume', $mapping);
	return;
}

=head2 to_block($node, @paths)

Gives the images in these files, whose names are their ids, logical volumes with the same content and VDSM's tag for their disk,
and has their rows say that they lie in domain iscsi1.  The files stay, to be compared with.

=cut

sub to_block
{
	my ($node, @paths) = @_;
	my @images = map { m{([^/]+)$} } @paths;

	foreach my $n (0 .. $#paths)
	{
		my $mebibytes = int(((-s $paths[$n]) + (1 << 20) - 1) / (1 << 20));

		my $disk = $node->value("SELECT image_group_id FROM vmclone.images WHERE image_guid = '$images[$n]'");

		as_root('lvcreate', '-q', '-y', '-Wy', '-n', $images[$n], '-L', "${mebibytes}m", '--addtag', "IU_$disk", 'iscsi');
		run('dd', "if=$paths[$n]", 'of=' . device($images[$n]), 'bs=1M', 'conv=fsync,notrunc', 'status=none');
	}
	as_root('lvchange', '-q', '-an', map { "iscsi/$_" } @images);
	$node->safe_psql('postgres', "UPDATE vmclone.image_storage_domain_map SET storage_domain_id = fixture.id('iscsi1'), disk_profile_id = fixture.id('profile iscsi1') WHERE image_id IN ("
		. join(', ', map { "'$_'" } @images) . ')');
	return;
}

=head2 finish($node, $job_id)

Waits until the job is over, in one session: in an emulated guest each new one takes a second.  Returns its status.

=cut

sub finish
{
	my ($node, $job_id) = @_;

	$node->psql('postgres', "SET client_min_messages = error; CALL vmclone.wait_for_job('$job_id', '15 min')", timeout => 1000);
	return $node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job_id'");
}

=head2 nothing_left($node, $test_name)

Tests, when no job is live, that the group has no image that the rows do not know, none that is marked unfinished, none with a
device, and that the server keeps no record or lock for one.

=cut

sub nothing_left
{
	my ($node, $test_name) = @_;
	my %known = map { $_->{id} => 1 } $node->rows("SELECT image_guid AS id FROM vmclone.images");
	my @found = grep { !$known{$_} } volumes();

	push @found, map { "active: $_" } active_volumes();
	push @found, map { "unfinished: $_" } split ' ', as_root('lvs', '--noheadings', '-o', 'lv_name', '-S', 'lv_tags=vmclone_unfinished', 'iscsi');
	push @found, map { s{.*/}{kept: }r } grep { !-S } glob $node->data_dir . '/vmclone/*';
	return is(join("\n", @found), '', $test_name);
}

=head2 clone_equal($node, $vm_id, $vm, $number, $test_name)

As VmcloneCluster's images_equal, for clones whose disks are in the block domain.

=cut

sub clone_equal
{
	my ($node, @clone) = @_;
	return clones_equal($node, [@clone]);
}

=head2 clones_equal($node, [ $vm_id, $vm, $number, $test_name ]...)

The same for many, whose volumes get their devices together: a start of LVM takes seconds in an emulated guest.

=cut

sub clones_equal
{
	my ($node, @wanted) = @_;
	my @clones = map { [ $node->disk_files($_->[0]) ] } @wanted;
	my @in_group = grep { $_->{path} =~ m{^/dev/} } map { @$_ } @clones;
	my @volumes = map { $_->{image_id} } @in_group;
	my $all_are = 1;

	if (@volumes)
	{
		my @paths = devices(@volumes);
		$_->{path} = shift @paths foreach @in_group;
	}
	foreach my $n (0 .. $#wanted)
	{
		my (undef, $vm, $number, $test_name) = @{ $wanted[$n] };
		my @differ = differences($vm, $number, @{ $clones[$n] });

		$all_are &&= is(join("\n", @differ), '', $test_name);
	}
	as_root('lvchange', '-q', '-an', map { "iscsi/$_" } @volumes) if @volumes;
	return $all_are;
}

sub differences
{
	my ($vm, $number, @clones) = @_;
	my @differ;

	foreach my $disk (@{ $vm->{disks} })
	{
		my $clone = shift @clones or push(@differ, "no clone of $disk->{disk_id}"), last;
		my ($code, $out, $err) = try_run('qemu-img', 'compare', '-f', $number == 0 ? $disk->{format} : 'qcow2', '-F', $clone->{format},
			"$disk->{path}/$disk->{images}[$number]", $clone->{path});

		push @differ, "$clone->{disk_alias}: $out$err" if $code != 0;
	}
	push @differ, 'more disks than the source' if @clones;
	return @differ;
}

1;
