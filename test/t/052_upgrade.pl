# ALTER EXTENSION UPDATE from the released version: catalogs, rights and rows are those of a new installation, and the library
# calls nothing of a version that isn't its own.
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
my ($version) = slurp_file('extension/vmclone.control') =~ /^default_version = '(.*)'/m;
my $node = VmcloneCluster->start_new('upgrade', extension => 0);

# A folder of extensions as a package leaves it that brings every released version's script.
my $extensions = $node->basedir . '/installed';
system('cp', '-r', $ENV{VMCLONE_INSTALLED}, $extensions) == 0 or die;
copy("test/upgrade/vmclone--$released.sql", "$extensions$sharedir/extension") or die $!;
$node->append_conf('postgresql.conf', $node->server_settings =~ s{\Q$ENV{VMCLONE_INSTALLED}\E}{$extensions}gr);
$node->restart;

my @kinds = qw(admin engine viewer operator);
$node->safe_psql('postgres', join ' ', map { "CREATE ROLE upgrade_$_;" } @kinds);

sub grant_rights
{
	my ($database) = @_;
	my $user = '11111111-1111-1111-1111-111111111111';
	$node->safe_psql($database, "SELECT vmclone.grant_$_('upgrade_$_')") foreach qw(admin engine viewer);
	$node->safe_psql($database, "SELECT vmclone.grant_operator('upgrade_operator', '$user')");
	return;
}

# What the catalogs say, one text.
sub catalog
{
	my ($database) = @_;
	my ($code, $out, $err) = $node->psql($database, slurp_file('test/upgrade/catalog.sql'));
	is($code, 0, "catalogs of $database") or diag $err;
	return $out;
}

# Both databases' catalogs say the same; what differs is shown as a diff, object by object.
sub catalogs_are_equal
{
	my ($updated, $fresh, $what) = @_;
	my @texts = map { catalog($_) } $updated, $fresh;

	cmp_ok(length $texts[1], '>', 100_000, 'the catalogs say much');
	return if ok($texts[0] eq $texts[1], $what);
	foreach my $n (0, 1)
	{
		open(my $file, '>', $node->basedir . "/catalog$n") or die $!;
		print $file $texts[$n];
		close $file;
	}
	my $difference = `diff -U 2 -F '^## ' --label 'after ALTER EXTENSION UPDATE' --label 'made by CREATE EXTENSION' @{[ $node->basedir ]}/catalog0 @{[ $node->basedir ]}/catalog1`;
	diag("The upgrade script doesn't bring a change of an SQL part (CONTRIBUTING.md, \"Upgrade scripts\"):\n" . substr($difference, 0, 8000));
	return;
}

# --- the catalogs
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(fresh updated rows restored);
$node->safe_psql('updated', "CREATE EXTENSION vmclone VERSION '$released'");
grant_rights('updated');
$node->safe_psql('fresh', 'CREATE EXTENSION vmclone');
grant_rights('fresh');

# --- old SQL with the new library: an error that says what to do, from whatever is called
foreach my $call ('vmclone.caller_name()', "vmclone.get_vm_configuration_by_snapshot_id('00000000-0000-0000-0000-000000000000')",
	"vmclone.add_vm_from_snapshot('00000000-0000-0000-0000-000000000000')", "vmclone.cancel_job('00000000-0000-0000-0000-000000000000')", 'vmclone.start_worker()')
{
	my ($code, $out, $err) = $node->psql('updated', "SELECT $call");
	like($err, qr/of another version than the server's library.*The extension is version \Q$released\E, the library \Q$version\E.*Run ALTER EXTENSION vmclone UPDATE/s,
		"$call of version $released");
}
my $log = -s $node->logfile;
$node->restart;
$node->wait_for_log(qr/vmclone does nothing in database \d+: the extension there is version \Q$released\E, the library \Q$version\E/, $log);
ok(1, 'the worker says so, and leaves');
is($node->value("SELECT count(*) FROM pg_stat_activity WHERE datname = 'updated' AND backend_type ~ 'vmclone'"), 0, 'it has left') if $node->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'updated' AND backend_type ~ 'vmclone'");

$node->safe_psql('updated', 'ALTER EXTENSION vmclone UPDATE');
is($node->safe_psql('updated', "SELECT extversion = vmclone.library_version() FROM pg_extension WHERE extname = 'vmclone'"), 't', 'ALTER EXTENSION UPDATE');
ok($node->poll_query_until('updated', 'SELECT pid IS NOT NULL FROM vmclone.worker'), 'a worker of the new version starts by itself');

catalogs_are_equal('updated', 'fresh', "version $released updated is what CREATE EXTENSION makes");

