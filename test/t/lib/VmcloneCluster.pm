
=head1 NAME

VmcloneCluster - a PostgreSQL::Test::Cluster with vmclone, storage domains and VMs that have real disks

=head1 SYNOPSIS

  use VmcloneCluster;

  my $node = VmcloneCluster->start_new('primary', preload => 1);   # database "postgres" has the extension
  my $vm   = $node->make_vm(snapshots => 3, disks => [ { format => 'raw', size => '64M' }, {} ]);
  my $job  = $node->clone($vm->{snapshots}[1], vm_name => 'copy');
  is($node->wait_for_job($job->{job_id}), 'succeeded', 'cloned');
  $node->images_equal($job->{vm_id}, $vm, 1);                  # against qemu-img, disk by disk
  done_testing();                                              # the server stops by itself

=cut

package VmcloneCluster;

use strict;
use warnings;
use parent -norequire, 'PostgreSQL::Test::Cluster';
use Carp qw(croak);
use File::Path qw(make_path);
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More;

# PostgreSQL::Test::Utils has taken it from the environment.
$ENV{PGUSER} = 'postgres';

# oVirt's codes of images.volume_format.
my %VOLUME_FORMAT = (raw => 5, qcow2 => 4);

=head1 MAKING A SERVER

=head2 VmcloneCluster->start_new($name, %options)

Makes and starts a server; creates the extension and loads the fixture in database C<postgres>.  In suite tap-engine the
database has an engine's own tables before, and the fixture binds the extension to them.

  preload     true: the library is in shared_preload_libraries (default: 1)
  conf        more lines for postgresql.conf
  extension   false: no CREATE EXTENSION, no fixture
  fixture     false: no fixture
  server      arguments for PostgreSQL::Test::Cluster's new, e.g. [ install_path => '/usr/lib/postgresql/15' ]
  init        more arguments for PostgreSQL::Test::Cluster's init, e.g. [ allows_streaming => 1 ]

=cut

sub start_new
{
	my ($class, $name, %options) = @_;
	my $node = $class->new($name, @{ $options{server} || [] });

	# "postgres" whoever runs the tests, so that what names the caller is the same everywhere
	my %init = @{ $options{init} || [] };
	$node->init(%init, extra => [ '-U', 'postgres', @{ $init{extra} || [] } ]);
	make_path($node->storage_root);
	$node->append_conf('postgresql.conf', $node->server_settings);
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'vmclone'\n")
	  if $options{preload} // 1;
	$node->append_conf('postgresql.conf', $options{conf}) if defined $options{conf};
	$node->start;
	# a value that is out of range would silently be the default
	my $wrong = $node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', name, setting, error), '; ') FROM pg_file_settings WHERE error IS NOT NULL");
	croak "settings of $name: $wrong" if $wrong ne '';
	$node->load_extension('postgres', %options) if $options{extension} // 1;
	return $node;
}

# The settings by which a server finds what `make install DESTDIR=` put below VMCLONE_INSTALLED.
sub server_settings
{
	my ($node) = @_;
	my $installed = $ENV{VMCLONE_INSTALLED} or croak 'run this through "make check-tap"';
	my ($bindir, $libdir, $sharedir) =
	  map { pg_config($_) } qw(--bindir --pkglibdir --sharedir);
	my ($major) = pg_config('--version') =~ /(\d+)/;
	my $root = $node->storage_root;

	return ($major >= 18
		? "extension_control_path = '$installed$sharedir:\$system'\n"
		: "extension_destdir = '$installed'\n")
	  . <<"CONF";
dynamic_library_path = '$installed$libdir:\$libdir'
vmclone.copy_program = '$installed$bindir/vmclone-copy'
vmclone.storage_roots = '$root'
max_worker_processes = 16
max_prepared_transactions = 10
restart_after_crash = on
log_min_messages = info
CONF
}

sub pg_config
{
	my ($what) = @_;
	my $program = $ENV{PG_CONFIG} || 'pg_config';
	my $answer = `$program $what`;

	die "$program $what failed" if $? != 0;
	chomp $answer;
	return $answer;
}

=head2 $node->wrap_copier($path, $body)

Puts a program in the copier's place, at $path: before each step it runs $body (bash), with the step's arguments in "$@"; an
exit there ends it.

=cut

