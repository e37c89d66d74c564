# pg_upgrade from OLDER_PG_CONFIG's server to PG_CONFIG's, with jobs in every state: the new server's identity is another one, so
# that nothing is run before adopt(); domains are taken over; jobs then go on from where they were.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $vm;
my ($code, $out, $err);

my $old;
{
	local $ENV{PG_CONFIG} = $ENV{OLDER_PG_CONFIG};
	my $folder = VmcloneCluster::pg_config('--bindir') =~ s{/bin$}{}r;

	$old = VmcloneCluster->start_new('old', server => [ install_path => $folder ]);
}
my $new = VmcloneCluster->new('new');
my ($major) = VmcloneCluster::pg_config('--version') =~ /(\d+)/;
$new->init(extra => [ '-U', 'postgres', '--locale=' . $old->value('SHOW lc_ctype'), '--encoding=UTF8',
		# 18's initdb makes them unless told, and the old server has none
		$major >= 18 ? '--no-data-checksums' : () ]);
$new->append_conf('postgresql.conf', $new->server_settings . "shared_preload_libraries = 'vmclone'\n"
	  . "vmclone.storage_roots = '" . $old->storage_root . "'\n");

# jobs in every state in which one can stay
$vm = $old->make_vm(name => 'web01', disks => [ { writes => 60 } ]);
my $other = $old->make_vm(name => 'web02', domain => 'nfs2');
my ($snapshot, $second) = ($vm->{snapshots}[1], $other->{snapshots}[1]);
my %job;
my %options = (lock_mode => 'shared');

$job{succeeded} = $old->clone($snapshot, vm_name => 'succeeded', %options);
is($old->wait_for_job($job{succeeded}{job_id}), 'succeeded', 'succeeded');
$job{cancelled} = $old->clone($snapshot, vm_name => 'cancelled', start_paused => 'true', %options);
$old->safe_psql('postgres', "SELECT vmclone.cancel_job('$job{cancelled}{job_id}')");
is($old->wait_for_job($job{cancelled}{job_id}), 'cancelled', 'cancelled');

# a source that is no image ends its jobs: one fails, one is held
my $layer = "$other->{disks}[0]{path}/$other->{disks}[0]{images}[0]";
rename $layer, "$layer.away" or die;
open(my $handle, '>', $layer) or die;
print $handle 'no image' x 100;
close $handle;
$job{failed} = $old->clone($second, vm_name => 'failed', %options);
is($old->wait_for_job($job{failed}{job_id}), 'failed', 'failed');
$job{held} = $old->clone($second, vm_name => 'held', on_failure => 'hold', %options);
is($old->wait_for_status($job{held}{job_id}, 'held', 'failed'), 'held', 'held');
rename "$layer.away", $layer or die;

$job{paused} = $old->clone($snapshot, vm_name => 'paused', bandwidth_limit => 100_000, %options);
$old->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job{paused}{job_id}'");
$old->safe_psql('postgres', "SELECT vmclone.pause_job('$job{paused}{job_id}')");
is($old->wait_for_status($job{paused}{job_id}, 'paused'), 'paused', 'paused');
$job{running} = $old->clone($snapshot, vm_name => 'running', bandwidth_limit => 50_000, %options);
$old->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job{running}{job_id}'");
# its source domain is set inactive once it is queued
$job{waiting} = $old->clone($second, vm_name => 'waiting', start_paused => 'true', %options);
$old->safe_psql('postgres', "UPDATE vmclone.storage_pool_iso_map SET status = 4 WHERE storage_id = '$other->{domain}'");
$old->safe_psql('postgres', "SELECT vmclone.resume_job('$job{waiting}{job_id}')");
is($old->wait_for_status($job{waiting}{job_id}, 'waiting'), 'waiting', 'waiting');
$job{queued} = $old->clone($snapshot, vm_name => 'queued', start_paused => 'true', %options);
is($old->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job{running}{job_id}'"), 'running', 'running');
my $before = $old->value("SELECT string_agg(vm_name || ' ' || status, ', ' ORDER BY vm_name) FROM vmclone.jobs");
$old->stop;

my ($old_bin) = map { chomp; $_ } `$ENV{OLDER_PG_CONFIG} --bindir`;
chdir $new->basedir or die;
$new->command_ok(
	[
		'pg_upgrade', '-b', $old_bin, '-B', VmcloneCluster::pg_config('--bindir'), '-d', $old->data_dir, '-D', $new->data_dir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port, '-U', 'postgres', '--copy' ],
	'pg_upgrade');
chdir '/';
$new->start;

is($new->value("SELECT string_agg(vm_name || ' ' || status, ', ' ORDER BY vm_name) FROM vmclone.jobs"), $before,
	"jobs are as they were: $before");
is($new->value('SELECT identity FROM vmclone.worker'), 'other server', 'the new server has another identity');
like($new->value('SELECT advice FROM vmclone.worker'), qr/adopt\('resume'/, 'view worker says what to do');
($code, $out, $err) = $new->psql('postgres', "SELECT vmclone.add_vm_from_snapshot('$snapshot', vm_name => 'early', lock_mode => 'shared')");
like($err, qr/jobs under way in this database are not its own.*adopt\('resume'\)/s, 'and so does a call');
sleep 2;
is($new->value("SELECT status FROM vmclone.jobs WHERE vm_name = 'running'"), 'running', 'nothing is done before');

# what the how-to says
$new->safe_psql('postgres', "SELECT vmclone.adopt('resume')");
like($new->value("SELECT string_agg(attach_error, ' ') FROM vmclone.storage WHERE mount_path IS NOT NULL"),
	qr/attach it again with take_over => true/, 'the domains are to be attached again');
$new->safe_psql('postgres',
	'SELECT vmclone.attach_storage_domain(storage_domain_id, mount_path, take_over => true) FROM vmclone.storage WHERE mount_path IS NOT NULL');
$new->safe_psql('postgres', "UPDATE vmclone.storage_pool_iso_map SET status = 3 WHERE storage_id = '$other->{domain}'");
$new->safe_psql('postgres',
	"SELECT vmclone.alter_job(job_id, bandwidth_limit => 0) FROM vmclone.jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')");
$new->safe_psql('postgres', "SELECT vmclone.resume_job(job_id) FROM vmclone.jobs WHERE status = 'paused' AND vm_name = 'paused'");
$new->safe_psql('postgres', "SELECT * FROM vmclone.retry_job('$job{$_}{job_id}')") foreach qw(held waiting);
foreach my $state (qw(running paused waiting held))
{
	is($new->wait_for_job($job{$state}{job_id}), 'succeeded', "the job that was $state succeeds")
	  or diag($new->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job{$state}{job_id}'"));
	$new->images_equal($job{$state}{vm_id}, $state =~ /held|waiting/ ? $other : $vm, 1, 'exactly');
}
is($new->value("SELECT vm_status FROM (SELECT status AS vm_status FROM vmclone.vms WHERE vm_name = 'succeeded') v"), 'Down', 'finished clones are there');
my $last = $new->clone($snapshot, vm_name => 'last', %options);
is($new->wait_for_job($last->{job_id}), 'succeeded', 'and new ones can be made');
$new->images_equal($last->{vm_id}, $vm, 1, 'exactly');
$new->stop;
done_testing();