# --- rows: a database that version 1.0 itself filled, with jobs that are over, held and paused
$node->safe_psql('rows', "CREATE EXTENSION vmclone VERSION '$released'");
foreach my $database (qw(rows restored))
{
	$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', 'test/upgrade/rows-1.0.sql', '-d', $node->connstr($database) ],
		"rows of version $released into database $database");
}
# rights that somebody has given by hand
$node->safe_psql('rows', <<'SQL');
CREATE ROLE upgrade_custom;
GRANT USAGE ON SCHEMA vmclone TO upgrade_custom;
GRANT SELECT ON ALL TABLES IN SCHEMA vmclone TO upgrade_custom;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vmclone TO upgrade_custom;
GRANT UPDATE (processed, deleted) ON vmclone.audit_log TO upgrade_custom WITH GRANT OPTION;
GRANT SELECT ON vmclone.jobs, vmclone.jobs_view, vmclone.audit_log_seq TO PUBLIC;
GRANT SELECT (vm_guid, vm_name) ON vmclone.vm_static TO PUBLIC;
GRANT EXECUTE ON FUNCTION vmclone.inventory_report(), vmclone.snapshot_tree(uuid), vmclone.check_storage_domain(uuid) TO PUBLIC;
SQL
my $custom = <<'SQL';
SELECT string_agg(what, E'\n' ORDER BY what COLLATE "C") FROM (
	SELECT format('%s %s %s', c.oid::regclass, x.privilege_type, x.is_grantable) AS what FROM pg_class c CROSS JOIN aclexplode(c.relacl) x WHERE x.grantee = 'upgrade_custom'::regrole
	UNION ALL SELECT format('%s.%s %s %s', a.attrelid::regclass, a.attname, x.privilege_type, x.is_grantable) FROM pg_attribute a CROSS JOIN aclexplode(a.attacl) x
		WHERE x.grantee = 'upgrade_custom'::regrole
	UNION ALL SELECT format('%s %s', regexp_replace(p.oid::regprocedure::text, '^vmclone_internal', 'vmclone'), x.privilege_type) FROM pg_proc p CROSS JOIN aclexplode(p.proacl) x WHERE x.grantee = 'upgrade_custom'::regrole) r
SQL
my $public = $custom =~ s/'upgrade_custom'::regrole/0/gr;
my @public = split /\n/, $node->safe_psql('rows', $public);
is(scalar(grep { /^vmclone\.(?:jobs|jobs_view|audit_log_seq|vm_static\.vm_guid|vm_static\.vm_name|inventory_report\(\)|snapshot_tree\(uuid\)|check_storage_domain\(uuid\)) / } @public), 8,
	"PUBLIC's, too");
my @custom = split /\n/, $node->safe_psql('rows', $custom);
$node->safe_psql('rows', 'ALTER EXTENSION vmclone UPDATE');
my %still = map { $_ => 1 } split /\n/, $node->safe_psql('rows', $custom);
cmp_ok(scalar @custom, '>', 100, 'rights given by hand');
# functions for users that have other arguments now
sub now
{
	my ($right) = @_;
	return $right =~ s/inventory_report\(\)/inventory_report(name)/r =~ s/((?:attach|detach|check)_storage_domain\([^)]*)/$1,text/r;
}
# these have other arguments now, and nobody is to call them
is(join("\n", grep { !$still{ now($_) } } @custom), join("\n", map { "vmclone.$_ EXECUTE" }
	'clone_refuse_references(regclass,text,uuid,uuid[])', 'clone_refuse_removal(text,text,uuid)', 'clone_remove_rows(uuid,uuid[])', 'lineage_rows(uuid,name)', 'snapshot_rows(uuid,name)'),
	'survive the update, but those on internal functions that are others now');
is($node->safe_psql('rows', "SELECT has_schema_privilege('upgrade_custom', 'vmclone_internal', 'USAGE')"), 't', 'with the schema that routines have moved to');
my %public_still = map { $_ => 1 } split /\n/, $node->safe_psql('rows', $public);
is(join("\n", grep { !$public_still{ now($_) } } @public), '', "so do PUBLIC's");
is(join("\n", grep { my $right = $_; !grep { $right eq now($_) } @public } sort keys %public_still), '', 'and PUBLIC gets no others');
my ($dump, $warnings);
IPC::Run::run([ 'pg_dump', '--schema-only', '-d', $node->connstr('rows') ], '>', \$dump, '2>', \$warnings) or diag($warnings);
like($dump, qr/^GRANT $_ TO PUBLIC;$/m, "the next dump has $_")
  foreach 'SELECT ON TABLE vmclone\.jobs', 'SELECT ON SEQUENCE vmclone\.audit_log_seq', 'SELECT\(vm_guid\) ON TABLE vmclone\.vm_static',
  'ALL ON FUNCTION vmclone\.snapshot_tree\(vm_id uuid\)', 'ALL ON FUNCTION vmclone\.inventory_report\(schema name\)';