sub wrap_copier
{
	my ($node, $path, $body) = @_;
	my $program = $node->value('SHOW vmclone.copy_program');

	open my $script, '>', $path or croak "$path: $!";
	print $script <<"SH";
#!/bin/bash
step() {
$body
"$program" "\$@"
}
# a lease is the copier's own affair
while [ "\$1" = --lease ] || [ "\$1" = --beat ]; do
	shift 2
done
if [ "\$1" != sequence ]; then
	step "\$@"
	exit
fi
shift
words=()
for word in "\$@" --then; do
	if [ "\$word" != --then ]; then
		words+=("\$word")
		continue
	fi
	step "\${words[@]}" || exit
	words=()
done
SH
	close $script;
	chmod 0755, $path or croak "chmod $path: $!";
	$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$path'");
	$node->reload;
	return;
}

=head2 $node->reload

Returns when new sessions see the new settings: from then on the worker has been told, too, and takes them before it looks
at what has happened since.

=cut

sub reload
{
	my ($node) = @_;
	my $before = $node->value('SELECT pg_conf_load_time()');

	$node->SUPER::reload;
	# a session each time: one that is there already may be told before the worker is
	$node->SUPER::poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'") or croak 'the server did not reload';
	return;
}

=head2 $node->first_answer($database, $query, $is_wanted), $node->poll_query_until($database, $query [, $expected])

Asks again and again until the answer is what $is_wanted->($answer) takes, and returns it; undef after
PostgreSQL::Test::Utils::timeout_default seconds.  It asks in one session, and begins another one where that ends: a process
for each question keeps a machine busy that only waits.  poll_query_until is PostgreSQL::Test::Cluster's, by it.

=cut

