# contrib/monitoring against the real programs: postgres_exporter runs the queries as a viewer, Prometheus gathers what they say,
# and knows an answer to each query of the Grafana dashboard.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More;
use VmcloneCluster;

foreach my $program (qw(prometheus prometheus-postgres-exporter))
{
	plan skip_all => "$program is missing" if system("command -v $program >/dev/null") != 0;
}

my $folder = PostgreSQL::Test::Utils::tempdir('monitoring');
my $node = VmcloneCluster->start_new('monitoring');
my $vm = $node->make_vm(snapshots => 2, disks => [ { format => 'raw', size => '1M', writes => 4 } ]);
my $http = HTTP::Tiny->new(timeout => 30);
my @programs;

sub start_program
{
	my ($name, @command) = @_;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		open STDOUT, '>', "$folder/$name.log" or die;
		open STDERR, '>&', \*STDOUT or die;
		exec @command or die;
	}
	push @programs, $pid;
	return;
}

# An address that answers in time, else the last complaint.
sub get
{
	my ($address, $wanted) = @_;
	my $answer;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$answer = $http->get($address);
		last if $answer->{success} && (!$wanted || $answer->{content} =~ $wanted);
		select undef, undef, undef, 0.1;
	}
	return $answer->{content};
}
END { kill 'TERM', @programs if @programs }

$node->safe_psql('postgres', "CREATE ROLE monitor LOGIN; SELECT vmclone.grant_viewer('monitor')");
my $made = $node->clone($vm->{snapshots}[0], vm_name => 'made', lock_mode => 'shared');
is($node->wait_for_job($made->{job_id}), 'succeeded', 'there is a clone');
$node->clone($vm->{snapshots}[0], vm_name => 'resting', lock_mode => 'shared', start_paused => 'true');

my $exporter = PostgreSQL::Test::Cluster::get_free_port();
$ENV{DATA_SOURCE_NAME} = 'postgresql:///postgres?host=' . $node->host . '&port=' . $node->port . '&user=monitor&sslmode=disable';
start_program('exporter', 'prometheus-postgres-exporter', '--extend.query-path=contrib/monitoring/postgres_exporter.yaml',
	'--disable-default-metrics', '--disable-settings-metrics', "--web.listen-address=127.0.0.1:$exporter");
my $metrics = get("http://127.0.0.1:$exporter/metrics", qr/vmclone_stat_/);
my %wanted = (
	'vmclone_worker_up' => 1,
	'vmclone_jobs_count.*status="paused"' => 1,
	'vmclone_stat_clones_succeeded' => 1,
	'vmclone_stat_bytes_saved_by_holes' => $node->value('SELECT bytes_saved_by_holes FROM vmclone.stat'),
	'vmclone_storage_attached.*storage_domain="nfs1"' => 1);
foreach my $metric (sort keys %wanted)
{
	my ($value) = $metrics =~ /^$metric\S* (\S+)$/m;

	cmp_ok($value // -1, '==', $wanted{$metric}, "the exporter has $metric");
}
like($metrics, qr/^pg_exporter_last_scrape_error 0$/m, 'and no error');
unlike(slurp_file("$folder/exporter.log"), qr/level=error/, 'nor any in its log') or diag(slurp_file("$folder/exporter.log"));
my ($yaml) = slurp_file('contrib/monitoring/postgres_exporter.yaml');
foreach my $name ($yaml =~ /^(vmclone_\w+):/mg)
{
	like($metrics, qr/^$name\_/m, "query $name has rows");
}

my $prometheus = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$folder/prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: vmclone, static_configs: [{targets: ['127.0.0.1:$exporter']}]}]\n");
start_program('prometheus', 'prometheus', "--config.file=$folder/prometheus.yml", "--storage.tsdb.path=$folder/data", "--web.listen-address=127.0.0.1:$prometheus");
get("http://127.0.0.1:$prometheus/api/v1/query?query=count_over_time(vmclone_stat_waits%5B1m%5D)%3E2", qr/"value"/);
my $dashboard = decode_json(slurp_file('contrib/monitoring/grafana-dashboard.json'));
is(scalar(@{ $dashboard->{panels} }), 11, 'the dashboard has its panels');
foreach my $panel (@{ $dashboard->{panels} })
{
	foreach my $target (@{ $panel->{targets} })
	{
		my $query = $target->{expr} =~ s/\$server/.*/r;
		my $answer = decode_json($http->get("http://127.0.0.1:$prometheus/api/v1/query?" . $http->www_form_urlencode({ query => $query }))->{content});

		cmp_ok(scalar(@{ $answer->{data}{result} // [] }), '>', 0, "$panel->{title}: $target->{legendFormat}") or diag("$query: " . ($answer->{error} // 'nothing'));
	}
}
$node->stop;
done_testing();
