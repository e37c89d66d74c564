# What a dump has, and hasn't, of people's own objects on vmclone's tables: docs/howto.md, "Backup", says so.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

plan skip_all => "an engine's tables are no members of the extension" if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';

my $node = VmcloneCluster->start_new('own_objects', preload => 0, fixture => 0, extension => 0);

sub restored
{
	my ($sql) = @_;
	my ($dump, $out, $err);
	$node->safe_psql('template1', "DROP DATABASE IF EXISTS $_") foreach qw(source target);
	$node->safe_psql('template1', "CREATE DATABASE $_") foreach qw(source target);
	$node->safe_psql('source', "CREATE EXTENSION vmclone;\n$sql");
	IPC::Run::run([ 'pg_dump', '-d', $node->connstr('source') ], '>', \$dump, '2>', \$err) or die $err;
	IPC::Run::run([ 'psql', '-qX', '-d', $node->connstr('target') ], '<', \$dump, '>', \$out, '2>', \$err);
	return ($dump, $err);
}

my $user = q{INSERT INTO vmclone.users (user_id, name, domain, external_id, username) VALUES (gen_random_uuid(), 'a', 'd', 'x', 'u');};
my ($dump, $err) = restored($user);
is($err, '', 'a dump restores without an error');
is($node->safe_psql('target', 'SELECT count(*) FROM vmclone.users'), 1, 'with its rows');

($dump, $err) = restored("ALTER TABLE vmclone.users ADD COLUMN site text; $user");
like($err, qr/column "site" of relation "users" does not exist/, 'a column of one\'s own makes the restore of its table fail');
is($node->safe_psql('target', 'SELECT count(*) FROM vmclone.users'), 0, 'none of its rows is there');

($dump, $err) = restored(<<"SQL");
$user
CREATE INDEX own_thing ON vmclone.users (username);
CREATE TRIGGER own_thing BEFORE UPDATE ON vmclone.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE vmclone.users ADD CONSTRAINT own_thing CHECK (username <> '');
CREATE POLICY own_thing ON vmclone.users FOR SELECT USING (true);
ALTER TABLE vmclone.users ENABLE ROW LEVEL SECURITY;
CREATE TABLE public.notes (user_id uuid REFERENCES vmclone.users, note text);
INSERT INTO public.notes SELECT user_id, 'of mine' FROM vmclone.users;
SQL
is($err, '', 'indexes, triggers, constraints, policies of one\'s own harm no restore');
unlike($dump, qr/own_thing|ROW LEVEL SECURITY/, 'and are not in the dump');
is($node->safe_psql('target', "SELECT count(*) FROM pg_class WHERE relname = 'own_thing'"), 0, 'nor there');
is($node->safe_psql('target', 'SELECT n.note FROM public.notes n JOIN vmclone.users USING (user_id)'), 'of mine', 'a table of one\'s own that refers to one of vmclone\'s is');

my $roles = $node->safe_psql('target', 'SELECT count(*) FROM vmclone.roles');
($dump, $err) = restored(q{DELETE FROM vmclone.roles_groups WHERE role_id = (SELECT max(id::text)::uuid FROM vmclone.roles WHERE is_readonly);
DELETE FROM vmclone.roles WHERE id = (SELECT max(id::text)::uuid FROM vmclone.roles WHERE is_readonly);});
is($err, '', 'a dump without a predefined role restores');
is($node->safe_psql('target', 'SELECT count(*) FROM vmclone.roles'), $roles, 'and the role is there again');
$node->stop;
done_testing();