sub first_answer
{
	my ($node, $database, $query, $is_wanted) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	# PostgreSQL 13's tests know one installation only
	my $psql = $node->can('installed_command') ? $node->installed_command('psql') : 'psql';
	my @command = ($psql, qw(-XAtq -v ON_ERROR_STOP=1 -d), $node->connstr($database));
	my ($session, $in, $out, $err, $answer);

	while (time <= $end)
	{
		if (!$session)
		{
			($in, $out, $err) = ('', '', '');
			$session = IPC::Run::start(\@command, '<', \$in, '>', \$out, '2>', \$err);
		}
		($out, $in) = ('', "$query\n;\n\\echo -- answered\n");
		eval { $session->pump while $out !~ /^-- answered\n/m; 1 } or $err .= $@;
		$answer = $out =~ s/\n?^-- answered\n.*//msr;
		if ($err eq '' && $is_wanted->($answer))
		{
			close_session($session, \$in);
			return $answer;
		}
		($session) = close_session($session, \$in) if $err ne '';
		select undef, undef, undef, 0.1;
	}
	close_session($session, \$in) if $session;
	diag("timed out executing this query:\n$query\nlast actual query output:\n", $answer // '', "\nwith stderr:\n$err");
	return undef;
}

# Returns nothing.
sub close_session
{
	my ($session, $in) = @_;

	$$in = "\\q\n";
	eval { $session->finish };
	return;
}

sub poll_query_until
{
	my ($node, $database, $query, $expected) = @_;
	$expected //= 't';
	return defined $node->first_answer($database, $query, sub { $_[0] eq $expected }) ? 1 : 0;
}

=head2 $node->background_psql

Its timeout is that of one query, not of the session.

=cut

sub background_psql
{
	my $session = shift->SUPER::background_psql(@_);

	$session->set_query_timer_restart;
	return $session;
}

=head2 $node->start_worker($database)

vmclone.start_worker(), again where a slow machine doesn't start a process within the function's limit, or has not given
back the slot of one that has left.  True once there is a worker.

=cut

sub start_worker
{
	my ($node, $database) = @_;
	return $node->poll_query_until($database, 'SELECT vmclone.start_worker()');
}

=head2 $node->storage_root

The folder that vmclone.storage_roots names; storage domains are folders in it.

=cut

sub storage_root
{
	my ($node) = @_;
	return $node->basedir . '/storage';
}

=head2 $node->load_extension($database, %options)

What start_new does in database C<postgres>: the extension, and unless C<< fixture => 0 >> the fixture, in suite tap-engine on an engine's tables.

=cut

sub load_extension
{
	my ($node, $database, %options) = @_;

	$node->load_engine($database) if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';
	$node->safe_psql($database, 'CREATE EXTENSION vmclone');
	$node->load_fixture($database) if $options{fixture} // 1;
	return;
}

sub load_fixture
{
	my ($node, $database) = @_;
	$node->safe_psql($database, PostgreSQL::Test::Utils::slurp_file('test/fixture/fixture.sql'));
	return;
}

# Schema "engine" and what is in it (test/engine).
sub load_engine
{
	my ($node, $database) = @_;
	$node->safe_psql($database, PostgreSQL::Test::Utils::slurp_file('test/engine/schema.sql'));
	return;
}

=head2 $node->bind_again($database)

What a restored or copied database needs: the choice of an engine's tables is made again, since those of a copy may be anybody's.  Nothing
where vmclone's own are in use.

=cut

sub bind_again
{
	my ($node, $database) = @_;
	$node->safe_psql($database, q{SELECT vmclone.use_inventory('engine')}) if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';
	return;
}

=head1 ROWS

=head2 $node->rows($sql), $node->row($sql), $node->value($sql)

Answers of a query in database C<postgres>: all rows or the first one as hashes, or one value.

=cut

sub rows
{
	my ($node, $sql) = @_;
	my $json = $node->safe_psql('postgres', <<"SQL");
WITH answer AS ($sql)
SELECT coalesce(jsonb_agg(to_jsonb(answer)), '[]') FROM answer
SQL
	return @{ JSON::PP->new->utf8->decode($json) };
}

sub row
{
	my ($node, $sql) = @_;
	return ($node->rows($sql))[0];
}

sub value
{
	my ($node, $sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub literal
{
	my ($value) = @_;
	return 'NULL' unless defined $value;
	$value = JSON::PP->new->canonical->encode($value) if ref $value;
	$value =~ s/'/''/g;
	return "'$value'";
}

=head1 STORAGE

=head2 $node->make_domain($storage_domain_id [, $path])

Makes a folder for a file domain, below storage_root unless $path is given, and attaches it.  Returns the folder.  Ids of
the fixture's domains:
C<< $node->value("SELECT fixture.id('nfs2')") >>.

=cut

sub make_domain
{
	my ($node, $id, $path) = @_;

	$path //= $node->storage_root . "/$id";

	make_path("$path/images");
	$node->safe_psql('postgres',
		# what is free on the machine that tests is no matter of a test
		'UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = NULL WHERE id = ' . literal($id)
		  . '; SELECT vmclone.attach_storage_domain(' . literal($id) . ', ' . literal($path) . ')');
	return $path;
}

sub run_tool
{
	my (@command) = @_;
	my ($out, $err);

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err)
	  or die "failed: @command\n$out$err";
	return $out;
}

=head2 $node->make_chain($folder, $layers, %options)

Makes a snapshot chain with qemu-img and qemu-io in $folder; every layer is a file named by its image id,
the base first.  $layers is a list of image ids.

  format    raw or qcow2: of the base (default qcow2); what lies above is qcow2
  size      virtual size (default 64M)
  cluster   cluster size of the qcow2 layers (default 65536)
  writes    number of writes in each layer (default 8); what is written tells layer and place
  on        [ image id, format ] of a file in $folder that the first layer stands on, as a thin VM's does

=cut

sub make_chain
{
	my ($node, $folder, $layers, %options) = @_;
	my $format = $options{format} || 'qcow2';
	my $size = $options{size} || '64M';
	my $cluster = $options{cluster} || 65536;
	my $writes = $options{writes} || 8;
	my ($number, $unit) = $size =~ /^(\d+)([KMG]?)$/ or croak "size: $size";
	my $bytes = $number * { '' => 1, K => 1024, M => 1024**2, G => 1024**3 }->{$unit};
	my ($parent, $parent_format) = @{ $options{on} || [] };
	my $depth = defined $parent ? 1 : 0;

	make_path($folder);
	foreach my $image (@$layers)
	{
		my $layer_format = defined $parent ? 'qcow2' : $format;
		my @io;

		run_tool('qemu-img', 'create', '-q', '-f', $layer_format,
			($layer_format eq 'qcow2' ? ('-o', "cluster_size=$cluster") : ()),
			(defined $parent ? ('-b', $parent, '-F', $parent_format) : ()),
			"$folder/$image", $bytes);
		foreach my $n (0 .. $writes - 1)
		{
			# a place that differs from layer to layer and overlaps the layer below now and then
			my $offset = (($n * 7 + $depth * 3) % 64) * int($bytes / 64 / 512) * 512;
			my $length = 512 * (1 + ($n * 37 + $depth * 11) % 300);
			my $pattern = 1 + ($depth * 16 + $n) % 255;

			$length = $bytes - $offset if $offset + $length > $bytes;
			push @io, '-c', "write -P $pattern $offset $length" if $length > 0;
		}
		run_tool('qemu-io', '-f', $layer_format, @io, "$folder/$image");
		chmod 0660, "$folder/$image";
		($parent, $parent_format) = ($image, $layer_format);
		$depth++;
	}
	return $bytes;
}

=head1 VIRTUAL MACHINES

=head2 $node->make_vm(%options)

Makes a VM by the fixture's fixture.make_vm, real chains for its disks, and attaches its storage domain where that has not
been done.

  name        (default: vm1, vm2 …)
  snapshots   how many, the ACTIVE one included (default 3)
  disks       list of { format, size, cluster, writes }, as for make_chain (default: one qcow2 disk)
  domain      name of the storage domain (default nfs1)
  rows        more arguments for fixture.make_vm, e.g. { devices => 'minimal', nics => 0 }

Returns { vm_id, name, domain, path, snapshots => [ids…],
disks => [ { disk_id, images => [ids…], format, path, size } ] }; domain is the id, the last snapshot is the ACTIVE one.

=cut

my $vms_made = 0;

sub make_vm
{
	my ($node, %options) = @_;
	my $count = $options{snapshots} || 3;
	my $name = $options{name} || 'vm' . ++$vms_made;
	my $domain_name = $options{domain} || 'nfs1';
	my @wanted = @{ $options{disks} || [ {} ] };
	my $domain = $node->value('SELECT fixture.id(' . literal($domain_name) . ')');
	my $path =
	  $node->value('SELECT mount_path FROM vmclone.storage_mounts WHERE storage_domain_id = ' . literal($domain))
	  || $node->make_domain($domain);
	my %rows = (
		vm_name => $name,
		disks => scalar @wanted,
		layers => $count,
		domain => $domain_name,
		%{ $options{rows} || {} });
	my $arguments = join(', ', map { "$_ => " . literal($rows{$_}) } sort keys %rows);
	my $vm_id = $node->value("SELECT fixture.make_vm($arguments)");
	my @snapshots = map { $node->value("SELECT fixture.snapshot('$name', $_)") } 1 .. $count;
	my @disks;
	my @sql;

	foreach my $wanted (@wanted)
	{
		my $number = @disks + 1;
		my %disk = (format => $wanted->{format} || 'qcow2');

		$disk{disk_id} = $node->value("SELECT fixture.disk('$name', $number)");
		$disk{images} = [ map { $node->value("SELECT fixture.image('$name', $number, $_)") } 1 .. $count ];
		$disk{path} = "$path/images/$disk{disk_id}";
		$disk{size} = $node->make_chain($disk{path}, $disk{images}, %$wanted);
		foreach my $layer (1 .. $count)
		{
			my $image = $disk{images}[ $layer - 1 ];
			my $format = $VOLUME_FORMAT{ $layer == 1 ? $disk{format} : 'qcow2' };
			my $actual = -s "$disk{path}/$image";

			push @sql,
			  "UPDATE vmclone.images SET size = $disk{size}, volume_format = $format WHERE image_guid = '$image';",
			  "UPDATE vmclone.disk_image_dynamic SET actual_size = $actual WHERE image_id = '$image';";
		}
		push @disks, \%disk;
	}
	push @sql,
	  'UPDATE vmclone.snapshots SET vm_configuration = fixture.ovf(snapshot_id)'
	  . " WHERE vm_id = '$vm_id' AND vm_configuration IS NOT NULL;";
	$node->safe_psql('postgres', join("\n", 'BEGIN;', @sql, 'COMMIT;'));
	return {
		vm_id => $vm_id,
		name => $name,
		domain => $domain,
		path => $path,
		snapshots => \@snapshots,
		disks => \@disks
	};
}

=head1 CLONING

=head2 $node->clone($snapshot_id, name => value…)

Calls add_vm_from_snapshot with named arguments (array and hash references become JSON) and returns its first row.

=cut

sub clone
{
	my ($node, $snapshot_id, %arguments) = @_;
	my $list = join(', ', 'snapshot_id => ' . literal($snapshot_id),
		map { "$_ => " . literal($arguments{$_}) } sort keys %arguments);

	return $node->row("SELECT * FROM vmclone.add_vm_from_snapshot($list)");
}

=head2 VmcloneCluster::to_domain($vm, $domain, @formats)

Argument "disks" of a clone of $vm (what make_vm returned) in that domain, each disk RAW or COW.

=cut

sub to_domain
{
	my ($vm, $domain, @formats) = @_;
	return [ map {
			my $format = shift @formats;
			{ disk_id => $_->{disk_id}, storage_domain_id => $domain, volume_format => $format, volume_type => $format eq 'RAW' ? 'Preallocated' : 'Sparse' }
		} @{ $vm->{disks} } ];
}

=head2 $node->job_when($job_id, $status…), $node->wait_for_status($job_id, $status…), $node->wait_for_job($job_id)

Waits, for PostgreSQL::Test::Utils::timeout_default seconds at most, until the job has one of the statuses
(wait_for_job: a last one).  Returns the job's row (job_when) or status as it was seen then: a job that waits tries again
in between, so that its row may have changed when it is read again.

=cut

sub job_when
{
	my ($node, $job_id, @wanted) = @_;
	my $query = 'SELECT to_jsonb(j) FROM vmclone.jobs j WHERE job_id = ' . literal($job_id);
	my $job;
	my $is_wanted = sub {
		my ($answer) = @_;
		croak "there is no job $job_id" if $answer eq '';
		$job = JSON::PP->new->utf8->decode($answer);
		return grep { $job->{status} eq $_ } @wanted;
	};

	diag("job $job_id has not become @wanted: " . JSON::PP->new->canonical->encode($job)) if !defined $node->first_answer('postgres', $query, $is_wanted);
	return $job;
}

sub wait_for_status
{
	my ($node, $job_id, @wanted) = @_;
	return $node->job_when($job_id, @wanted)->{status};
}

sub wait_for_job
{
	my ($node, $job_id) = @_;
	return $node->wait_for_status($job_id, qw(succeeded failed cancelled));
}

=head2 $node->for_jobs($function, $condition), $node->lift_limit($job_id…)

Calls vmclone.alter_job or another function, C<job> standing for the job's id, for each job of which the condition holds.  One
that ends meanwhile allows no such call any more, which is no fault.  lift_limit lets these jobs copy as fast as they can.

=cut

sub for_jobs
{
	my ($node, $function, $condition) = @_;

	return $node->safe_psql('postgres', <<"SQL");
SET client_min_messages = warning;
DO \$\$
DECLARE
	job uuid;
BEGIN
	FOR job IN SELECT job_id FROM vmclone.jobs WHERE $condition LOOP
		BEGIN
			PERFORM vmclone.$function;
		EXCEPTION WHEN SQLSTATE 'VC023' THEN
			CONTINUE;
		END;
	END LOOP;
END \$\$
SQL
}

sub lift_limit
{
	my ($node, @job_ids) = @_;

	return $node->for_jobs('alter_job(job, bandwidth_limit => 0)', 'job_id IN (' . join(', ', map { literal($_) } @job_ids) . ')');
}

=head2 $node->disk_files($vm_id)

The files of a clone's disks: { disk_id, disk_alias, image_id, path, format }, in order of alias.

=cut

sub disk_files
{
	my ($node, $vm_id) = @_;
	my $vm = literal($vm_id);

	return $node->rows(<<"SQL");
SELECT e.disk_id, b.disk_alias, i.image_guid AS image_id,
	s.mount_path || '/images/' || e.disk_id || '/' || i.image_guid AS path,
	CASE i.volume_format WHEN 5 THEN 'raw' ELSE 'qcow2' END AS format
FROM vmclone.disk_vm_element e
JOIN vmclone.base_disks b USING (disk_id)
JOIN vmclone.images i ON i.image_group_id = e.disk_id
JOIN vmclone.image_storage_domain_map m ON m.image_id = i.image_guid
JOIN (SELECT DISTINCT ON (storage_domain_id) * FROM vmclone.storage_mounts
	ORDER BY storage_domain_id, host_name <> 'local', host_name) s USING (storage_domain_id)
WHERE e.vm_id = $vm ORDER BY b.disk_alias, e.disk_id
SQL
}

=head2 $node->clone_ends_well($job, $vm, $snapshot_number, $test_name)

Lifts the job's limit, and tests that it succeeds and that its disks are exact (images_equal).

=cut

sub clone_ends_well
{
	my ($node, $job, $vm, $number, $test_name) = @_;

	$node->for_jobs('alter_job(job, bandwidth_limit => 0)', "job_id = '$job->{job_id}' AND ended_at IS NULL");
	is($node->wait_for_job($job->{job_id}), 'succeeded', "$test_name: the job succeeds")
	  or diag(explain($node->rows("SELECT status, reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'")));
	$node->images_equal($job->{vm_id}, $vm, $number, "$test_name: the disk is exact");
	return;
}

=head2 $node->images_equal($vm_id, $vm, $snapshot_number, $test_name)

Tests that the clone's disks, in order, equal the chains of $vm (what make_vm returned) up to its snapshot of that
number (0 is the first), as qemu-img reads both.

=cut

sub images_equal
{
	my ($node, $vm_id, $vm, $number, $test_name) = @_;
	my @clones = $node->disk_files($vm_id);
	my @differ;

	$test_name ||= "disks equal snapshot $number";
	foreach my $disk (@{ $vm->{disks} })
	{
		my $clone = shift @clones or push(@differ, "no clone of $disk->{disk_id}"), last;
		my $source_format = $number == 0 ? $disk->{format} : 'qcow2';
		my ($out, $err);

		IPC::Run::run(
			[
				'qemu-img', 'compare', '-f', $source_format, '-F', $clone->{format},
				"$disk->{path}/$disk->{images}[$number]", $clone->{path} ],
			'<', \undef, '>', \$out, '2>', \$err)
		  or push @differ, "$clone->{disk_alias}: $out$err";
	}
	push @differ, 'more disks than the source' if @clones;
	return is(join("\n", @differ), '', $test_name);
}

=head2 $node->kill_worker

kill -9 of the worker, which restarts the whole server; returns when the server takes connections again.

=cut

sub kill_worker
{
	my ($node) = @_;
	my $pid = $node->value('SELECT max(pid) FROM vmclone.worker') or return;
	my $tries = 0;

	kill 'KILL', $pid or return;
	# a psql that is refused before it reads its input would end the test by a broken pipe
	select undef, undef, undef, 0.1 while kill(0, $pid) && $tries++ < 300;
	do { select undef, undef, undef, 0.3 }
	  while system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) != 0 && $tries++ < 300;
	return $pid;
}

=head2 $node->terminate($pid)

pg_terminate_backend; returns when the process has gone.

=cut

sub terminate
{
	my ($node, $pid) = @_;

	$node->safe_psql('template1', "SELECT pg_terminate_backend($pid)");
	return $node->poll_query_until('template1', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
}

=head2 $node->kill9

kill -9 of the postmaster; returns when it is reaped and its children have ended: before, pg_ctl would take it for a running
server, and a new one would find its shared memory in use.

=cut

sub kill9
{
	my ($node) = @_;
	my ($postmaster) = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my $tries = 0;

	open my $pgrep, '-|', 'pgrep', '-P', $postmaster or croak "pgrep: $!";
	my @processes = ($postmaster, map { /(\d+)/ } <$pgrep>);
	close $pgrep;
	$node->SUPER::kill9;
	select undef, undef, undef, 0.1
	  while (grep { kill 0, $_ } @processes) && $tries++ < 10 * $PostgreSQL::Test::Utils::timeout_default;
	return;
}

=head2 $node->copiers

Process ids of the copiers that work below this server's storage root.

=cut

sub copiers
{
	my ($node) = @_;

	# no shell: its own command line would match
	open my $pgrep, '-|', 'pgrep', '-f', 'vmclone-copy (--lease [0-9]+ --beat ([0-9]+ )?)?copy .*' . $node->storage_root . '/'
	  or croak "pgrep: $!";
	my @pids = map { /(\d+)/ } <$pgrep>;
	close $pgrep;
	return @pids;
}

=head2 $node->copiers_that_stay(@pids)

Waits until none of these copiers, of any without an argument, works any more.  Returns those that still do after
PostgreSQL::Test::Utils::timeout_default seconds.

=cut

sub copiers_that_stay
{
	my ($node, @pids) = @_;
	my %wanted = map { $_ => 1 } @pids;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;

	while (1)
	{
		my @there = grep { !@pids || $wanted{$_} } $node->copiers;

		return @there if !@there || time > $end;
		select undef, undef, undef, 0.1;
	}
}

=head2 $node->leftovers, $node->leftovers($root)

Names of all files below a storage root, the node's own if none is given, that no row knows: what a failed or cancelled job must not leave.

=cut

sub leftovers
{
	my ($node, $root) = @_;
	my %known = map { $_->{id} => 1 } $node->rows('SELECT image_guid AS id FROM vmclone.images');

	$root //= $node->storage_root;

	return sort grep {
		my ($image) = m{/images/[^/]+/([0-9a-f-]{36})};
		defined $image && (!$known{$image} || /\.(?:part|resume)/)
	} split(/\n/, `find $root -path '*/images/*' -type f`);
}

1;
