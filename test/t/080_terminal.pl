# The command vmclone for a terminal: names, choices, exit codes, JSON, and a bar that fits the screen.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('primary');
my $vm = $node->make_vm(name => 'web 01@home', snapshots => 3,
	disks => [ { format => 'raw', size => '64M' }, {} ]);
my ($bindir) = map { chomp; $_ } `$ENV{PG_CONFIG} --bindir`;
my $program = "$ENV{VMCLONE_INSTALLED}$bindir/vmclone";
my $slow = 400_000;

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';

my ($status, $out, $err);

sub run_it
{
	my @arguments = @_;
	my ($stdout, $stderr) = ('', '');
	IPC::Run::run([ $program, @arguments ], '<', \undef, '>', \$stdout, '2>', \$stderr);
	($status, $out, $err) = ($? >> 8, $stdout, $stderr);
	return;
}

my $snapshot = $node->value("SELECT description FROM vmclone.snapshots WHERE snapshot_id = '$vm->{snapshots}[0]'");
my ($system, $data) = split(/\n/, $node->value("SELECT string_agg(disk_alias, E'\\n' ORDER BY disk_alias) FROM vmclone.disks WHERE vm_name = 'web 01\@home'"));
my $source = "web 01\@home\@$snapshot";

run_it('list', 'web*');
is($status, 0, 'list');
like($out, qr/web 01\@home +\| vm +\| Down/, 'list: name, kind, status');
run_it('list', 'we_ 01%');
unlike($out, qr/web/, 'list: only * and ? are patterns');
run_it('--json', 'list', 'web*');
is(JSON::PP::decode_json($out)->[0]{name}, 'web 01@home', 'list in JSON');
run_it('tree', 'web 01@home');
like($out, qr/\Q$snapshot\E.*\Q$data\E/s, 'tree: snapshots and their images');
run_it('tree', 'nobody');
is($status, 1, 'no such VM: exit code');
like($err, qr/^vmclone: no virtual machine or template is called "nobody"\n"vmclone list" shows what there is\.$/m, 'no such VM: message');
run_it('plan', 'web 01@home@nothing', 'copy1');
is("$status $err", "1 vmclone: no snapshot of \"web 01\@home\" is called \"nothing\"\n\"vmclone tree web\\ 01\@home\" shows what there is.\n", 'no such snapshot');

run_it('plan', $source, 'copy1', '--disk', "$data=format:RAW");
is($status, 0, 'plan');
like($out, qr/\Q$data\E +\| copy.*\| RAW/, 'plan: the choice of a disk is heard');
run_it('plan', $source, 'web 01@home');
is($status, 1, 'plan of what would be refused: exit code');
like($err, qr/^ERROR: name is already used: web 01\@home$/m, 'plan: why it would be');

