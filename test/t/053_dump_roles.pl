# Whose jobs, request keys and bindings are after a dump of one server is restored in another: they go by the names that the
# roles have at the dump; a role that is gone, there or here, is nobody.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('here');
my $vm = $node->make_vm;
my $snapshot = $vm->{snapshots}[1];

# in an order that gives the roles other oids there
my @roles = qw(alice bob carol dora);
$node->safe_psql('postgres', join '', map { "CREATE ROLE $_; SELECT vmclone.grant_operator('$_', fixture.id('alice'));" } @roles);
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA fixture TO PUBLIC');
foreach my $role (@roles)
{
	$node->safe_psql('postgres', <<"SQL");
SET ROLE $role;
SELECT vmclone.add_vm_from_snapshot('$snapshot', 'of_$role', lock_mode => 'shared', start_paused => true, request_key => 'key');
SQL
}
$node->safe_psql('postgres', <<'SQL');
ALTER ROLE alice RENAME TO anna;
CREATE ROLE alice;
SELECT vmclone.revoke_rights('bob');
DROP ROLE bob;
SQL
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');

# carol and dora have no role there
my $there = VmcloneCluster->start_new('there', extension => 0);
$there->safe_psql('postgres', "CREATE ROLE $_") foreach qw(filler bob anna alice);
$there->safe_psql('postgres', 'CREATE DATABASE restored');
my ($out, $err);
# statement by statement: pg_restore takes all rights on an object as one, and gives none where one role is missing
IPC::Run::run([ 'psql', '-qX', '-d', $there->connstr('restored'), '-f', $dump ], '>', \$out, '2>', \$err);
my @errors = grep { /ERROR/ } split /\n/, $err;
is(scalar(grep { !/role "(?:carol|dora)" does not exist/ } @errors), 0, 'rights of roles that are not there are all that fails') or diag $err;
is($there->safe_psql('restored', 'SELECT count(*) FROM vmclone.jobs'), 4, 'all jobs are there');
is($there->safe_psql('restored', "SELECT string_agg(role::text, ' ' ORDER BY role::text) FROM vmclone.operators"), '  anna', 'bindings are those of roles by that name');
isnt($there->safe_psql('restored', q{SELECT 'anna'::regrole::oid}), $node->value(q{SELECT 'anna'::regrole::oid}), 'whose oid is another one');

sub sees
{
	my ($role) = @_;
	return $there->safe_psql('restored', "SET ROLE $role; SELECT string_agg(vm_name, ' ' ORDER BY vm_name) FROM vmclone.jobs_view");
}

is(sees('anna'), 'of_alice', 'a role that was renamed has its job there');
is($there->safe_psql('restored', 'SET ROLE anna; SELECT vmclone_internal.caller_user_id(NULL) IS NOT NULL'), 't', 'and its engine user');
$there->safe_psql('restored', "CREATE ROLE carol; SELECT vmclone.grant_operator(r, '11111111-1111-1111-1111-111111111111') FROM unnest('{alice,bob,carol}'::name[]) AS r");
is(sees($_), '', "$_ has none") foreach qw(alice bob carol);
is($there->safe_psql('restored', "SELECT string_agg(vm_name, ' ' ORDER BY vm_name) FROM vmclone.jobs_view WHERE owner_is_gone"),
	'of_bob of_carol of_dora', 'administrators see which jobs are nobody\'s');
$there->safe_psql('restored', "SELECT vmclone.adopt('abandon')");
ok($there->poll_query_until('restored', 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL'), 'they end as any other');

# A role dropped with a live job: the job goes on to its end.
my $job = $node->row("SELECT job_id, vm_id FROM vmclone.jobs WHERE vm_name = 'of_carol'");
$node->safe_psql('postgres', "SELECT vmclone.revoke_rights('carol')");
$node->safe_psql('postgres', 'DROP ROLE carol');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a job whose role has been dropped goes on');
$node->images_equal($job->{vm_id}, $vm, 1);
$node->stop;
$there->stop;
done_testing();
