# The programs of docs/programs.md run as they stand there: by psycopg and JDBC, each way of waiting, and through PgBouncer.
use strict;
use warnings;
use File::Path qw(make_path);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use Test::More;
use VmcloneCluster;

my $page = slurp_file('docs/programs.md');
my $folder = PostgreSQL::Test::Utils::tempdir('programs');
my $jar = '/usr/share/java/postgresql.jar';

sub extract
{
	my ($language, $file) = @_;
	my ($text) = $page =~ /^```$language\n(.*?)^```/ms or die "no $language in docs/programs.md";

	append_to_file("$folder/$file", $text);
	return "$folder/$file";
}

sub has { return system("command -v $_[0] >/dev/null") == 0 }

my $node = VmcloneCluster->start_new('programs', conf => "listen_addresses = '127.0.0.1'\n");
append_to_file($node->data_dir . '/pg_hba.conf', "host all all 127.0.0.1/32 trust\n");
$node->reload;
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '1M', writes => 4 } ]);
my ($snapshot) = @{ $vm->{snapshots} };
my %environment = (PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => 'postgres');

# Runs a program; what it prints, and what it complains of.
sub program
{
	my ($where, @command) = @_;
	local @ENV{ keys %$where } = values %$where;
	my ($out, $err) = ('', '');

	run \@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	return ($out, $err);
}

sub succeeds
{
	my ($out, $err, $name, $what) = @_;
	my $job = $node->row("SELECT job_id, vm_id, status FROM vmclone.jobs WHERE vm_name = '$name'");

	is($out, "$job->{job_id} succeeded\n", $what) or diag($err);
	$node->images_equal($job->{vm_id}, $vm, 0, $what);
	return $job->{job_id};
}

SKIP:
{
	skip 'python3-psycopg is missing', 1 if system('python3 -c "import psycopg" 2>/dev/null') != 0;
	my $python = extract('python', 'clone.py');
	my $first;

	foreach my $way (qw(call listen look))
	{
		$first = succeeds(program(\%environment, 'python3', $python, $snapshot, "python_$way", $way), "python_$way", "Python waits by $way");
	}
	is($node->value("SELECT count(*) FROM vmclone.images i JOIN vmclone.async_tasks t ON t.image_id = i.image_guid WHERE t.volume_format = 'COW'"), 3, 'jsonb arrives: the disks are as it asked');
	my ($out, $err) = program(\%environment, 'python3', $python, $snapshot, 'python_look');
	is($out, "$first succeeded\n", 'the same call again has the first one\'s job') or diag($err);
	$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = '$snapshot'");
	($out, $err) = program(\%environment, 'python3', $python, $snapshot, 'python_refused');
	is($err, "VC012 ACTION_TYPE_FAILED_VM_IS_DURING_SNAPSHOT: virtual machine \"$vm->{name}\" is during a snapshot operation\n", 'a refusal has SQLSTATE and key');
	$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'OK' WHERE snapshot_id = '$snapshot'");

	skip 'pgbouncer is missing', 1 unless -x '/usr/sbin/pgbouncer';
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	append_to_file("$folder/pgbouncer.ini", <<"INI");
[databases]
postgres = host=$environment{PGHOST} port=$environment{PGPORT} user=postgres
[pgbouncer]
pool_mode = transaction
listen_addr =
unix_socket_dir = $environment{PGHOST}
listen_port = $port
auth_type = any
logfile = $folder/pgbouncer.log
pidfile = $folder/pgbouncer.pid
default_pool_size = 1
INI
	system('/usr/sbin/pgbouncer', '-q', '-d', "$folder/pgbouncer.ini") == 0 or die 'pgbouncer';
	my %pooled = (%environment, PGPORT => $port);
	succeeds(program(\%pooled, 'python3', $python, $snapshot, "pooled_$_", $_), "pooled_$_", "through PgBouncer's transaction mode, with one server connection, Python waits by $_") foreach qw(call look);
	kill 'INT', slurp_file("$folder/pgbouncer.pid") =~ /(\d+)/;
}

SKIP:
{
	skip 'a JDK or libpostgresql-jdbc-java is missing', 1 unless has('javac') && -e $jar;
	my $java = extract('java', 'Clone.java');
	my $url = "jdbc:postgresql://127.0.0.1:$environment{PGPORT}/postgres?user=postgres";
	my ($out, $err) = program({}, 'java', '-cp', $jar, $java, $url, $snapshot, 'java');

	succeeds($out, $err, 'java', 'Java: uuid, jsonb, LISTEN and CALL');
	is($node->value("SELECT description FROM vmclone.vm_static WHERE vm_name = 'java'"), 'made by JDBC', 'jsonb arrives');
	($out, $err) = program({}, 'java', '-cp', $jar, $java, $url, '00000000-0000-4000-8000-000000000000', 'java2');
	like($err, qr/^VC\d{3} ACTION_TYPE_FAILED_VM_SNAPSHOT_DOES_NOT_EXIST: /, 'a refusal has SQLSTATE and key');
}
$node->stop;
done_testing();
