# copies.pl FOLDER ASK ANSWER: a server whose storage domain lies in the folder.  For each line of pipe ASK one call makes
# COPIES copies of a VM with two disks; pipe ANSWER gets the seconds from the call to the end of the last job.
use strict;
use warnings;
use IO::Handle;
use Test::More;
use VmcloneCluster;

my ($folder, $ask, $answer) = @ARGV;
my $copies = $ENV{COPIES};
my $node = VmcloneCluster->start_new('many', conf => "vmclone.max_parallel_copies = 4\n");
my $domain = $node->value("SELECT fixture.id('nfs2')");

$node->append_conf('postgresql.conf', "vmclone.storage_roots = '" . $node->storage_root . ":$folder'\n");
$node->reload;
mkdir $folder or die "mkdir $folder: $!";
$node->make_domain($domain, "$folder/domain");
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 0, warning_low_space_indicator = 0 WHERE id = '$domain'");
my $vm = $node->make_vm(name => 'web', domain => 'nfs2', snapshots => 3, disks => [ { format => 'raw', size => '64M', writes => 40 }, { size => '64M', writes => 40 } ]);

open my $questions, '<', $ask or die "$ask: $!";
open my $answers, '>', $answer or die "$answer: $!";
$answers->autoflush(1);
while (my $line = <$questions>)
{
	my ($round) = $line =~ /^(\d+)$/ or die "asked for $line";
	my $jobs = "FROM vmclone.jobs WHERE vm_name LIKE 'copy${round}\\_%'";

	$node->safe_psql('postgres', "SELECT * FROM vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'copy${round}_{n}', copies => $copies, lock_mode => 'shared')");
	$node->poll_query_until('postgres', "SELECT count(*) = $copies $jobs AND status IN ('succeeded', 'failed', 'cancelled')") or die 'the jobs do not end';
	die 'a job has failed' if $node->value("SELECT count(*) $jobs AND status = 'succeeded'") != $copies;
	print $answers $node->value("SELECT round(extract(epoch FROM max(ended_at) - min(created_at))::numeric, 3) $jobs"), "\n";
}
$node->stop('immediate');
pass('done');
done_testing();
