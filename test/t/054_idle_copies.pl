# A database that was copied, restored or promoted while nothing was under way: it is one of its own, and says that its
# storage domains have to be attached again; where jobs were under way, no call adds one that nobody would carry out.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $primary = VmcloneCluster->start_new('primary', init => [ allows_streaming => 1 ]);
my $vm = $primary->make_vm(name => 'web01');
my $snapshot = $vm->{snapshots}[1];
my ($code, $out, $err);
my $take_over = qr/attach it again with take_over => true/;

# What a database other than "postgres" says of the domain, and of a call.
sub domain_of
{
	my ($node, $database) = @_;
	return $node->safe_psql($database,
		"SELECT attached, attach_error FROM vmclone.storage WHERE storage_domain_id = '$vm->{domain}'");
}

sub refusals
{
	my ($node, $database) = @_;
	return $node->safe_psql($database,
		"SELECT message_key, detail, hint FROM vmclone.can_add_vm_from_snapshot('$snapshot', vm_name => 'x')");
}

sub call
{
	my ($node, $database, $name) = @_;
	($code, $out, $err) = $node->psql($database,
		"SELECT job_id FROM vmclone.add_vm_from_snapshot('$snapshot', vm_name => '$name')");
	return $out;
}

is($primary->wait_for_job($primary->clone($snapshot, vm_name => 'first')->{job_id}), 'succeeded', 'a clone');

# CREATE DATABASE … TEMPLATE, with a worker in the copy
$primary->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE postgres');
ok($primary->poll_query_until('copied', "SELECT identity = 'own' FROM vmclone.worker"), 'a copy in which nothing is under way is its own');
ok($primary->wait_for_log(qr/vmclone takes database \d+ for one of its own: the database was copied from another one of this server/),
	'the log says so');
$primary->bind_again('copied');
like(domain_of($primary, 'copied'), qr/^failed\|.*$take_over/, 'view storage says that the domain is not');
like(refusals($primary, 'copied'), qr/STORAGE_DOMAIN_NOT_ATTACHED\|.*$take_over.*\|.*take_over => true/, 'can_add too');
call($primary, 'copied', 'of_copy');
like($err, qr/not attached to vmclone: nfs1.*$take_over.*HINT:[^\n]*take_over => true/s, 'and the call');
($code, $out, $err) = $primary->psql('copied', "SELECT status, error FROM vmclone.check_storage_domain('$vm->{domain}')");
like($out, qr/^failed\|.*$take_over/, 'a check of the domain does not make it usable by its old token');
($code, $out, $err) = $primary->psql('copied', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}')");
like($err, qr/attached to another database.*HINT:[^\n]*take_over => true/s, 'nor does attaching it take it from the original');
is($primary->wait_for_job($primary->clone($snapshot, vm_name => 'second')->{job_id}), 'succeeded', 'the original goes on');
$primary->safe_psql('postgres', 'DROP DATABASE copied');

# a base backup that is started beside it; without preloading no worker is there to say anything
$primary->backup('idle');
my $twin = VmcloneCluster->new('twin');
$twin->init_from_backup($primary, 'idle');
$twin->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$twin->start;
is($twin->value('SELECT identity FROM vmclone.worker'), 'other server', 'a base backup is another server');
like($twin->value('SELECT advice FROM vmclone.worker'), qr/take_over => true/, 'view worker says what to do');
like(domain_of($twin, 'postgres'), qr/^failed\|.*$take_over/, 'view storage too');
is($twin->value("SELECT storage_domains -> 0 ->> 'attached' FROM vmclone.snapshot_disks('$snapshot')"), 'false', 'and snapshot_disks');
like(refusals($twin, 'postgres'), qr/STORAGE_DOMAIN_NOT_ATTACHED\|.*$take_over/, 'and can_add');
is(call($twin, 'postgres', 'of_twin'), '', 'no clone is accepted that would hang');
like($err, qr/$take_over/, 'and the call says why');
($code, $out, $err) = $twin->psql('postgres', "SELECT status, error FROM vmclone.check_storage_domain('$vm->{domain}')");
like($out, qr/^failed\|.*$take_over/, 'check_storage_domain says it');
$primary->stop;
$twin->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', take_over => true)");
my $job = $twin->clone($snapshot, vm_name => 'of_twin');
is($twin->wait_for_job($job->{job_id}), 'succeeded', 'with the domain taken over it clones');
$twin->images_equal($job->{vm_id}, $vm, 1, 'exactly');

# promoted, without preloading: the first call begins to work on the new timeline
$twin->backup('base');
my $standby = VmcloneCluster->new('standby');
$standby->init_from_backup($twin, 'base', has_streaming => 1);
$standby->start;
$twin->wait_for_catchup($standby);
is(refusals($standby, 'postgres'), '', 'a standby sees nothing in the way');
$twin->stop;
$standby->promote;
is($standby->value('SELECT identity FROM vmclone.worker'), 'other timeline', 'promoted');
is(refusals($standby, 'postgres'), '', 'where nothing was under way nothing has to be decided');
$job = $standby->clone($snapshot, vm_name => 'after_promotion');
is($standby->value('SELECT identity FROM vmclone.worker'), 'own', 'a call makes the timeline its own');
is($standby->wait_for_job($job->{job_id}), 'succeeded', 'and its job is carried out');

# copied with a job under way
$job = $standby->clone($snapshot, vm_name => 'slow', bandwidth_limit => 50_000);
$standby->wait_for_status($job->{job_id}, 'running');
$standby->poll_query_until('postgres', 'SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE result IS NULL');
$standby->backup('live');
my $other = VmcloneCluster->new('other');
$other->init_from_backup($standby, 'live');
$other->start;
like(refusals($other, 'postgres'), qr/^ACTION_TYPE_FAILED_JOBS_OF_ANOTHER_DATABASE\|[^\n]*copied from another server\.\|[^\n]*adopt\('resume'\)/,
	'can_add says that adopt() has to decide');
is(call($other, 'postgres', 'hangs'), '', 'no clone is accepted before');
like($err, qr/jobs under way in this database are not its own.*HINT:[^\n]*adopt\('resume'\)/s, 'the call says so');
like($other->value("SELECT advice FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"),
	qr/^nothing is done until SELECT vmclone\.adopt/, 'jobs_view does');
($code, $out, $err) = $other->psql('postgres', "CALL vmclone.wait_for_job('$job->{job_id}', interval '1 s')");
like($err, qr/NOTICE:[^\n]*nothing is done until SELECT vmclone\.adopt\('resume' \| 'abandon'\): the database was copied from another server/,
	'and wait_for_job');
$standby->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
is($standby->wait_for_job($job->{job_id}), 'cancelled', 'the original goes its own way');
$other->safe_psql('postgres', "SELECT vmclone.adopt('abandon')");
ok($other->poll_query_until('postgres', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'the copy ends it');
is($other->value("SELECT advice FROM vmclone.jobs_view WHERE job_id = '$job->{job_id}'"), '', 'and has nothing more to say of it');
like(domain_of($other, 'postgres'), qr/^failed\|.*$take_over/, 'its domain has to be attached again');
$other->stop;
$standby->stop;
done_testing();
