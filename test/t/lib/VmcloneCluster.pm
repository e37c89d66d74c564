
=head1 NAME

VmcloneCluster - a PostgreSQL::Test::Cluster with vmclone, storage domains and VMs that have real disks

=head1 SYNOPSIS

  use VmcloneCluster;

  my $node = VmcloneCluster->start_new('primary', preload => 1);   # database "postgres" has the extension
  my $vm   = $node->make_vm(snapshots => 3, disks => [ { format => 'raw', size => '64M' }, {} ]);
  my $job  = $node->clone($vm->{snapshots}[1], vm_name => 'copy');
  is($node->wait_for_job($job->{job_id}), 'succeeded', 'cloned');
  $node->images_equal($job->{vm_id}, $vm, 1);                  # against qemu-img, disk by disk
  done_testing();                                              # the server stops by itself

=cut

package VmcloneCluster;

use strict;
use warnings;
use parent -norequire, 'PostgreSQL::Test::Cluster';
use Carp qw(croak);
use File::Path qw(make_path);
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More;

# oVirt's codes of images.volume_format and volume_type.
my %VOLUME_FORMAT = (raw => 5, qcow2 => 4);
use constant VOLUME_TYPE_SPARSE => 2;

=head1 MAKING A SERVER

=head2 VmcloneCluster->start_new($name, %options)

Makes and starts a server; creates the extension and loads the fixture in database C<postgres>.

  preload     true: the library is in shared_preload_libraries (default: 1)
  conf        more lines for postgresql.conf
  extension   false: no CREATE EXTENSION, no fixture
  fixture     false: no fixture
  init        more arguments for PostgreSQL::Test::Cluster's init, e.g. [ allows_streaming => 1 ]

=cut

