# A block domain, killed at random instants: copiers, provisioning programs and LVM under them, workers and the server, while clones from
# files and from logical volumes are made, copied, committed, cancelled and removed.  At no time is there a logical volume that neither a row
# nor the list of orphans names; in the end every clone is exact, rows and volumes agree, and nothing is left of the others.
#
#   VMCLONE_TEST_SEED, VMCLONE_TEST_KILLS   which kills, and how many: 9 unless told otherwise
use strict;
use warnings;
use BlockDomain;
use BlockKills;
use Guest;
use Test::More;
use Time::HiRes qw(sleep);
use VmcloneCluster;

my $kills = $ENV{VMCLONE_TEST_KILLS} || 9;

seed();
my $node = block_server('kills', conf => "vmclone.max_parallel_copies = 4\nvmclone.max_attempts = 1000\n");
my $domain = attach_block($node);
my $file = $node->make_vm(name => 'file', snapshots => 2, disks => [ { format => 'raw', size => '8M' }, { size => '9M' } ]);
my $block = $node->make_vm(name => 'block', snapshots => 3, disks => [ { format => 'raw', size => '8M' }, { size => '9M' } ]);
my $live = "status NOT IN ('succeeded', 'failed', 'cancelled')";
my %jobs;    # by id: { name, vm, vm_id, number }
my %over;    # jobs seen over, by id: their status

to_block($node, map { my $disk = $_; map { "$disk->{path}/$_" } @{ $disk->{images} } } @{ $block->{disks} });
$node->safe_psql('postgres', "UPDATE vmclone.base_disks SET wipe_after_delete = true WHERE disk_id = '$block->{disks}[0]{disk_id}'");

sub begin
{
	my ($vm, $number, $kind, @formats) = @_;
	my $name = "$vm->{name}-$kind" . keys %jobs;
	my $job = $node->clone($vm->{snapshots}[$number], vm_name => $name, lock_mode => 'shared', bandwidth_limit => 200_000 + int rand 3_000_000,
		disks => to_domain($vm, $domain, @formats));

	$jobs{ $job->{job_id} } = { name => $name, vm => $vm, vm_id => $job->{vm_id}, number => $number };
	return;
}

# Jobs that are over stay what they were.  How many are not over.
sub count_live
{
	my $count = 0;

	foreach my $row ($node->rows('SELECT job_id, status FROM vmclone.jobs'))
	{
		my ($id, $status) = @$row{qw(job_id status)};

		if ($status !~ /^(?:succeeded|failed|cancelled)$/) { $count++ }
		else { $over{$id} //= $status }
		is($status, $over{$id}, "$jobs{$id}{name} is still $over{$id}") if defined $over{$id} && $status ne $over{$id};
	}
	return $count;
}

# each way comes in turn, so that few kills have many
my @turns = qw(worker LVM server program copier LVM helper program);

foreach my $number (1 .. $kills)
{
	if (count_live() < 3)
	{
		my @formats = rand() < 0.5 ? qw(RAW COW) : qw(COW RAW);

		begin($file, 0, rand() < 0.6 ? 'clone' : 'doomed', @formats);
		begin($block, 1, rand() < 0.6 ? 'clone' : 'doomed', @formats);
	}
	sleep rand 6;
	$node->for_jobs('cancel_job(job)', "$live AND vm_name LIKE '%doomed%'") if rand() < 0.4;
	kill_and_look($node, $number, $turns[ ($number - 1) % @turns ]);
}
$node->for_jobs('cancel_job(job)', "$live AND vm_name LIKE '%doomed%'");
$node->for_jobs('alter_job(job, bandwidth_limit => 0)', $live);
wait_until($node, "SELECT count(*) = 0 FROM vmclone.jobs WHERE $live");
count_live();

foreach my $id (sort { $jobs{$a}{name} cmp $jobs{$b}{name} } keys %jobs)
{
	like("$over{$id} $jobs{$id}{name}", qr/^succeeded|^cancelled .*doomed/, "$jobs{$id}{name} is over as it should be")
	  or diag $node->value("SELECT string_agg(concat_ws(' ', phase, status, error), chr(10)) FROM vmclone.async_tasks WHERE job_id = '$id'");
}
clones_equal($node, map { [ @$_{qw(vm_id vm number name)} ] } @jobs{ grep { $over{$_} eq 'succeeded' } sort keys %jobs });
is(join(' ', unnamed($node)), '', 'in the end every volume is named');
foreach my $repair (qw(false true))
{
	my @problems = $node->rows("SELECT problem, image_id, detail FROM vmclone.check_storage_domain('$domain', $repair)");
	is(join("\n", map { "$_->{problem} $_->{image_id} $_->{detail}" } @problems), '', "rows and volumes agree, repair => $repair");
}
nothing_left($node, 'no volume is active, unfinished or unknown');
is($node->value('SELECT (SELECT count(*) FROM vmclone.image_locks) + (SELECT count(*) FROM vmclone.lock_state) + (SELECT count(*) FROM vmclone.orphan_files)'), 0, 'nothing is locked or given up');
is(join(', ', values %{ processes(copier() . " |vmclone-provision-lvm ") }), '', 'no process is left');
as_root('lvremove', '-q', '-f', map { "iscsi/$_" } volumes());
$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$domain')");
done_testing();
