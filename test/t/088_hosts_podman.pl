# Another launcher than ssh: "podman exec" into a container that has nothing but the copier and the storage, at a path of its own.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;
use VmcloneCluster;
use PostgreSQL::Test::Utils;

my ($podman) = grep { -x $_ } qw(/usr/bin/podman) or plan skip_all => 'no podman';
my ($runtime) = grep { -x $_ } qw(/usr/sbin/runc /usr/bin/runc /usr/bin/crun) or plan skip_all => 'no container runtime';
my $node = VmcloneCluster->start_new('podman', conf => "vmclone.retry_delay = '100ms'\nvmclone.copy_lease = '5s'\n");
my $copier = $node->value('SHOW vmclone.copy_program');
my $home = tempdir(CLEANUP => 1);
my @podman = ('/usr/bin/env', "HOME=$home", "XDG_RUNTIME_DIR=$home", $podman, qw(--cgroup-manager=cgroupfs --storage-driver=vfs --log-level=error --runtime),
	$runtime);

# The copier with the libraries that it needs, and something that waits.
sub make_root
{
	my ($root) = @_;

	make_path(map { "$root/$_" } qw(bin storage proc dev sys tmp etc run));
	foreach my $program ($copier, '/bin/sleep')
	{
		copy($program, "$root/bin/") or die "$program: $!";
		chmod 0755, "$root/bin/" . ($program =~ s{.*/}{}r);
		foreach my $library (`ldd $program` =~ m{(/\S+)}g)
		{
			my ($folder) = $library =~ m{^(.*)/};

			make_path("$root$folder");
			copy($library, "$root$library") or die "$library: $!";
			chmod 0755, "$root$library";
		}
	}
	return $root;
}

sub podman
{
	my (@arguments) = @_;
	my ($out, $err);

	my $ok = IPC::Run::run([ @podman, @arguments ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	return ($ok, "$out$err");
}

my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 } ]);
my ($snapshot, $domain) = ($vm->{snapshots}[1], $vm->{domain});
my @container = (qw(run -d --name copier --network=none --pull=never), '-v', $node->storage_root . ':/storage', '--rootfs', make_root("$home/root"), qw(/bin/sleep 10000));
my ($runs, $why) = podman(@container);
unless ($runs)
{
	$node->stop;
	plan skip_all => 'no container runs here: ' . ((split /\n/, $why)[-1] // '');
}

my $line = join ' ', @podman, qw(exec -i {address} /bin/vmclone-copy serve --root /storage);
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_launcher = '$line'");
$node->reload;
$node->safe_psql('postgres', q{SELECT vmclone.add_copy_host('container', 'copier'), vmclone.drain_copy_host('local')});
my $check = $node->row(q{SELECT * FROM vmclone.check_copy_host('container')});
is($check->{status}, 'up', 'a container is a host') or diag(explain $check);
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '/storage/$domain', host => 'container')");
is($node->value("SELECT status FROM vmclone.check_storage_domain('$domain', 'container')"), 'attached', 'its path of the domain is its own');

sub start
{
	my ($name, %arguments) = @_;
	my $job = $node->clone($snapshot, vm_name => $name, lock_mode => 'shared', %arguments);

	$node->poll_query_until('postgres', "SELECT min(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'") or die 'nothing is copied';
	is($node->value("SELECT host_name FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), 'container', "$name: copied in the container");
	return $job;
}

my $job = start('plain', verify => 1);
$node->clone_ends_well($job, $vm, 1, $job->{vm_name});
$job = start('cancelled', bandwidth_limit => 400_000);
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job->{job_id}')");
is($node->wait_for_job($job->{job_id}), 'cancelled', 'a copy in the container is cancelled');
is_deeply([ $node->leftovers ], [], 'and leaves nothing');
is($node->value("SELECT string_agg(status, ' ') FROM vmclone.measure_snapshot('$snapshot')"), 'queued queued', 'a measurement');
ok($node->poll_query_until('postgres', q{SELECT bool_and(status = 'done') FROM vmclone.measurements}), 'is done in the container');

# the container's end is no proof that the copier has gone: the next one waits for the lease
$job = start('killed', bandwidth_limit => 400_000);
my ($killed, $said) = podman(qw(kill copier));
ok($killed, 'the container is killed') or diag($said);
ok($node->poll_query_until('postgres', q{SELECT state = 'down' FROM vmclone.copy_hosts WHERE host_name = 'container'}), 'the host is down')
  or diag(explain $node->rows('SELECT * FROM vmclone.copy_hosts'));
$node->safe_psql('postgres', q{SELECT vmclone.drain_copy_host('local', false)});
ok($node->poll_query_until('postgres', "SELECT host_name = 'local' FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'"), 'the copy goes on elsewhere');
$node->clone_ends_well($job, $vm, 1, $job->{vm_name});
is_deeply([ $node->leftovers ], [], 'no file is left over');
podman(qw(rm -f -t 0 copier));
$node->stop;
done_testing();
