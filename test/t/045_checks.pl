# Asking beforehand, with real images: on a standby, and with exact measurements by the worker.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $primary = VmcloneCluster->start_new('primary', init => [ allows_streaming => 1 ]);
my $vm = $primary->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 40 }, { writes => 60 } ]);
my $snapshot = $vm->{snapshots}[1];
my $choice = <<"SQL";
(SELECT jsonb_agg(jsonb_build_object('disk_id', disk_id, 'volume_format', 'COW')) FROM vmclone.snapshot_disks('$snapshot'))
SQL
my $can = "SELECT step, message_key, severity, message FROM vmclone.can_add_vm_from_snapshot('$snapshot', vm_name => 'two words', vm_static => '{\"priority\": 101}')";
my $plan = "SELECT * FROM vmclone.plan_add_vm_from_snapshot('$snapshot', disks => $choice) ORDER BY disk_alias";
my ($code, $out, $err);

$primary->backup('base');
my $standby = VmcloneCluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is($standby->value("SELECT count(*) FROM vmclone.can_add_vm_from_snapshot('$snapshot')"), '0', 'on a standby: it can be done');
is($standby->value($can), $primary->value($can), 'the same refusals as on the primary');
like($standby->value($can), qr/^710\|.*\n3900\|/, 'which are those of name and priority');
is($standby->value($plan), $primary->value($plan), 'the same plan');
($code, $out, $err) = $standby->psql('postgres', "SELECT vmclone.measure_snapshot('$snapshot')");
like($err, qr/ERROR:  cannot measure a snapshot on a standby/, 'measuring is for the primary');
($code, $out, $err) = $standby->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$snapshot', 'clone')");
like($err, qr/ERROR:  cannot clone on a standby/, 'cloning too');

# what the rows say, then what the images say
is($primary->value("SELECT DISTINCT bytes_source FROM ($plan) p"), 'rows', 'estimates from the rows');
is($primary->value("SELECT count(*) FROM vmclone.measure_snapshot('$snapshot')"), '4', 'two disks, two formats to measure');
ok($primary->poll_query_until('postgres', "SELECT bool_and(status = 'done') FROM vmclone.measurements"), 'the worker measures')
  or diag($primary->value('SELECT volume_format, status, error FROM vmclone.measurements'));
is($primary->value("SELECT DISTINCT bytes_source FROM ($plan) p"), 'measured', 'the plan uses it');

my $job = $primary->clone($snapshot, vm_name => 'clone', disks => $primary->value("SELECT $choice"));
is($primary->wait_for_job($job->{job_id}), 'succeeded', 'cloned as COW');
is($primary->value(<<"SQL"), 't', 'the measured bytes are those that the copies took, and that were reserved for them');
SELECT bool_and(m.required = t.bytes_reserved AND m.bytes_to_read = t.bytes_total AND t.bytes_done = t.bytes_total) AND count(*) = 2
FROM vmclone.async_tasks t JOIN vmclone.measurements m ON m.image_id = t.source_image_id AND m.volume_format = t.volume_format
WHERE t.job_id = '$job->{job_id}'
SQL
foreach my $disk ($primary->rows("SELECT image_id, disk_id, storage_domain_id, bytes_reserved FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"))
{
	my $path = $primary->value("SELECT real_path FROM vmclone.storage_mounts WHERE storage_domain_id = '$disk->{storage_domain_id}'")
	  . "/images/$disk->{disk_id}/$disk->{image_id}";

	is(-s $path, $disk->{bytes_reserved}, 'the file has the length that was measured');
}
cmp_ok($primary->value("SELECT min(seconds_expected) FROM ($plan) p"), '>', 0, 'and now the plan knows a rate');
$standby->stop;
$primary->stop;
done_testing();
