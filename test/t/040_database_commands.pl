# Commands that need a database for themselves, while its worker is idle and while it copies; DROP EXTENSION; a server
# without a free background worker slot; a worker that is not preloaded leaves when idle.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);
use VmcloneCluster;

my $node = VmcloneCluster->start_new('commands');
my ($code, $out, $err);

sub worker_of
{
	my ($database) = @_;
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'vmclone worker' AND datname = '$database'");
}

# Waits for it; another one than the process that is given, which may still be on its way out.
sub has_worker
{
	my ($database, $old) = @_;
	$old ||= 0;
	return $node->poll_query_until('postgres',
		"SELECT count(*) = 1 AND bool_and(pid <> $old) FROM pg_stat_activity WHERE backend_type = 'vmclone worker' AND datname = '$database'");
}

# Seconds that a command takes here that no worker has to make way for.
my $usual;

sub quick
{
	my ($sql, $what) = @_;
	my $start = time;

	($code, $out, $err) = $node->psql('postgres', $sql);
	is($code, 0, $what) or diag($err);
	$usual //= time - $start;
	cmp_ok(time - $start, '<', 4 + 10 * $usual, "$what: at once");
	return;
}

ok(has_worker('postgres'), 'CREATE EXTENSION gets the database a worker');
quick('CREATE DATABASE plain', 'a database without the extension');
is(worker_of('plain'), '', 'has no worker');

quick('CREATE DATABASE one', 'CREATE DATABASE');
$node->safe_psql('one', 'CREATE EXTENSION vmclone');
ok(has_worker('one'), 'the second database has a worker too');
my $pid = worker_of('one');
quick('CREATE DATABASE two TEMPLATE one', 'CREATE DATABASE … TEMPLATE with an idle worker');
ok(has_worker('one', $pid), 'the worker comes back after it');
$pid = worker_of('one');
quick('ALTER DATABASE one RENAME TO uno', 'RENAME with an idle worker');
ok(has_worker('uno', $pid), 'the worker comes back under the new name');
$pid = worker_of('uno');
($code, $out, $err) = $node->psql('postgres', 'CREATE DATABASE plain TEMPLATE uno');
like($err, qr/already exists/, 'a command that fails');
ok(has_worker('uno', $pid), 'the worker comes back after a failed command');

$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
$pid = worker_of('uno');
($code, $out, $err) = $node->psql('postgres', 'SET ROLE nobody; DROP DATABASE uno');
like($err, qr/must be owner/, 'a command of somebody who may not');
is(worker_of('uno'), $pid, 'does not stop the worker');
quick('DROP DATABASE uno', 'DROP DATABASE with an idle worker');
quick('DROP DATABASE two', 'DROP DATABASE of a copy');

# busy
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { writes => 60 } ]);
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'copy1', bandwidth_limit => 300_000);
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'")
  or die 'nothing is copied';
($code, $out, $err) = $node->psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
is($code, 0, 'CREATE DATABASE … TEMPLATE while the worker copies') or diag($err);
$node->lift_limit($job->{job_id});
is($node->wait_for_job($job->{job_id}), 'succeeded', 'the copy goes on after it');
$node->images_equal($job->{vm_id}, $vm, 1);

# The copy of the database has the same rows and must not touch the same files.
ok($node->start_worker('copied'), 'the copy has a worker');
is($node->safe_psql('copied', 'SELECT identity FROM vmclone.worker'), 'other database', 'the copy knows what it is');
$node->bind_again('copied');
($code, $out, $err) = $node->psql('copied',
	"SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}')");