run_it('clone', $source, 'copy1', '--set', 'mem_size_mb=3072', '--set', q{description=it's "so"; \\x}, '--disk', "$data=include:no");
is($status, 0, 'clone') or diag $err;
like($out, qr/^copy1: job [0-9a-f-]{36}\n.*copy1: 100 %$/s, 'clone: lines for a log');
is($node->value("SELECT mem_size_mb || ' ' || description FROM vmclone.vm_static WHERE vm_name = 'copy1'"),
	q{3072 it's "so"; \\x}, 'clone: values come whole');
is($node->value("SELECT string_agg(disk_alias, ' ') FROM vmclone.disks WHERE vm_name = 'copy1'"), "${system}_copy1", 'clone: without a disk');

run_it('clone', $source, 'copy1');
is($status, 1, 'clone that is refused: exit code');
like($err, qr/^ERROR: .*\nDETAIL: .*ACTION_TYPE_FAILED_NAME_ALREADY_USED.*\nHINT: /s, 'clone that is refused: the server\'s words');
run_it('clone', $source, 'copy2', '--disk', 'none=include:no');
is("$status $err", "2 vmclone: the snapshot has no disk \"none\"\n\"vmclone --help\" says how it is used.\n", 'a disk that is not there');
run_it('clone', $source, 'copy2', '--copies', 'many');
is($status, 2, 'a number that is none');
run_it('clone', $source, 'copy2', '--set', "name'--=1");
is($status, 2, 'a column that is none');
run_it('-d', 'nowhere', 'list');
is($status, 3, 'no server');
run_it('-d', 'template1', 'list');
is("$status $err", "1 vmclone: the database has no extension vmclone: name another one (-d DATABASE), or make it there: CREATE EXTENSION vmclone\n",
	'a database without the extension');
run_it('fly');
is($status, 2, 'no such command');

run_it('--json', 'clone', $source, 'batch-{n}', '--copies', '2', '--template');
is($status, 0, 'templates, in JSON') or diag $err;
is(join(' ', map { "$_->{vm_name} $_->{status}" } @{ JSON::PP::decode_json($out) }), 'batch-1 succeeded batch-2 succeeded', 'both');

run_it('clone', $source, 'slow', '--limit', $slow / 20, '--no-wait');
is($status, 0, 'clone without waiting');
run_it('watch', '--timeout', '0', 'slow');
is($status, 6, 'watch: the time is over');
run_it('jobs');
like($out, qr/slow/, 'jobs: what is under way');
run_it('cancel', 'slow');
is($status, 0, 'cancel');
run_it('watch', 'slow');
is($status, 5, 'watch: a cancelled job');
run_it('pause', 'slow');
is($status, 1, 'pause of what is over');

# --- a real terminal of some widths: no line is longer, and the last one says that it is done
foreach my $columns (20, 40, 80, 200)
{
	my $name = "screen$columns-" . 'x' x 20;
	my $screen = $node->basedir . "/screen$columns";
	local $ENV{CHOSEN} = $name;
	local $ENV{SOURCE} = $source;
	system('script', '-qec', "stty cols $columns; '$program' clone \"\$SOURCE\" \"\$CHOSEN\" --limit 4000000", $screen) == 0
	  or fail("a terminal of $columns columns: the program failed");
	open(my $handle, '<:encoding(UTF-8)', $screen) or die "cannot open $screen: $!";
	local $/;
	my @lines = grep { /%/ } map { s/^\e\[K//r } split(/\r\n?|\n/, <$handle>);
	my ($longest) = sort { $b <=> $a } map { length } @lines;
	cmp_ok($longest, '<=', $columns, "a terminal of $columns columns: no line is longer");
	like($lines[-1], qr/100 %/, "a terminal of $columns columns: it is done");
	like($lines[-1], qr/\[#+\]/, "a terminal of $columns columns: with a bar") if $columns >= 40;
	like(join("\n", @lines), qr{ of \d+}, "a terminal of $columns columns: with sizes") if $columns >= 80;
}

# --- completion
my $completed = `bash -c '. src/terminal/completion.bash; PATH="${\ ($program =~ s,/vmclone$,,r)}:\$PATH"
	COMP_WORDS=(vmclone tree we); COMP_CWORD=2; _vmclone; printf "%s|" "\${COMPREPLY[\@]}"
	COMP_WORDS=(vmclone xml we); COMP_CWORD=2; _vmclone; printf "%s|" "\${COMPREPLY[\@]}"
	COMP_WORDS=(vmclone imp); COMP_CWORD=1; _vmclone; printf "%s|" "\${COMPREPLY[\@]}"
	COMP_WORDS=(vmclone import --n); COMP_CWORD=2; _vmclone; printf "%s|" "\${COMPREPLY[\@]}"
	COMP_WORDS=(vmclone clo); COMP_CWORD=1; _vmclone; printf "%s|" "\${COMPREPLY[\@]}"'`;
is($completed, 'web\\ 01@home|web\\ 01@home|import|--name|clone|', 'completion: names from the server, and commands');
done_testing();
