# A virtual machine of libvirt's own: it runs under emulation while virsh makes snapshots of it, is imported, and the clone of a
# snapshot is defined and boots.  The guest counts in its disk's second sector and says each number on its serial port.
use strict;
use warnings;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use VmcloneCluster;

plan skip_all => 'imports go into vmclone\'s own inventory' if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';
plan skip_all => 'libvirt or an emulator is not installed' if grep { system("command -v $_ >/dev/null") != 0 } qw(virsh libvirtd qemu-system-x86_64 as ld);

my $node = VmcloneCluster->start_new('libvirt', fixture => 0, conf => "vmclone.retry_delay = '100ms'\n");
my $folder = $node->storage_root . '/vms';
my $home = PostgreSQL::Test::Utils::tempdir_short();
my $guest = <<'ASM';
.code16
.globl _start
_start:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	mov %dl, drive
again:
	mov $0x0201, %ax
	call sector
	incw 0x8000
	mov $0x0301, %ax
	call sector
	mov $'#', %al
	call put
	mov 0x8000, %bx
	mov $4, %cx
digit:
	rol $4, %bx
	mov %bl, %al
	and $15, %al
	add $'A', %al
	call put
	loop digit
	mov $10, %al
	call put
	mov $0x86, %ah
	mov $3, %cx
	xor %dx, %dx
	int $0x15
	jmp again
sector:
	mov $2, %cx
	xor %dh, %dh
	mov drive, %dl
	mov $0x8000, %bx
	int $0x13
	ret
put:
	push %dx
	push %ax
	mov $0x3fd, %dx
busy:
	in %dx, %al
	test $0x20, %al
	jz busy
	pop %ax
	mov $0x3f8, %dx
	out %al, %dx
	pop %dx
	ret
drive:
	.byte 0
	.org 510
	.word 0xaa55
ASM

# libvirt's session of this user alone, at the END too
$ENV{HOME} = $home;
$ENV{"XDG_$_"} = "$home/" . lc $_ foreach qw(CONFIG_HOME CACHE_HOME DATA_HOME);
$ENV{XDG_RUNTIME_DIR} = "$home/run";
mkdir "$home/run", 0700 or die "mkdir: $!";

sub run_or_die
{
	my $out = `@_ 2>&1`;

	die "@_ failed: $out" if $? != 0;
	return $out;
}

sub virsh { return run_or_die('virsh', '-q', '-c', 'qemu:///session', @_) }

sub write_file
{
	my ($name, $text) = @_;

	open my $file, '>', $name or die "$name: $!";
	print $file $text;
	close $file;
	return;
}

# The numbers that a guest has said, once there are some behind the given one
sub wait_for_numbers
{
	my ($log, $more) = @_;
	my @numbers;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		@numbers = -e $log ? map { hex(tr/A-P/0-9A-F/r) } slurp_file($log) =~ /#([A-P]{4})\n/g : ();
		return @numbers if @numbers > $more;
		select undef, undef, undef, 0.1;
	}
	die "the guest says nothing: $log";
}

# What the second sector of an image says
sub counter
{
	my ($image, $format) = @_;

	run_or_die("qemu-img convert -U -f $format -O raw '$image' '$home/flat'");
	return unpack 'v', substr slurp_file("$home/flat"), 512, 2;
}

sub import_vm
{
	my ($xml, @snapshots) = @_;
	my $list = join ', ', map { VmcloneCluster::literal($_) . '::xml' } @snapshots;
	my ($code, $out, $err) = $node->psql('postgres',
		'CALL vmclone.import_libvirt(' . VmcloneCluster::literal($xml) . ", '$folder', ARRAY[$list]::xml[])");

	diag $err if $code != 0;
	return $err;
}

