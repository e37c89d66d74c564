# check_storage_domain(id, repair): files and rows are compared both ways, and only what vmclone has left is removed.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('contents', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 40 }, { writes => 40 } ]);
my ($domain, $path) = ($vm->{domain}, $vm->{path});

# "problem repaired" of what differs, but for the source's images, which have neither metadata nor leases
sub problems
{
	my ($repair) = @_;
	my $asked = $repair ? 'true' : 'false';

	return join ', ', map { $_->{problem} . ($_->{repaired} ? ' repaired' : '') }
	  $node->rows("SELECT problem, repaired FROM vmclone.check_storage_domain('$domain', $asked) WHERE problem <> 'incomplete volume'");
}

is($node->value("SELECT count(*) FROM vmclone.check_storage_domain('$domain', false) WHERE detail = 'missing: metadata, lease'"),
	6, "images without metadata and lease are told: the source's");
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'good');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone');
is(problems(0), '', 'nothing differs after it');
my ($raw) = grep { $_->{format} eq 'raw' } $node->disk_files($job->{vm_id});
my ($folder) = $raw->{path} =~ m{^(.*)/};

# of others
my $other = 'aaaaaaaa-1111-4222-8333-444444444444';
make_path("$path/images/$other");
open my $file, '>', "$path/images/$other/$other" or die "open: $!";
close $file;
is(problems(1), 'orphan volume', "somebody's volume without a row is told, and left alone");
ok(-e "$path/images/$other/$other", 'it is there');
my $row = $node->row("SELECT * FROM vmclone.check_storage_domain('$domain', false) WHERE problem = 'orphan volume'");
is("$row->{disk_id} $row->{image_id} $row->{path}", "$other $other $path/images/$other/$other", 'with its place');
remove_tree("$path/images/$other");

# missing, illegal, too short
rename $raw->{path}, "$raw->{path}.away" or die "rename: $!";
is(problems(1), 'left-over files, missing volume', 'a volume that is missing, and a file that nobody knows');
rename "$raw->{path}.away", $raw->{path} or die "rename: $!";
my $meta = PostgreSQL::Test::Utils::slurp_file("$raw->{path}.meta");
sub write_meta
{
	open my $out, '>', "$raw->{path}.meta" or die "open: $!";
	print $out @_;
	close $out;
	return;
}
write_meta($meta =~ s/LEGALITY=LEGAL/LEGALITY=ILLEGAL/r);
is(problems(1), 'illegal volume', 'metadata that say ILLEGAL');
write_meta($meta =~ s/CAP=\d+/CAP=4096/r);
is(problems(1), 'wrong size', 'metadata of another size');
write_meta($meta);
my $size = -s $raw->{path};
rename $raw->{path}, "$path/kept" or die "rename: $!";
open $file, '>', $raw->{path} or die "open: $!";
close $file;
is(problems(1), 'wrong size', 'a raw file of another size');
rename "$path/kept", $raw->{path} or die "rename: $!";
is(problems(0), '', 'mended');

# what an NFS client and a commit that was cut off have left beside a complete volume
link $raw->{path}, "$folder/.nfs000000000000000100000001" or die "link: $!";
open $file, '>', "$raw->{path}.part.resume" or die "open: $!";
close $file;
is(problems(0), 'left-over files, unlinked file', 'left-overs are told');
is(problems(1), 'left-over files repaired, unlinked file repaired', 'and removed');
is(problems(0), '', 'are gone');
ok(-s $raw->{path} == $size && !-e "$folder/.nfs000000000000000100000001", 'the volume is what it was');

# a cleaning that was given up
my $given_up = $node->clone($vm->{snapshots}[1], vm_name => 'hopeless', bandwidth_limit => 300_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$given_up->{job_id}'")
  or die 'nothing is copied';
is(problems(1), '', 'a job under way is no problem');
rename $path, "$path.away" or die "rename: $!";
my ($code, $out, $err) = $node->psql('postgres', "SELECT * FROM vmclone.check_storage_domain('$domain', false)");
like($err, qr/could not list storage domain.*HINT/s, 'a domain that is away');
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$given_up->{job_id}')");
$node->poll_query_until('postgres', "SELECT status = 'cleaning' AND cleaning_error IS NOT NULL FROM vmclone.jobs WHERE job_id = '$given_up->{job_id}'");
$node->safe_psql('postgres', "SELECT vmclone.abandon_cleaning('$given_up->{job_id}')");
is($node->wait_for_job($given_up->{job_id}), 'cancelled', 'given up');
rename "$path.away", $path or die "rename: $!";
like(problems(0), qr/^orphan file, (orphan file, )?orphan volume/, 'its files are told, by rows of orphan_files, too');
like(problems(1), qr/^(orphan file repaired, )+orphan volume repaired/, 'and removed');
is(problems(0), '', 'nothing is left');
is($node->value('SELECT count(*) FROM vmclone.orphan_files'), 0, 'nor in orphan_files');
is_deeply([ $node->leftovers ], [], 'nor in the domain');
$node->images_equal($job->{vm_id}, $vm, 1, 'the clone is whole');

# rights and domains
$node->safe_psql('postgres', 'CREATE ROLE somebody; GRANT USAGE ON SCHEMA vmclone TO somebody');
($code, $out, $err) = $node->psql('postgres', "SET ROLE somebody; SELECT * FROM vmclone.check_storage_domain('$domain', true)");
like($err, qr/permission denied/, 'not for everybody');
($code, $out, $err) = $node->psql('postgres', "SELECT * FROM vmclone.check_storage_domain('$other', true)");
like($err, qr/no storage domain is attached/, 'a domain that is not attached');
$node->stop;
done_testing();
