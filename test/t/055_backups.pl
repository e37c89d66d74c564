# Servers made of others by PostgreSQL 17's tools: an incremental backup put together, and pg_createsubscriber.  Both are copies,
# which run nothing of the original's; what came with them is decided by adopt(), domains are taken over by attach.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my ($major) = VmcloneCluster::pg_config('--version') =~ /(\d+)/;
plan skip_all => "PostgreSQL $major has neither" if $major < 17;

my $primary = VmcloneCluster->start_new('primary', init => [ allows_streaming => 'logical' ], conf => "summarize_wal = on\n");
my $vm = $primary->make_vm(name => 'web01');
my $snapshot = $vm->{snapshots}[1];
my ($code, $out, $err);

# a full backup, a job that begins, an incremental one: their sum has the job
my $folder = $primary->backup_dir;
$primary->command_ok([ 'pg_basebackup', '-D', "$folder/full", '-c', 'fast', '--no-sync', '-d', $primary->connstr('postgres') ], 'full backup');
my $job = $primary->clone($snapshot, vm_name => 'slow', bandwidth_limit => 50_000);
$primary->poll_query_until('postgres', 'SELECT max(bytes_done) > 0 FROM vmclone.async_tasks') or die 'nothing is copied';
$primary->command_ok([ 'pg_basebackup', '-D', "$folder/part", '-c', 'fast', '--no-sync', '-i', "$folder/full/backup_manifest",
		'-d', $primary->connstr('postgres') ], 'incremental backup');
my $combined = VmcloneCluster->new('combined');
$combined->init_from_backup($primary, 'part', combine_with_prior => ['full']);
$combined->start;
is($combined->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), 'running', 'the job is in it');
is($combined->value('SELECT identity FROM vmclone.worker'), 'other server', 'and it knows what it is');
($code, $out, $err) = $combined->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$snapshot', vm_name => 'early', lock_mode => 'shared')");
like($err, qr/jobs under way in this database are not its own/, 'nothing is accepted before adopt');
$primary->lift_limit($job->{job_id});
is($primary->wait_for_job($job->{job_id}), 'succeeded', 'the original goes on');
$combined->safe_psql('postgres', "SELECT vmclone.adopt('abandon')");
ok($combined->poll_query_until('postgres', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'the copy ends its row of the job');
$primary->images_equal($job->{vm_id}, $vm, 1, 'and touches no file');
$combined->stop;

# pg_createsubscriber: a standby becomes a server of its own that follows the publications
$primary->backup('base');
my $subscriber = VmcloneCluster->new('subscriber');
$subscriber->init_from_backup($primary, 'base', has_streaming => 1);
$subscriber->set_standby_mode;
$subscriber->append_conf('postgresql.conf', "primary_conninfo = '" . $primary->connstr . " dbname=postgres'\n");
$subscriber->start;
$primary->wait_for_catchup($subscriber);
$subscriber->stop;
$subscriber->command_ok(
	[
		'pg_createsubscriber', '--verbose', '--pgdata', $subscriber->data_dir, '--publisher-server', $primary->connstr('postgres'),
		'--socketdir', $subscriber->host, '--subscriber-port', $subscriber->port, '--subscriber-username', 'postgres',
		'--database', 'postgres' ],
	'pg_createsubscriber');
$subscriber->start;
is($subscriber->value('SELECT identity FROM vmclone.worker'), 'other server', 'a subscriber is another server');
# its publication has every table, so that it follows the publisher's jobs: it must not take itself for one that runs its own
$job = $primary->clone($snapshot, vm_name => 'replicated');
is($primary->wait_for_job($job->{job_id}), 'succeeded', 'a job of the publisher');
ok($subscriber->poll_query_until('postgres', "SELECT status = 'succeeded' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'arrives there as a row');
is($subscriber->value('SELECT identity FROM vmclone.worker'), 'other server', 'and is carried out nowhere else');
like($subscriber->value("SELECT attach_error FROM vmclone.storage WHERE mount_path = '$vm->{path}'"),
	qr/attach it again with take_over => true/, 'view storage says that the domain is not its own');

# on its own: the subscription goes, then the domain is taken over
$subscriber->safe_psql('postgres', "ALTER SUBSCRIPTION $_ DISABLE; ALTER SUBSCRIPTION $_ SET (slot_name = NONE); DROP SUBSCRIPTION $_")
  foreach $subscriber->value('SELECT subname FROM pg_subscription');
$primary->stop;
# replication leaves sequences behind
$subscriber->safe_psql('postgres', "SELECT setval(oid::regclass, 1000000) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'vmclone'::regnamespace");
$subscriber->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', take_over => true)");
$job = $subscriber->clone($snapshot, vm_name => 'own');
is($subscriber->wait_for_job($job->{job_id}), 'succeeded', 'it clones');
$subscriber->images_equal($job->{vm_id}, $vm, 1, 'exactly');
$subscriber->stop;
done_testing();