make_path($folder);
write_file("$home/guest.s", $guest);
run_or_die("cd $home && as --32 -o guest.o guest.s && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o guest.bin guest.o && truncate -s 1M guest.bin");
run_or_die("qemu-img convert -f raw -O qcow2 $home/guest.bin $folder/sys.qcow2");
run_or_die("qemu-img create -q -f qcow2 $folder/data.qcow2 8M");
write_file("$home/web01.xml", <<"XML");
<domain type='qemu'>
  <name>web01</name>
  <description>counts &amp; tells</description>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$folder/sys.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$folder/data.qcow2'/><target dev='vdb' bus='virtio'/></disk>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
    <serial type='file'><source path='$home/web01.log'/></serial>
    <controller type='usb' model='none'/><memballoon model='none'/>
  </devices>
</domain>
XML
END { local $?; virsh('destroy', $_) foreach grep { /\S/ } eval { split /\n/, virsh('list', '--name') } }

virsh('define', "$home/web01.xml");
virsh('start', 'web01');
wait_for_numbers("$home/web01.log", 3);
virsh('snapshot-create-as', 'web01', 'installed', '--disk-only', '--atomic');
wait_for_numbers("$home/web01.log", scalar wait_for_numbers("$home/web01.log", 0));
# it gets more memory, a processor and a NIC between the snapshots
virsh('destroy', 'web01');
my $more = virsh('dumpxml', '--inactive', 'web01');
$more =~ s{<memory unit='KiB'>32768</memory>}{<memory unit='KiB'>49152</memory>} && $more =~ s{(<currentMemory unit='KiB'>)32768}{${1}49152}
  && $more =~ s{<vcpu[^>]*>1</vcpu>}{<vcpu>2</vcpu>}
  && $more =~ s{(?=<serial )}{<interface type='user'><mac address='52:54:00:12:34:57'/><model type='e1000'/></interface>} or die "unknown XML: $more";
$more =~ s/web01\.log/web01-more.log/g;
write_file("$home/more.xml", $more);
virsh('define', "$home/more.xml");
virsh('start', 'web01');
wait_for_numbers("$home/web01-more.log", 3);
virsh('snapshot-create-as', 'web01', 'upgraded', '--description', "'before the outage'", '--disk-only', '--atomic');
wait_for_numbers("$home/web01-more.log", scalar wait_for_numbers("$home/web01-more.log", 0));
my @snapshots = map { virsh('snapshot-dumpxml', 'web01', $_) } qw(installed upgraded);
my $before = join ' ', map { my @s = stat; "$_ $s[1] $s[7] $s[9]" } sort grep { !/upgraded$/ } glob "$folder/*";

like(import_vm(virsh('dumpxml', 'web01'), @snapshots), qr/"web01" \([-0-9a-f]+\) is imported: disks 2, snapshots 2/, 'a running domain is imported');
is(join(', ', map { $_->{description} } $node->rows("SELECT description FROM vmclone.snapshots WHERE snapshot_type = 'REGULAR' ORDER BY creation_date")),
	'installed, before the outage', 'with its snapshots in their order');
my $vm = $node->row("SELECT vm_guid, vm_name, description, mem_size_mb FROM vmclone.vm_static WHERE vm_name = 'web01'");
is($vm->{vm_guid}, virsh('domuuid', 'web01') =~ s/\s//gr, 'under its uuid');
is("$vm->{description} $vm->{mem_size_mb}", 'counts & tells 48', 'with what the XML says of it');
is($node->value("SELECT string_agg(mac_addr, ' ' ORDER BY mac_addr) FROM vmclone.vm_interface"), '52:54:00:12:34:56 52:54:00:12:34:57', 'and its NICs');

my $second = $node->value("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'before the outage'");
my $job = $node->clone($second, vm_name => 'web02');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'the second snapshot is cloned while the source runs') or diag $node->value('SELECT reason FROM vmclone.jobs');
my $frozen = counter("$folder/sys.installed", 'qcow2');
is(counter("$folder/web02-vda.qcow2", 'qcow2'), $frozen, 'the clone has the number of that moment');
ok(-f "$folder/web02-vdb.qcow2", 'and the other disk');
is(join(' ', map { my @s = stat; "$_ $s[1] $s[7] $s[9]" } sort grep { !/upgraded$|web02/ } glob "$folder/*"), $before, 'the images below are what they were');

