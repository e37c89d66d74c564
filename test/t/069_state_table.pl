# The state table refuses every move that docs/jobs.md doesn't have, and lets every other one: each is tried, on a library
# that has the table's own source, since no statement of ours asks for a forbidden one.  What the call writes first and what
# the worker does with tasks of a state that a person has written is tried in SQL.
use strict;
use warnings;
use Cwd qw(getcwd);
use PostgreSQL::Test::Utils;
use Test::More;
use StateTable qw(moves_of_page);
use VmcloneCluster;

my $node = VmcloneCluster->start_new('state_table', conf => "vmclone.retry_delay = '100ms'\n");
my $library = $node->basedir . '/state_moves.so';
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my ($include, $uuid) = map { chomp; $_ } (`$pg_config --includedir-server`, `pkg-config --cflags --libs uuid`);

is(system("cc -shared -fPIC -o $library -I" . getcwd() . "/src -I$include " . getcwd() . "/test/t/lib/state_moves.c $uuid"), 0,
	'the table as a library of its own');
$node->safe_psql('postgres', <<"SQL");
CREATE FUNCTION move_job(text, text, integer) RETURNS void LANGUAGE c STRICT AS '$library';
CREATE FUNCTION begin_job(text) RETURNS text LANGUAGE c STRICT AS '$library';
CREATE FUNCTION begin_task(integer) RETURNS text LANGUAGE c STRICT AS '$library';
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN internal_error THEN
	RETURN SQLERRM;
END
\$\$;
SQL

my @states = qw(queued running paused waiting held finishing failing cancelling cleaning succeeded failed cancelled);
my @movers = ('the call', 'worker', '`retry_job`', '`abandon_cleaning`', '`adopt`');
my %allowed = map { $_ => 1 } moves_of_page('Who moves a job');
my $moves = join ', ', map { my $m = $_; map { my $f = $_; map { "('$f', '$_', $m)" } @states } @states } 0 .. $#movers;
my @answers = split /\n/, $node->safe_psql('postgres',
	"SELECT f, t, m, error_of(format('SELECT move_job(%L, %L, %s)', f, t, m)) FROM (VALUES $moves) v (f, t, m)");
my (@let, @refused);
foreach my $answer (@answers)
{
	my ($from, $to, $mover, $error) = split /\|/, $answer, 4;

	push @{ $error eq '' ? \@let : \@refused }, "$from > $to by $movers[$mover]";
	die "strange: $error" unless $error =~ /^$|^job 00000000-\S+ must not go from $from to $to$/;
}
is(scalar(@answers), 12 * 12 * 5, 'every move is tried');
is(join("\n", sort @let), join("\n", sort grep { !/^–/ } keys %allowed), 'those of the page are let');
cmp_ok(scalar(@refused), '>', 600, 'and all others are errors: ' . @refused);

foreach my $state (@states)
{
	my $error = $node->value("SELECT error_of(\$\$SELECT begin_job('$state')\$\$)");

	is($error, $allowed{"– > $state by the call"} ? '' : "a job must not begin as $state", "begin as $state");
}
is($node->value('SELECT begin_task(0)'), 'init', 'a task begins as init');
is($node->value('SELECT error_of(\'SELECT begin_task(1)\')'), 'a task must not begin as running', 'and as nothing else');
done_testing();