foreach my $database (qw(rows restored))
{
	is($node->safe_psql($database, q{SELECT string_agg(vm_name || ' ' || status, ', ' ORDER BY vm_name) FROM vmclone.jobs_view}),
		'cancelled cancelled, done succeeded, held held, many1 paused, many2 paused, paused paused', "$database: jobs");
	is($node->safe_psql($database, 'SELECT identity FROM vmclone.worker'), 'other server', "$database: knows that it is a copy");
	is($node->safe_psql($database, "SELECT count(*) > 0, bool_and(quota_name = '' AND vds_name = '') FROM vmclone.audit_log WHERE quota_id IS NULL"), 't|t', "$database: a NULL that oVirt does not take is the default");
	$node->safe_psql($database, "SELECT vmclone.adopt('abandon')");
	ok($node->poll_query_until($database, 'SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL'), "$database: the worker ends what came along");
	is($node->safe_psql($database, "SELECT count(*) FROM vmclone.can_add_vm_from_snapshot((SELECT source_snapshot_id FROM vmclone.jobs WHERE vm_name = 'done'), vm_name => 'done') WHERE message_key = 'ACTION_TYPE_FAILED_NAME_ALREADY_USED'"),
		1, "$database: checks read the rows");
	is($node->safe_psql($database, 'SELECT (SELECT count(*) FROM vmclone.image_locks) + (SELECT count(*) FROM vmclone.images WHERE imagestatus = 2)'), 0, "$database: and gives the locks back");
}

# --- the tool, on changes of each kind that it knows: 1.0.9 is 1.0 with these
my $changed = slurp_file("test/upgrade/vmclone--$released.sql");
my @changes = (
	[ 'a body' => qr/what grant_admin, grant_engine/, 'what the functions grant_admin, grant_engine' ],
	[ 'a result' => qr/CREATE FUNCTION vmclone\.caller_sees_all\(\)\s+RETURNS boolean/, "CREATE FUNCTION vmclone.caller_sees_all(everything boolean DEFAULT true)\nRETURNS boolean" ],
	[ 'its comment' => qr/COMMENT ON FUNCTION vmclone\.caller_sees_all(?:\(\))? IS/, 'COMMENT ON FUNCTION vmclone.caller_sees_all(boolean) IS' ],
	[ 'a column' => qr/(CREATE TABLE vmclone\.orphan_files \(.*?)(\n\);)/s, sub { "$1,\n    found_again boolean NOT NULL DEFAULT false CHECK (found_again IS NOT NULL)$2" } ],
	[ 'an index' => qr/CREATE INDEX jobs_owner ON vmclone\.jobs \(owner\)/, 'CREATE INDEX jobs_owner ON vmclone.jobs (owner, created_at)' ],
	[ 'an index that is gone' => qr/CREATE INDEX jobs_vm_id [^;]*;/, '' ],
	[ 'a trigger' => qr/(CREATE TRIGGER vmclone_guard_truncate) BEFORE TRUNCATE/, sub { "$1 AFTER TRUNCATE" } ],
	[ 'new objects' => qr/\z/, <<'SQL' ]);
CREATE TABLE vmclone.added (id integer PRIMARY KEY, note text);
COMMENT ON TABLE vmclone.added IS 'is new';
CREATE INDEX added_note ON vmclone.added (note);
SELECT pg_catalog.pg_extension_config_dump('vmclone.added', 'WHERE id > 0');
CREATE FUNCTION vmclone.added() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM vmclone.added; $$;
CREATE VIEW vmclone.added_view AS SELECT vmclone.added() AS rows;
REVOKE ALL ON vmclone.added, vmclone.added_view FROM PUBLIC;
SQL
foreach my $change (@changes)
{
	my ($what, $pattern, $replacement) = @$change;
	ok($changed =~ s/$pattern/ref $replacement ? $replacement->() : $replacement/e, "tool: $what is changed");
}
$changed =~ s/vmclone\.caller_sees_all\(\)(?=[^;]*FROM PUBLIC)/vmclone.caller_sees_all(boolean)/g;
append_to_file("$extensions$sharedir/extension/vmclone--1.0.9.sql", $changed);
$node->command_ok([ 'sh', '-c', 'tools/make-upgrade "$@"' . " > $extensions$sharedir/extension/vmclone--$released--1.0.9.sql", 'sh', "test/upgrade/vmclone--$released.sql",
		"$extensions$sharedir/extension/vmclone--1.0.9.sql", '/nonexistent' ], 'tool: runs');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(ancient tool_fresh tool_updated);
$node->safe_psql('ancient', "CREATE EXTENSION vmclone VERSION '$released'");
$node->safe_psql('tool_fresh', "CREATE EXTENSION vmclone VERSION '1.0.9'");
$node->safe_psql('tool_updated', "CREATE EXTENSION vmclone VERSION '$released'");
$node->safe_psql('tool_updated', "ALTER EXTENSION vmclone UPDATE TO '1.0.9'");
catalogs_are_equal('tool_updated', 'tool_fresh', 'tool: a script that brings them all');
isnt(catalog('tool_fresh'), catalog('ancient'), 'and they were changes');

# --- new SQL with an older library: what CREATE EXTENSION and ALTER EXTENSION say is the library's word
copy("$extensions$sharedir/extension/vmclone--$version.sql", "$extensions$sharedir/extension/vmclone--99.0.sql") or die $!;
$node->safe_psql('postgres', 'CREATE DATABASE ahead');
my ($code, $out, $err) = $node->psql('ahead', "CREATE EXTENSION vmclone VERSION '99.0'");
like($err, qr/The extension is version 99\.0, the library \Q$version\E.*Restart the server/s, 'SQL that is ahead of the library');
$node->stop;
done_testing();