my $xml = $node->value("SELECT vmclone.libvirt_xml('$job->{vm_id}')::text");
like($xml, qr{<name>web02</name>}, 'XML has its name');
like($xml, qr{<uuid>$job->{vm_id}</uuid>}, 'its uuid');
like($xml, qr{<source file="[^"]*/web02-vda\.qcow2"/>}, 'its files');
my $mac = $node->value("SELECT mac_addr FROM vmclone.vm_interface WHERE vm_guid = '$job->{vm_id}' AND name = 'nic1'");
like($xml, qr{<mac address="$mac"/>}, "its NIC's address");
unlike($xml, qr{52:54:00:12:34:5[67]}, 'which is another one');
unlike($xml, qr{backingStore|<alias|sys\.upgraded|<domain[^>]* id=}, 'and nothing of the run');
$xml =~ s/web01-more\.log/web02.log/g;
write_file("$home/web02.xml", $xml);
virsh('define', "$home/web02.xml");
virsh('start', 'web02');
my @numbers = wait_for_numbers("$home/web02.log", 2);
is($numbers[0], $frozen + 1, 'the clone is defined and boots, and goes on counting where the snapshot was');
virsh('destroy', 'web02');

# a clone without the first NIC has the second one as it is
my $left_out = $node->value("SELECT id FROM vmclone.vm_interface WHERE vm_guid = '$vm->{vm_guid}' AND name = 'nic1'");
my $one_nic = $node->row("SELECT * FROM vmclone.add_vm_from_snapshot('$second', 'one_nic', lock_mode => 'shared', interfaces => jsonb_build_array(jsonb_build_object('interface_id', '$left_out', 'include', false)))");
is($node->wait_for_job($one_nic->{job_id}), 'succeeded', 'a clone without the first NIC');
my $nics = sub { join ' ', $node->value("SELECT vmclone.libvirt_xml('$one_nic->{vm_id}')::text") =~ m{<interface .*?<mac address=["']([^"']*).*?<model type=["'](\w+)}gs };
$mac = $node->value("SELECT mac_addr FROM vmclone.vm_interface WHERE vm_guid = '$one_nic->{vm_id}'");
is($nics->(), "$mac e1000", 'its XML has the second one, with its address');
$node->safe_psql('postgres', "UPDATE vmclone.vm_interface SET name = 'uplink' WHERE vm_guid = '$job->{vm_id}' AND name = 'nic2'");
is(scalar(() = $node->value("SELECT vmclone.libvirt_xml('$job->{vm_id}')::text") =~ /<interface /g), 2, 'a NIC that has another name since is still there');
$node->safe_psql('postgres', "UPDATE vmclone.vm_interface SET name = 'nic2' WHERE vm_guid = '$job->{vm_id}' AND name = 'uplink'");

# the first snapshot is of the virtual machine as it was then
my $first = $node->value("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'installed'");
sub shape
{
	my ($id) = @_;

	return $node->value("SELECT concat_ws(' ', mem_size_mb, num_of_sockets * cpu_per_socket * threads_per_cpu, (SELECT string_agg(name || '=' || type, ' ' ORDER BY name)
		FROM vmclone.vm_interface n WHERE n.vm_guid = v.vm_guid)) FROM vmclone.vm_static v WHERE v.vm_guid = '$id'");
}
is(shape($vm->{vm_guid}), '48 2 nic1=3 nic2=2', 'the virtual machine now');
is($node->value("SELECT c ->> 'source' || (c -> 'warnings')::text || (c ->> 'missing_disks') FROM vmclone.get_vm_configuration_by_snapshot_id('$first') c"), 'ovf[][]',
	'the first snapshot has a configuration of its own');
