# Promotion, dump and restore with jobs under way: nothing is run or cleaned twice.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $primary = VmcloneCluster->start_new('primary', init => [ allows_streaming => 1 ]);
my $vm = $primary->make_vm(name => 'web01', snapshots => 3, disks => [ { writes => 60 } ]);
my $snapshot = $vm->{snapshots}[1];
my ($code, $out, $err);

$primary->backup('base');
my $standby = VmcloneCluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $job = $primary->clone($snapshot, vm_name => 'copy1', bandwidth_limit => 200_000);
$primary->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
  or die 'nothing is copied';
$primary->wait_for_catchup($standby);
is( $standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'vmclone'"),
	0, 'no worker and no launcher on a standby');
($code, $out, $err) = $standby->psql('postgres', 'SELECT vmclone.start_worker()');
like($err, qr/standby/, 'start_worker says why');
($code, $out, $err) = $standby->psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
like($err, qr/standby/, 'control functions too');
is($standby->safe_psql('postgres', "SELECT status FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"),
	'running', 'views can be read there');

# Promotion, with the old primary fenced.
$primary->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'vmclone worker'")
  or die 'no worker after promotion';
is($standby->safe_psql('postgres', 'SELECT identity FROM vmclone.worker'), 'other timeline', 'the promoted server knows it');
my $done = $standby->safe_psql('postgres', "SELECT max(claim) FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
sleep 2;
is($standby->safe_psql('postgres', "SELECT max(claim) FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"),
	$done, 'and claims nothing');
ok($standby->wait_for_log(qr/vmclone does nothing in database .*promoted/), 'the log says so');
$standby->safe_psql('postgres', "SELECT vmclone.adopt('resume'); SELECT vmclone.alter_job('$job->{job_id}', bandwidth_limit => 0)");
is($standby->wait_for_job($job->{job_id}), 'succeeded', "adopt('resume') goes on with the job");
$standby->images_equal($job->{vm_id}, $vm, 1, 'the result is exact');
($code, $out, $err) = $standby->psql('postgres', "SELECT vmclone.adopt('resume')");
like($err, qr/nothing to adopt/, 'a second adopt has nothing to do');

# vmclone.resume_on_promotion
$standby->backup('second');
my $third = VmcloneCluster->new('third');
$third->init_from_backup($standby, 'second', has_streaming => 1);
$third->append_conf('postgresql.conf', "vmclone.resume_on_promotion = on\n");
$third->start;
$job = $standby->clone($snapshot, vm_name => 'copy2', bandwidth_limit => 200_000);
$standby->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
  or die 'nothing is copied';
$standby->wait_for_catchup($third);
$standby->stop('immediate');
$third->promote;
$third->lift_limit($job->{job_id});
is($third->wait_for_job($job->{job_id}), 'succeeded', 'with vmclone.resume_on_promotion it goes on by itself');
$third->images_equal($job->{vm_id}, $vm, 1, 'and is exact');

# Dump with a live job, restored into another database.
$job = $third->clone($snapshot, vm_name => 'copy3', bandwidth_limit => 200_000);
$third->wait_for_status($job->{job_id}, 'running');
my $dump = $third->basedir . '/dump';
$third->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $third->connstr('postgres') ], 'pg_dump with a live job');
$third->safe_psql('postgres', 'CREATE DATABASE restored');
$third->command_ok([ 'pg_restore', '--exit-on-error', '-d', $third->connstr('restored'), $dump ], 'pg_restore');
is($third->safe_psql('restored', "SELECT count(*) FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 1, 'the job is there');
is($third->safe_psql('restored', 'SELECT count(*) FROM vmclone.storage_mounts'), 0, 'mounts are not restored');
is($third->safe_psql('restored', 'SELECT identity FROM vmclone.worker'), 'other database', 'the restored database knows what it is');
$third->lift_limit($job->{job_id});
is($third->wait_for_job($job->{job_id}), 'succeeded', 'the original goes on undisturbed');
$third->images_equal($job->{vm_id}, $vm, 1, 'and is exact');
like($third->safe_psql('restored', "SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	qr/queued|running/, 'the restored job is as it was');
$third->bind_again('restored');
$third->safe_psql('restored', "SELECT vmclone.adopt('abandon')");
ok($third->poll_query_until('restored', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'and ends when it is abandoned');
$third->images_equal($job->{vm_id}, $vm, 1, "the original's files are untouched");

# A base backup that is started as a server of its own has the same system identifier and timeline.
$job = $third->clone($snapshot, vm_name => 'copy4', bandwidth_limit => 200_000);
$third->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
  or die 'nothing is copied';
$third->backup('third');
my $twin = VmcloneCluster->new('twin');
$twin->init_from_backup($third, 'third');
$twin->start;
$twin->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'vmclone worker' AND datname = 'postgres'")
  or die 'no worker of the twin';
is($twin->safe_psql('postgres', 'SELECT identity FROM vmclone.worker'), 'other server', 'a base backup knows that it is one');
$twin->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
sleep 2;
is($twin->safe_psql('postgres', "SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'running', 'and does nothing');
$twin->restart;
is($twin->safe_psql('postgres', 'SELECT identity FROM vmclone.worker'), 'other server', 'nor after a restart');
$third->lift_limit($job->{job_id});
is($third->wait_for_job($job->{job_id}), 'succeeded', 'the original goes on undisturbed');
$third->images_equal($job->{vm_id}, $vm, 1, 'and is exact');
$twin->safe_psql('postgres', "SELECT vmclone.adopt('abandon')");
ok($twin->poll_query_until('postgres', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'the job of the base backup ends when it is abandoned');
is($twin->safe_psql('postgres', 'SELECT identity FROM vmclone.worker'), 'own', 'which is a server of its own then');
$third->images_equal($job->{vm_id}, $vm, 1, "the original's files are untouched");
$twin->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$vm->{domain}')");
is($third->safe_psql('postgres', "SELECT status FROM vmclone.check_storage_domain('$vm->{domain}')"), 'attached', "it gives the original's domain up, and leaves it to it");
$twin->stop;

# A server that was promoted or recovered beside the original, and abandons its jobs, has another token than the original's.
$third->backup('fourth');
my $branch = VmcloneCluster->new('branch');
$branch->init_from_backup($third, 'fourth', has_streaming => 1);
$branch->append_conf('postgresql.conf', "vmclone.resume_on_promotion = off\n");
$branch->start;
$job = $third->clone($snapshot, vm_name => 'copy5', start_paused => 'true');
$third->wait_for_catchup($branch);
$branch->promote;
$branch->safe_psql('postgres', "SELECT vmclone.adopt('abandon')");
ok($branch->poll_query_until('postgres', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'a branch abandons its jobs');
($code, $out, $err) = $branch->psql('postgres', "SELECT vmclone.detach_storage_domain('$vm->{domain}')");
like($err, qr/not this database's/, 'its mount is not its own');
is($third->safe_psql('postgres', "SELECT status FROM vmclone.check_storage_domain('$vm->{domain}')"), 'attached', 'the original keeps its domain');
$branch->stop;
$third->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
$third->stop;
done_testing();