like($err, qr/jobs under way in this database are not its own/, 'and attaches nothing before adopt');
my $status = $node->safe_psql('copied', "SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
sleep 2;
is($node->safe_psql('copied', "SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	$status, 'its worker leaves the job alone');
$node->safe_psql('copied', "SELECT vmclone.adopt('abandon')");
ok( $node->poll_query_until('copied', "SELECT status = 'failed' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	"adopt('abandon') ends the job there");
is($node->safe_psql('copied', "SELECT count(*) FROM vmclone.vm_static WHERE vm_name = 'copy1'"), 0, 'its rows are gone there');
$node->images_equal($job->{vm_id}, $vm, 1, "the original's files are untouched");
($code, $out, $err) = $node->psql('copied', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}')");
like($err, qr/attached to another database/, 'the domain is not taken from the original by mistake');
my $elsewhere = $node->basedir . '/elsewhere';
mkdir $elsewhere or die "mkdir: $!";
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.storage_roots = '" . $node->value('SHOW vmclone.storage_roots') . ":" . $node->basedir . "'");
$node->reload;
($code, $out, $err) = $node->psql('copied', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$elsewhere')");
is($code, 0, 'the copy attaches the domain in another directory') or diag($err);
like($err, qr/NOTICE: .*was left in .*not this database's/, "the original's mark is left where it was");
is($node->value("SELECT status FROM vmclone.check_storage_domain('$vm->{domain}')"), 'attached', 'the original still has its domain');
$node->safe_psql('copied', "SELECT vmclone.detach_storage_domain('$vm->{domain}')");
ok(!-e "$elsewhere/dom_md/vmclone-identity", "the copy takes its own mark away");

# a copy that has the original's mounts, which gives them up without having had them
$node->safe_psql('template1', 'CREATE DATABASE second TEMPLATE postgres');
ok($node->start_worker('second'), 'a second copy has a worker');
($code, $out, $err) = $node->psql('second', "SELECT vmclone.detach_storage_domain('$vm->{domain}')");
like($err, qr/not this database's/, 'it detaches its row only');
is($node->value("SELECT status FROM vmclone.check_storage_domain('$vm->{domain}')"), 'attached', 'the original still has its domain then, too');
$node->safe_psql('postgres', 'DROP DATABASE second WITH (FORCE)');

# DROP DATABASE while its worker copies
$node->safe_psql('copied', <<"SQL");
SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', take_over => true);
SELECT vmclone.add_vm_from_snapshot('$vm->{snapshots}[1]', 'dropped', bandwidth_limit => 300000);
SQL
$node->poll_query_until('copied', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE status = 'running'")
  or die 'nothing is copied';
isnt(scalar(my @running = $node->copiers), 0, 'a copy is under way');
($code, $out, $err) = $node->psql('postgres', 'DROP DATABASE copied');
like($err, qr/database "copied" has vmclone jobs under way.*cancel_job.*FORCE/s, 'DROP DATABASE while its worker copies is refused, and says what to do');
isnt(worker_of('copied'), '', 'its worker goes on');
quick('DROP DATABASE copied WITH (FORCE)', 'DROP DATABASE … WITH (FORCE) while its worker copies');
is_deeply([ $node->copiers_that_stay ], [], 'the copiers end with it');
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$vm->{domain}', '$vm->{path}', take_over => true)");

# DROP EXTENSION with a job that runs, and after it
$job = $node->clone($vm->{snapshots}[1], vm_name => 'copy2', bandwidth_limit => 300_000);
$node->wait_for_status($job->{job_id}, 'running');
# the worker holds one table's lock and wants the other, as it may when DROP EXTENSION comes: it gives way
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN; LOCK TABLE vmclone.async_tasks');
$node->poll_query_until('postgres', <<"SQL") or die 'the worker does not wait';
SELECT EXISTS (SELECT FROM pg_locks w JOIN pg_locks h USING (pid) JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'vmclone worker'
	AND NOT w.granted AND w.relation = 'vmclone.async_tasks'::regclass AND h.granted AND h.relation = 'vmclone.jobs'::regclass)
SQL
is(($session->query('LOCK TABLE vmclone.jobs'))[1], 0, 'in a deadlock it is the worker that gives way') or diag $session->{stderr};
$session->query('ROLLBACK');
$session->quit;
foreach my $command ('DROP EXTENSION vmclone CASCADE', 'DROP SCHEMA vmclone CASCADE', 'DROP EXTENSION plpgsql CASCADE')
{
	($code, $out, $err) = $node->psql('postgres', $command);
	like($err, qr/cannot drop extension "vmclone" while jobs are under way.*\Q$job->{job_id}\E.*cancel_job/s, "$command is refused while jobs are under way");
}
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'the job can be cancelled');
$node->safe_psql('postgres', 'DROP SCHEMA fixture CASCADE; DROP EXTENSION vmclone CASCADE');
ok( $node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vmclone worker' AND datname = 'postgres'"),
	'the worker leaves after DROP EXTENSION');
is_deeply([ $node->copiers_that_stay ], [], 'and its copiers with it');
$node->safe_psql('postgres', 'CREATE EXTENSION vmclone');
ok(has_worker('postgres'), 'CREATE EXTENSION again gets it a worker');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|signal 11/, 'nothing crashed');
$node->stop;

# No slot: said once, started when there is one.
my $full = VmcloneCluster->start_new('noslot', extension => 0, conf => "max_worker_processes = 2\n");
# the launcher and the logical replication launcher have both
$full->safe_psql('postgres', 'CREATE EXTENSION vmclone');
($code, $out, $err) = $full->psql('postgres', 'SELECT vmclone.start_worker()');
like($err, qr/did not start within .*max_worker_processes/s, 'start_worker says which setting is too low');
$full->wait_for_log(qr/no background worker slot is free/);
# longer than it waits until it tries again
sleep 6;
my @lines = PostgreSQL::Test::Utils::slurp_file($full->logfile) =~ /(no background worker slot is free)/g;
is(scalar @lines, 1, 'the launcher says it once');
$full->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$full->restart;
ok($full->start_worker('postgres'), 'with slots it starts');
$full->stop;

# Not preloaded.
my $plain = VmcloneCluster->start_new('idle', preload => 0, conf => "vmclone.worker_idle_timeout = 2\nvmclone.poll_interval = 1\n");
is($plain->safe_psql('postgres', 'SELECT activity FROM vmclone.worker'), 'not running', 'no worker before it is needed');
# in one session: an idle worker may have left before the next one is connected
is( $plain->safe_psql('postgres', "SELECT vmclone.start_worker(); SELECT vmclone.start_worker(); SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vmclone worker'"),
	"t\nt\n1", 'start_worker starts one, and no second one');
ok( $plain->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vmclone worker'"),
	'it leaves after vmclone.worker_idle_timeout');
$vm = $plain->make_vm(name => 'web01', snapshots => 2);
$job = $plain->clone($vm->{snapshots}[0], vm_name => 'copy1');
is($plain->wait_for_job($job->{job_id}), 'succeeded', 'a call starts one again');
$job = $plain->clone($vm->{snapshots}[0], vm_name => 'copy2', start_paused => 'true');
($code, $out, $err) = $plain->psql('postgres', 'DROP EXTENSION vmclone CASCADE');
like($err, qr/cannot drop extension "vmclone" while jobs are under way/, 'DROP EXTENSION is refused without preloading too');
# the server has no library any more: nobody else's commands fail for that
$plain->safe_psql('postgres', 'CREATE SCHEMA other');
my $hidden = $plain->value('SHOW server_version_num') >= 180000 ? 'dynamic_library_path = \'$libdir\'' : 'extension_destdir = \'/nowhere\'';
$plain->safe_psql('postgres', "SET $hidden; DROP SCHEMA other");
$plain->safe_psql('postgres', 'CREATE DATABASE one');
$plain->safe_psql('one', 'CREATE EXTENSION vmclone');
ok($plain->start_worker('one'), 'a second database has a worker');
($code, $out, $err) = $plain->psql('postgres', 'DROP DATABASE one WITH (FORCE)');
is($code, 0, 'DROP DATABASE … WITH (FORCE) ends the worker');
$plain->stop;
done_testing();