sub start_new
{
	my ($class, $name, %options) = @_;
	my $node = $class->new($name);

	$node->init(@{ $options{init} || [] });
	make_path($node->storage_root);
	$node->append_conf('postgresql.conf', $node->server_settings);
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'vmclone'\n")
	  if $options{preload} // 1;
	$node->append_conf('postgresql.conf', $options{conf}) if defined $options{conf};
	$node->start;
	if ($options{extension} // 1)
	{
		$node->safe_psql('postgres', 'CREATE EXTENSION vmclone');
		$node->load_fixture('postgres') if $options{fixture} // 1;
	}
	return $node;
}

# The settings by which a server finds what `make install DESTDIR=` put below VMCLONE_INSTALLED.
sub server_settings
{
	my ($node) = @_;
	my $installed = $ENV{VMCLONE_INSTALLED} or croak 'run this through "make check-tap"';
	my ($bindir, $libdir, $sharedir) =
	  map { pg_config($_) } qw(--bindir --pkglibdir --sharedir);
	my ($major) = pg_config('--version') =~ /(\d+)/;
	my $root = $node->storage_root;

	return ($major >= 18
		? "extension_control_path = '$installed$sharedir:\$system'\n"
		: "extension_destdir = '$installed'\n")
	  . <<"CONF";
dynamic_library_path = '$installed$libdir:\$libdir'
vmclone.copy_program = '$installed$bindir/vmclone-copy'
vmclone.storage_roots = '$root'
max_worker_processes = 16
max_prepared_transactions = 10
restart_after_crash = on
log_min_messages = info
CONF
}

sub pg_config
{
	my ($what) = @_;
	my $program = $ENV{PG_CONFIG} || 'pg_config';
	my $answer = `$program $what`;

	die "$program $what failed" if $? != 0;
	chomp $answer;
	return $answer;
}

=head2 $node->storage_root

The folder that vmclone.storage_roots names; storage domains are folders in it.

=cut

sub storage_root
{
	my ($node) = @_;
	return $node->basedir . '/storage';
}

sub load_fixture
{
	my ($node, $database) = @_;
	$node->safe_psql($database, PostgreSQL::Test::Utils::slurp_file('test/fixture/fixture.sql'));
	return;
}

=head1 ROWS

=head2 $node->rows($sql), $node->row($sql), $node->value($sql)

Answers of a query in database C<postgres>: all rows or the first one as hashes, or one value.

=cut

sub rows
{
	my ($node, $sql) = @_;
	my $json = $node->safe_psql('postgres', <<"SQL");
WITH answer AS ($sql)
SELECT coalesce(jsonb_agg(to_jsonb(answer)), '[]') FROM answer
SQL
	return @{ JSON::PP->new->utf8->decode($json) };
}

sub row
{
	my ($node, $sql) = @_;
	return ($node->rows($sql))[0];
}

sub value
{
	my ($node, $sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub literal
{
	my ($value) = @_;
	return 'NULL' unless defined $value;
	$value = JSON::PP->new->canonical->encode($value) if ref $value;
	$value =~ s/'/''/g;
	return "'$value'";
}

=head1 STORAGE

=head2 $node->make_domain($storage_domain_id)

Makes a folder for a file domain of the fixture and attaches it.  Returns the folder.

=cut

sub make_domain
{
	my ($node, $id) = @_;
	my $path = $node->storage_root . "/$id";

	make_path("$path/images");
	$node->safe_psql('postgres',
		'SELECT vmclone.attach_storage_domain(' . literal($id) . ', ' . literal($path) . ')');
	return $path;
}

sub run_tool
{
	my (@command) = @_;
	my ($out, $err);

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err)
	  or die "failed: @command\n$out$err";
	return $out;
}

=head2 $node->make_chain($folder, $layers, %options)

Makes a snapshot chain with qemu-img and qemu-io in $folder; every layer is a file named by its image id,
the base first.  $layers is a list of image ids.

  format    raw or qcow2: of the base (default qcow2); what lies above is qcow2
  size      virtual size (default 64M)
  cluster   cluster size of the qcow2 layers (default 65536)
  writes    number of writes in each layer (default 8); what is written tells layer and place

=cut

sub make_chain
{
	my ($node, $folder, $layers, %options) = @_;
	my $format = $options{format} || 'qcow2';
	my $size = $options{size} || '64M';
	my $cluster = $options{cluster} || 65536;
	my $writes = $options{writes} || 8;
	my ($number, $unit) = $size =~ /^(\d+)([KMG]?)$/ or croak "size: $size";
	my $bytes = $number * { '' => 1, K => 1024, M => 1024**2, G => 1024**3 }->{$unit};
	my ($parent, $parent_format);
	my $depth = 0;

	make_path($folder);
	foreach my $image (@$layers)
	{
		my $layer_format = defined $parent ? 'qcow2' : $format;
		my @io;

		run_tool('qemu-img', 'create', '-q', '-f', $layer_format,
			($layer_format eq 'qcow2' ? ('-o', "cluster_size=$cluster") : ()),
			(defined $parent ? ('-b', $parent, '-F', $parent_format) : ()),
			"$folder/$image", $bytes);
		foreach my $n (0 .. $writes - 1)
		{
			# a place that differs from layer to layer and overlaps the layer below now and then
			my $offset = (($n * 7 + $depth * 3) % 64) * int($bytes / 64 / 512) * 512;
			my $length = 512 * (1 + ($n * 37 + $depth * 11) % 300);
			my $pattern = 1 + ($depth * 16 + $n) % 255;

			$length = $bytes - $offset if $offset + $length > $bytes;
			push @io, '-c', "write -P $pattern $offset $length" if $length > 0;
		}
		run_tool('qemu-io', '-f', $layer_format, @io, "$folder/$image");
		chmod 0660, "$folder/$image";
		($parent, $parent_format) = ($image, $layer_format);
		$depth++;
	}
	return $bytes;
}

=head1 VIRTUAL MACHINES

=head2 $node->make_vm(%options)

Makes a VM with snapshots and real chains in a new domain folder (or in C<< domain => $id >>), all rows included.

  name        (default: vm1, vm2 …)
  snapshots   how many, the ACTIVE one included (default 3)
  disks       list of { format, size, cluster, writes }, as for make_chain (default: one qcow2 disk)
  domain      storage domain id (default: the fixture's first file domain)

Returns { vm_id, name, domain, path, snapshots => [ids…],
disks => [ { disk_id, images => [ids…], format, size } ] }; the last snapshot is the ACTIVE one.

=cut

my $vms_made = 0;

sub make_vm
{
	my ($node, %options) = @_;
	my $count = $options{snapshots} || 3;
	my $name = $options{name} || 'vm' . ++$vms_made;
	my $domain = $options{domain}
	  || $node->value('SELECT id FROM vmclone.storage_domain_static WHERE storage_type IN (1, 4) ORDER BY storage_name LIMIT 1');
	my $path = $node->value('SELECT mount_path FROM vmclone.storage_mounts WHERE storage_domain_id = ' . literal($domain))
	  || $node->make_domain($domain);
	my $uuid = sub { $node->value('SELECT gen_random_uuid()') };
	my %vm = (
		vm_id => $uuid->(),
		name => $name,
		domain => $domain,
		path => $path,
		snapshots => [ map { $uuid->() } 1 .. $count ],
		disks => []);
	my $zero = '00000000-0000-0000-0000-000000000000';
	my $quota = '(SELECT id FROM vmclone.quota ORDER BY is_default DESC, quota_name LIMIT 1)';
	my @sql = (<<"SQL");
INSERT INTO vmclone.vm_static (vm_guid, vm_name, mem_size_mb, max_memory_size_mb, min_allocated_mem, vmt_guid, cluster_id,
	cpu_profile_id, bios_type, num_of_monitors, quota_id, entity_type)
SELECT '$vm{vm_id}', '$name', 1024, 4096, 1024, '$zero', c.cluster_id, p.id, c.bios_type, 1, $quota, 'VM'
FROM vmclone.cluster c JOIN vmclone.cpu_profiles p USING (cluster_id) ORDER BY c.name, p.name LIMIT 1;
INSERT INTO vmclone.vm_dynamic (vm_guid, status) VALUES ('$vm{vm_id}', 0);
INSERT INTO vmclone.vm_statistics (vm_guid) VALUES ('$vm{vm_id}');
SQL
	foreach my $n (1 .. $count)
	{
		my $active = $n == $count;
		push @sql, sprintf(
			"INSERT INTO vmclone.snapshots (snapshot_id, vm_id, snapshot_type, status, description, creation_date)"
			  . " VALUES ('%s', '%s', '%s', 'OK', '%s', now() - interval '%d day');",
			$vm{snapshots}[ $n - 1 ], $vm{vm_id}, $active ? 'ACTIVE' : 'REGULAR',
			$active ? 'Active VM' : "snapshot $n", $count - $n);
	}
	my $number = 0;
	foreach my $wanted (@{ $options{disks} || [ {} ] })
	{
		my %disk = (
			disk_id => $uuid->(),
			images => [ map { $uuid->() } 1 .. $count ],
			format => $wanted->{format} || 'qcow2');
		my $boot = $number == 0 ? 'true' : 'false';
		my $parent = $zero;

		$number++;
		$disk{path} = "$path/images/$disk{disk_id}";
		$disk{size} = $node->make_chain($disk{path}, $disk{images}, %$wanted);
		push @sql, <<"SQL";
INSERT INTO vmclone.base_disks (disk_id, disk_alias, disk_storage_type)
VALUES ('$disk{disk_id}', '${name}_Disk$number', 0);
INSERT INTO vmclone.disk_vm_element (disk_id, vm_id, is_boot, disk_interface)
VALUES ('$disk{disk_id}', '$vm{vm_id}', $boot, 'VirtIO_SCSI');
INSERT INTO vmclone.vm_device (device_id, vm_id, type, device, address, is_managed, is_plugged, is_readonly, spec_params, alias)
VALUES ('$disk{disk_id}', '$vm{vm_id}', 'disk', 'disk', '', true, true, false, '{}', '');
SQL
		foreach my $n (1 .. $count)
		{
			my $image = $disk{images}[ $n - 1 ];
			my $format = $VOLUME_FORMAT{ $n == 1 ? $disk{format} : 'qcow2' };
			my $actual = -s "$disk{path}/$image";
			my $active = $n == $count ? 'true' : 'false';
			my $type = VOLUME_TYPE_SPARSE;

			push @sql, <<"SQL";
INSERT INTO vmclone.images (image_guid, creation_date, size, it_guid, parentid, imagestatus, lastmodified,
	vm_snapshot_id, volume_type, volume_format, image_group_id, active)
VALUES ('$image', now(), $disk{size}, '$zero', '$parent', 1, now(), '$vm{snapshots}[$n - 1]', $type, $format,
	'$disk{disk_id}', $active);
INSERT INTO vmclone.disk_image_dynamic (image_id, actual_size) VALUES ('$image', $actual);
INSERT INTO vmclone.image_storage_domain_map (image_id, storage_domain_id, quota_id, disk_profile_id)
SELECT '$image', '$domain', $quota, (SELECT id FROM vmclone.disk_profiles WHERE storage_domain_id = '$domain' ORDER BY name LIMIT 1);
SQL
			$parent = $image;
		}
		push @{ $vm{disks} }, \%disk;
	}
	$node->safe_psql('postgres', "BEGIN;\n" . join("\n", @sql) . "\nCOMMIT;");
	return \%vm;
}

=head1 CLONING

=head2 $node->clone($snapshot_id, name => value…)

Calls add_vm_from_snapshot with named arguments (array and hash references become JSON) and returns its first row.

=cut

sub clone
{
	my ($node, $snapshot_id, %arguments) = @_;
	my $list = join(', ', 'snapshot_id => ' . literal($snapshot_id),
		map { "$_ => " . literal($arguments{$_}) } sort keys %arguments);

	return $node->row("SELECT * FROM vmclone.add_vm_from_snapshot($list)");
}

=head2 $node->wait_for_status($job_id, $status…), $node->wait_for_job($job_id)

Waits, for PostgreSQL::Test::Utils::timeout_default seconds at most, until the job has one of the statuses
(wait_for_job: a last one).  Returns the status it has then.

=cut

sub wait_for_status
{
	my ($node, $job_id, @wanted) = @_;
	my $list = join(', ', map { literal($_) } @wanted);

	$node->poll_query_until('postgres',
		'SELECT status::text IN (' . $list . ') FROM vmclone.jobs WHERE job_id = ' . literal($job_id))
	  or diag("job $job_id has not become @wanted: "
		  . $node->value('SELECT to_jsonb(j) FROM vmclone.jobs j WHERE job_id = ' . literal($job_id)));
	return $node->value('SELECT status FROM vmclone.jobs WHERE job_id = ' . literal($job_id));
}

sub wait_for_job
{
	my ($node, $job_id) = @_;
	return $node->wait_for_status($job_id, qw(succeeded failed cancelled));
}

=head2 $node->disk_files($vm_id)

The files of a clone's disks: { disk_id, disk_alias, image_id, path, format }, in order of alias.

=cut

sub disk_files
{
	my ($node, $vm_id) = @_;
	my $vm = literal($vm_id);

	return $node->rows(<<"SQL");
SELECT e.disk_id, b.disk_alias, i.image_guid AS image_id,
	s.mount_path || '/images/' || e.disk_id || '/' || i.image_guid AS path,
	CASE i.volume_format WHEN 5 THEN 'raw' ELSE 'qcow2' END AS format
FROM vmclone.disk_vm_element e
JOIN vmclone.base_disks b USING (disk_id)
JOIN vmclone.images i ON i.image_group_id = e.disk_id
JOIN vmclone.image_storage_domain_map m ON m.image_id = i.image_guid
JOIN vmclone.storage_mounts s USING (storage_domain_id)
WHERE e.vm_id = $vm ORDER BY b.disk_alias, e.disk_id
SQL
}

=head2 $node->images_equal($vm_id, $vm, $snapshot_number, $test_name)

Tests that the clone's disks, in order, equal the chains of $vm (what make_vm returned) up to its snapshot of that
number (0 is the first), as qemu-img reads both.

=cut

sub images_equal
{
	my ($node, $vm_id, $vm, $number, $test_name) = @_;
	my @clones = $node->disk_files($vm_id);
	my @differ;

	$test_name ||= "disks equal snapshot $number";
	foreach my $disk (@{ $vm->{disks} })
	{
		my $clone = shift @clones or push(@differ, "no clone of $disk->{disk_id}"), last;
		my $source_format = $number == 0 ? $disk->{format} : 'qcow2';
		my ($out, $err);

		IPC::Run::run(
			[
				'qemu-img', 'compare', '-f', $source_format, '-F', $clone->{format},
				"$disk->{path}/$disk->{images}[$number]", $clone->{path} ],
			'<', \undef, '>', \$out, '2>', \$err)
		  or push @differ, "$clone->{disk_alias}: $out$err";
	}
	push @differ, 'more disks than the source' if @clones;
	return is(join("\n", @differ), '', $test_name);
}

=head2 $node->leftovers

Names of all files below the storage root that no row knows: what a failed or cancelled job must not leave.

=cut

sub leftovers
{
	my ($node) = @_;
	my %known = map { $_->{id} => 1 } $node->rows('SELECT image_guid AS id FROM vmclone.images');
	my $root = $node->storage_root;

	return sort grep {
		my ($image) = m{/images/[^/]+/([0-9a-f-]{36})};
		defined $image && (!$known{$image} || /\.(?:part|resume)/)
	} split(/\n/, `find $root -path '*/images/*' -type f`);
}

1;
