# A publication of everything, and a subscriber that has the extension itself: the publisher works as before, and a
# database never carries out jobs that came from another one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use Test::More;

my $publisher = VmcloneCluster->start_new('publisher', init => [ allows_streaming => 'logical' ], conf => "wal_level = logical\n");
my $subscriber = VmcloneCluster->start_new('subscriber', conf => "vmclone.poll_interval = 1\n");
my $vm = $publisher->make_vm;
my $snapshot = $vm->{snapshots}[1];
$_->safe_psql('postgres', 'CREATE ROLE alice') foreach $publisher, $subscriber;
$subscriber->safe_psql('postgres', 'CREATE ROLE filler; DROP ROLE alice; CREATE ROLE alice');

# what has no key could neither be updated nor deleted
is($publisher->value(<<'SQL'), '', 'every table of the extension has a primary key, or publishes whole rows');
SELECT string_agg(c.relname, ' ') FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vmclone'
WHERE c.relkind = 'r' AND c.relnamespace = 'vmclone'::regnamespace AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	AND c.relreplident <> 'f'
SQL
$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION jobs FOR TABLE vmclone.jobs, vmclone.async_tasks');
my $job = $publisher->clone($snapshot, vm_name => 'published');
is($publisher->wait_for_job($job->{job_id}), 'succeeded', 'a clone is made, with everything published');
$publisher->images_equal($job->{vm_id}, $vm, 1);

# --- jobs alone, into a database that has none of its own
$publisher->safe_psql('postgres', "SELECT vmclone.grant_operator('alice', fixture.id('admin')); GRANT USAGE ON SCHEMA fixture TO alice");
my $paused = $publisher->safe_psql('postgres', "SET ROLE alice; SELECT job_id FROM vmclone.add_vm_from_snapshot('$snapshot', 'paused', start_paused => true)");
my $connection = $publisher->connstr('postgres') =~ s/'//gr;
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION jobs CONNECTION '$connection' PUBLICATION jobs");
$subscriber->poll_query_until('postgres', "SELECT count(*) = 1 FROM vmclone.jobs WHERE job_id = '$paused'") or die 'not replicated';
is($subscriber->value("SELECT owner_role::oid = 'alice'::regrole AND owner_role::oid <> 0 FROM vmclone.jobs WHERE job_id = '$paused'"), 't',
	'a job is the role\'s that has the name there');
isnt($subscriber->value("SELECT 'alice'::regrole::oid"), $publisher->value("SELECT 'alice'::regrole::oid"), 'which has another oid');
is($subscriber->value('SELECT identity FROM vmclone.worker'), 'none', 'it knows that they are nobody\'s here');
$publisher->safe_psql('postgres', "SELECT vmclone.resume_job('$paused')");
is($publisher->wait_for_job($paused), 'succeeded', 'the publisher carries them out');
$subscriber->poll_query_until('postgres', "SELECT status = 'succeeded' FROM vmclone.jobs WHERE job_id = '$paused'") or die 'not replicated';
ok(1, 'and the subscriber sees how they end');
is($subscriber->value("SELECT count(*) FROM vmclone.audit_log"), 0, 'it has done nothing itself');

# --- into a database that runs jobs of its own: refused, before it would carry out another one's
$subscriber->safe_psql('postgres', 'SELECT 1');
my $own_vm = $subscriber->make_vm;
$job = $subscriber->clone($own_vm->{snapshots}[1], vm_name => 'own');
is($subscriber->wait_for_job($job->{job_id}), 'succeeded', 'a job of the subscriber\'s own');
is($subscriber->value('SELECT identity FROM vmclone.worker'), 'own', 'has given it an identity');
my $log = -s $subscriber->logfile;
$paused = $publisher->clone($snapshot, vm_name => 'second', bandwidth_limit => 100_000);
$subscriber->wait_for_log(qr/jobs of another database cannot be replicated into one that runs its own/, $log);
ok(1, 'jobs of another database are refused there');
is($subscriber->value("SELECT count(*) FROM vmclone.jobs WHERE job_id = '$paused->{job_id}'"), 0, 'and are not there');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION jobs DISABLE; ALTER SUBSCRIPTION jobs SET (slot_name = NONE); DROP SUBSCRIPTION jobs');
$publisher->lift_limit($paused->{job_id});
is($publisher->wait_for_job($paused->{job_id}), 'succeeded', 'the publisher goes on');
$subscriber->stop;
$publisher->stop;
done_testing();