is($node->value("SELECT string_agg(d ->> 'disk_alias' || ' ' || (d ->> 'is_boot') || ' ' || (d ->> 'disk_interface'), ', ')
	FROM vmclone.get_vm_configuration_by_snapshot_id('$first') c, jsonb_array_elements(c -> 'disks') d"), 'vda true VirtIO, vdb false VirtIO', 'with its disks');
my $early = $node->clone($first, vm_name => 'early');
is($node->wait_for_job($early->{job_id}), 'succeeded', 'it is cloned') or diag $node->value("SELECT reason FROM vmclone.jobs WHERE vm_name = 'early'");
is(shape($early->{vm_id}), '32 1 nic1=3', 'with memory, processors and NICs of then');
is(shape($job->{vm_id}), '48 2 nic1=3 nic2=2', "the second snapshot's clone has those of later");
$xml = $node->value("SELECT vmclone.libvirt_xml('$early->{vm_id}')::text");
like($xml, qr{<memory unit='KiB'>32768<|<memory unit="KiB">32768<}, 'so has the XML to define');
is(scalar(() = $xml =~ /<interface /g), 1, 'with one NIC');
$xml =~ s/web01\.log/early.log/g;
write_file("$home/early.xml", $xml);
virsh('define', "$home/early.xml");
virsh('start', 'early');
@numbers = wait_for_numbers("$home/early.log", 2);
is($numbers[0], counter("$folder/sys.qcow2", 'qcow2') + 1, 'it boots, and goes on counting where the first snapshot was');
virsh('destroy', 'early');

# again, after a third snapshot, without the XML of the snapshots
virsh('snapshot-create-as', 'web01', 'third', '--disk-only', '--atomic');
import_vm(virsh('dumpxml', 'web01'));
is($node->value("SELECT string_agg(description, ', ' ORDER BY creation_date) FROM vmclone.snapshots WHERE snapshot_type = 'REGULAR'
	AND vm_id = '$vm->{vm_guid}'"), 'installed, before the outage, third', 'a new snapshot comes along, named as its files are');
is($node->value("SELECT count(*) FROM vmclone.snapshots WHERE snapshot_id = '$second'"), 1, 'the earlier one has its id');
is($node->value("SELECT string_agg(description || ' ' || (vm_configuration IS NOT NULL), ', ' ORDER BY creation_date) FROM vmclone.snapshots
	WHERE snapshot_type = 'REGULAR' AND vm_id = '$vm->{vm_guid}'"), 'installed true, before the outage true, third false', 'and what it was is kept');

# at a terminal, which asks virsh
my ($bindir) = map { chomp; $_ } `$ENV{PG_CONFIG} --bindir`;
my $program = "$ENV{VMCLONE_INSTALLED}$bindir/vmclone";
local @ENV{qw(PGHOST PGPORT PGDATABASE LIBVIRT_DEFAULT_URI)} = ($node->host, $node->port, 'postgres', 'qemu:///session');
sub terminal
{
	my ($input, @arguments) = @_;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run([ $program, @arguments ], '<', \$input, '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}
my ($status, $told, $complaint) = terminal('', '--json', 'import', 'web01', $folder);
is($status, 0, 'vmclone import NAME DIRECTORY') or diag $complaint;
like($complaint, qr/^NOTICE: .*"web01".* is imported: disks 2, snapshots 3$/m, 'says what it has done');
is(join(' ', map { "$_->{name}\@$_->{snapshot}" } @{ JSON::PP::decode_json($told) }), "web01\@installed web01\@before the outage web01\@third", 'and which snapshots there are') or diag $told;
is($node->value("SELECT count(*) FROM vmclone.snapshots WHERE vm_configuration IS NOT NULL AND vm_id = '$vm->{vm_guid}'"), 3, "virsh's XML of all of them is taken");
write_file("$home/domain.xml", virsh('dumpxml', 'web01'));
write_file("$home/first.xml", $snapshots[0]);
write_file("$home/rest.xml", "$snapshots[1]\n" . virsh('snapshot-dumpxml', 'web01', 'third'));
($status, $told, $complaint) = terminal('', 'import', "$home/domain.xml", $folder, "$home/first.xml", "$home/rest.xml", '--name', 'my web');
is($status, 0, 'the same of files, under another name') or diag $complaint;
like($told, qr/my web .*installed.*\n.*my web .*before the outage.*\n.*my web .*third/, 'as a table');
($status, $told, $complaint) = terminal(virsh('dumpxml', 'web01'), 'import', '-', $folder);
is("$status " . ($complaint =~ /"web01".*snapshots 3/ ? 'web01' : $complaint), '0 web01', 'of standard input, under its own name again');
($status, $told, $complaint) = terminal('', 'xml', 'early');
is($told, $node->value("SELECT vmclone.libvirt_xml('$early->{vm_id}')::text") . "\n", 'vmclone xml');
($status, $told, $complaint) = terminal('', 'import', 'nobody', $folder);
is($status, 1, 'what virsh does not know is refused');
like($complaint, qr/nobody/, "in virsh's words");
($status, $told, $complaint) = terminal('', 'import', "$home/none.xml", $folder);
is($status, 1, 'so is a file that is not there');
($status, $told, $complaint) = terminal('<domain/>', 'import', '-', $folder);
is($status, 1, 'so is what is no domain');
like($complaint, qr/^ERROR: .*is not the XML of a libvirt domain.*HINT/ms, "in the server's words");
($status, $told, $complaint) = terminal('', 'import', 'web01');
is($status, 2, 'a directory is needed');

# a snapshot of some disks: its XML says that there was another one
virsh('snapshot-create-as', 'web01', 'partial', '--disk-only', '--diskspec', 'vdb,snapshot=no');
virsh('destroy', 'web01');
($status, $told, $complaint) = terminal('', 'import', 'web01', $folder);
is($status, 0, 'a snapshot of one disk') or diag $complaint;
my $partial = $node->value("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'partial'");
is($node->value("SELECT string_agg(d ->> 'disk_alias', ' ') FROM vmclone.get_vm_configuration_by_snapshot_id('$partial') c, jsonb_array_elements(c -> 'missing_disks') d"),
	'vdb', 'says which disk is missing') or diag $node->value("SELECT jsonb_pretty(c) FROM vmclone.get_vm_configuration_by_snapshot_id('$partial') c");
($status, $told, $complaint) = terminal('', 'clone', 'web01@partial', 'half');
is($status, 0, 'it is cloned') or diag $complaint;
like($complaint, qr/^WARNING: .*vdb/m, 'with a warning');
is($node->value("SELECT string_agg(disk_alias, ' ') FROM vmclone.disks WHERE vm_name = 'half'"), 'vda_half', 'and without the disk');
($status, $told, $complaint) = terminal('', 'xml', 'half');
is(scalar(() = $told =~ /<disk /g), 1, 'so has the XML one disk');

# a clone that libvirt has is a virtual machine that can be imported, and it is the one that we know
import_vm(virsh('dumpxml', 'web02'));
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'web02'"), 1, 'a clone imported is the clone');
is($node->value("SELECT count(*) FROM vmclone.disk_vm_element WHERE vm_id = '$job->{vm_id}'"), 2, 'with its disks');

# what is refused or told
like(import_vm('<domain><name>x</name></domain>'), qr/is not the XML of a libvirt domain/, 'XML without memory');
like(import_vm('<domainx/>'), qr/is not the XML of a libvirt domain/, 'another element');
like(import_vm('<domain><name>x</name><memory>1024</memory></domain>'), qr/has no disk that is a file/, 'no disk');
like(import_vm("<domain><name>x</name><memory>1024</memory><devices><disk type='network'><target dev='vda'/></disk></devices></domain>"),
	qr/WARNING:  disk "vda" of virtual machine "x" is left out: it is of type "network"/, 'a disk that is no file is told');
like(import_vm("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain><name>x</name><memory>1024</memory></domain>"), qr/no document type/, 'entities');
like(import_vm("<domain><name>web01</name><memory>1024</memory><devices><disk type='file'><driver type='qcow2'/><source file='$folder/data.qcow2'/>"
	. "<target dev='vda'/></disk></devices></domain>"), qr/name "web01" is in use/, 'a name that another one has');
my ($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.libvirt_xml('00000000-0000-0000-0000-000000000001')");
like($err, qr/does not exist/, 'XML of nothing');
$node->safe_psql('postgres', "CALL vmclone.import_disks('plain', '$folder', 'data.qcow2')");
($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.libvirt_xml(vm_guid) FROM vmclone.vm_static WHERE vm_name = 'plain'");
like($err, qr/no XML is known/, 'XML of what was imported without');
$node->stop;
done_testing();
