# A dump of version 1.0 restored into this one: rights on functions that have moved, or have other arguments, are all that fails; doctor() says who
# lacks them, grant_… gives them; and the way without an error that docs/howto.md shows ("Restore").
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $released = '1.0';
my $sharedir = VmcloneCluster::pg_config('--sharedir');
my $node = VmcloneCluster->start_new('olddump', extension => 0);
my $extensions = $node->basedir . '/installed';
system('cp', '-r', $ENV{VMCLONE_INSTALLED}, $extensions) == 0 or die;
copy("test/upgrade/vmclone--$released.sql", "$extensions$sharedir/extension") or die $!;
$node->append_conf('postgresql.conf', $node->server_settings =~ s{\Q$ENV{VMCLONE_INSTALLED}\E}{$extensions}gr);
$node->restart;

my %roles = (admin => 'old_admin', engine => 'old_engine', viewer => 'old_viewer');
$node->safe_psql('postgres', "CREATE ROLE $_") foreach values %roles, 'old_operator';
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(old fresh restored clean);
sub grant_all
{
	my ($database) = @_;

	$node->safe_psql($database, "SELECT vmclone.grant_$_('$roles{$_}')") foreach sort keys %roles;
	$node->safe_psql($database, "SELECT vmclone.grant_operator('old_operator', '11111111-1111-1111-1111-111111111111')");
	return;
}

# What the roles may do
sub rights
{
	my ($database) = @_;

	return $node->safe_psql($database, <<'SQL');
SELECT string_agg(what, E'\n' ORDER BY what COLLATE "C") FROM (
	SELECT format('%s %s %s', c.oid::regclass, x.grantee::regrole, x.privilege_type) AS what FROM pg_class c CROSS JOIN aclexplode(c.relacl) x
	UNION ALL SELECT format('%s %s %s', p.oid::regprocedure, x.grantee::regrole, x.privilege_type) FROM pg_proc p CROSS JOIN aclexplode(p.proacl) x
	UNION ALL SELECT format('%s %s %s', n.nspname, x.grantee::regrole, x.privilege_type) FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) x) r
WHERE what ~ ' old_'
SQL
}

sub lacking
{
	my ($database) = @_;

	return $node->safe_psql($database, "SELECT coalesce(string_agg(subject || ': ' || (finding LIKE 'lacks EXECUTE on %') || (advice LIKE 'Call grant_admin%'), ', ' ORDER BY subject), '')
		FROM vmclone.doctor() WHERE item = 'rights'");
}

$node->safe_psql('old', "CREATE EXTENSION vmclone VERSION '$released'");
grant_all('old');
$node->safe_psql('old', 'CREATE TABLE of_users (a integer); GRANT SELECT ON of_users TO old_viewer');
$node->safe_psql('fresh', 'CREATE EXTENSION vmclone');
grant_all('fresh');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('old') ], "a dump of version $released");

# as anybody would
my ($out, $err);
IPC::Run::run([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], '>', \$out, '2>', \$err);
my @failed = $err =~ /^pg_restore: error: (.*)/mg;
cmp_ok(scalar(@failed), '>', 0, 'rights on what has moved fail');
is(scalar(grep { !/could not execute query: ERROR:  function vmclone\.\w+\(.*\) does not exist/ } @failed), 0, 'and nothing else does') or diag $err;
my %named = map { $_ => 1 } map { /function vmclone\.(\w+)/ } @failed;
is(join(' ', grep { $node->safe_psql('restored', "SELECT count(*) FROM pg_proc WHERE proname = '$_' AND pronamespace = 'vmclone_internal'::regnamespace") eq '0' } sort keys %named),
	'attach_storage_domain check_storage_domain detach_storage_domain inventory_report', 'they are of functions that are in vmclone_internal now, or have other arguments');
is($node->safe_psql('restored', 'SELECT extversion = vmclone.library_version() FROM pg_extension WHERE extname = \'vmclone\''), 't', 'the extension is this version');
is(lacking('restored'), 'old_admin: truetrue, old_engine: truetrue, old_operator: truetrue, old_viewer: truetrue', 'doctor() names the roles');
grant_all('restored');
is(lacking('restored'), '', 'none lacks any, once they are granted');
is(join("\n", grep { !/of_users/ } split /\n/, rights('restored')), rights('fresh'), 'they may do what new ones may');

# as docs/howto.md says
my ($recipe) = slurp_file('docs/howto.md') =~ /^(pg_restore -l dump.*?)^```/ms or die 'no recipe';
$recipe = join "\n", grep { /^pg_restore/ } split /\n/, $recipe;
{
	local @ENV{qw(PGHOST PGPORT)} = ($node->host, $node->port);
	$recipe =~ s/-d restored/-d clean/ or die $recipe;
	my $said = qx(cd @{[ $node->basedir ]} && set -e; $recipe 2>&1);
	is("$? $said", '0 ', 'without an error');
}
is(join("\n", grep { !/^vmclone old_\w+ USAGE$/ } split /\n/, rights('clean')), 'of_users old_viewer SELECT', "rights on users' own tables are there, those on vmclone's objects are not");
grant_all('clean');
is(join("\n", grep { !/of_users/ } split /\n/, rights('clean')), rights('fresh'), 'and then they are');
is(lacking('clean'), '', 'doctor() finds nothing');
$node->stop;
done_testing();
