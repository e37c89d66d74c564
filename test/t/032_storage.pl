# Storage domains: limits, storage that doesn't answer, taking over; blank disks, measurements, NOTIFY.
use strict;
use warnings;
use Encode ();
use File::Path qw(make_path);
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('storage', conf => "vmclone.retry_delay = '100ms'\nvmclone.max_parallel_copies = 4\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 60 }, { writes => 60 } ]);
my $snapshot = $vm->{snapshots}[1];
my ($domain, $path) = ($vm->{domain}, $vm->{path});
my $program = $node->value('SHOW vmclone.copy_program');
my ($code, $out, $err);

# attach: what is refused, and how it is said
my $nfs2 = $node->value("SELECT fixture.id('nfs2')");
foreach my $case (
	[ "'/etc'", qr/could not attach.*does not lie below any directory of vmclone.storage_roots.*HINT/s, 'outside the roots' ],
	[ "'" . $node->storage_root . "'", qr/is one of vmclone.storage_roots itself.*HINT:  Name the directory above it/s, 'a root itself' ],
	[ "'$path/../..'", qr/does not lie below/, 'outside by dots' ],
	[ "'relative'", qr/not an absolute path/, 'relative' ],
	[ "'" . $node->storage_root . "/nowhere'", qr/ENOENT/, 'missing' ],
	[ "'$path'", qr/attached as storage domain/, "another domain's" ],
	[ "'$path/images'", qr/lies inside another storage domain/, 'inside a domain' ],
	[ 'NULL', qr/needs storage_domain_id and mount_path/, 'null' ])
{
	my ($argument, $pattern, $what) = @$case;

	($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.attach_storage_domain('$nfs2', $argument)");
	like($err, $pattern, "attach is refused: $what");
	unlike($err, qr/DETAIL:  [a-z]/, 'in whole sentences');
	like($err, qr/HINT:  /, 'and says what to do');
}
# README's example, on a mount as VDSM makes it: what it names is the domain's own folder, and the mount point above is refused
{
	my ($example_id, $example) = PostgreSQL::Test::Utils::slurp_file('README.md') =~ /attach_storage_domain\('([^']+)',\s*'([^']+)'\)/;
	my ($mount_point, $folder) = $example =~ m{^(.*)/([^/]+)$};

	is($folder, $example_id, "README's example names the folder of the domain's id");
	$mount_point = $node->storage_root . $mount_point;
	make_path("$mount_point/$nfs2/dom_md", "$mount_point/$nfs2/images");
	PostgreSQL::Test::Utils::append_to_file("$mount_point/$nfs2/dom_md/metadata", "CLASS=Data\nSDUUID=$nfs2\nVERSION=5\n");
	($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.attach_storage_domain('$nfs2', '$mount_point')");
	like($err, qr{Directory is the mount point; the storage domain is "\Q$mount_point/$nfs2\E".*HINT:  Attach the storage domain's own directory}s, 'attach is refused: the mount point above');
	$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$nfs2', '$mount_point/$nfs2')");
	is($node->value("SELECT mount_path FROM vmclone.storage_mounts WHERE storage_domain_id = '$nfs2'"), "$mount_point/$nfs2", 'which is attached as README has it');
	$node->safe_psql('postgres', "SELECT vmclone.detach_storage_domain('$nfs2')");
}
symlink '/etc', $node->storage_root . '/link' or die "symlink: $!";
($code, $out, $err) = $node->psql('postgres',
	"SELECT vmclone.attach_storage_domain('$nfs2', '" . $node->storage_root . "/link')");
like($err, qr/does not lie below/, 'attach is refused: a link that leads out');
$node->safe_psql('postgres', 'CREATE ROLE somebody; GRANT USAGE ON SCHEMA vmclone TO somebody');
($code, $out, $err) = $node->psql('postgres', "SET ROLE somebody; SELECT vmclone.detach_storage_domain('$domain')");
like($err, qr/permission denied/, 'detach is not for everybody');
is($node->value("SELECT status FROM vmclone.check_storage_domain('$domain')"), 'attached', 'check_storage_domain');

# limits of a domain
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path', max_copies => 1, bandwidth_limit => 400000)");
my $job = $node->clone($snapshot, vm_name => 'limited');
my $most = 0;
my $start = time;
my %before;
while ($node->value("SELECT status FROM vmclone.jobs WHERE job_id = '$job->{job_id}'") ne 'succeeded' && time - $start < 120)
{
	# those of two looks: one look goes through all processes, and may see one copier end and the next one begin
	my @copiers = $node->copiers;
	my $now = grep { $before{$_} } @copiers;

	$most = $now if $now > $most;
	%before = map { $_ => 1 } @copiers;
}
is($most, 1, 'max_copies of a domain');
my $bytes = $node->value("SELECT sum(bytes_done) FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}'");
my $seconds = $node->value("SELECT extract(epoch FROM ended_at - started_at) FROM vmclone.jobs WHERE job_id = '$job->{job_id}'");
cmp_ok($bytes / $seconds, '<', 800_000, 'bandwidth_limit of a domain');
$node->images_equal($job->{vm_id}, $vm, 1);
$node->safe_psql('postgres', "SELECT vmclone.attach_storage_domain('$domain', '$path')");

# What a host needs of a volume: the server's umask is 077.
foreach my $file ($node->disk_files($job->{vm_id}))
{
	my ($folder) = $file->{path} =~ m{^(.*)/};
	my %mode = map { $_ => sprintf('%04o', (stat "$_")[2] & 07777) } $folder, $file->{path}, "$file->{path}.lease", "$file->{path}.meta";

	is("@mode{$folder, $file->{path}, $file->{path} . '.lease', $file->{path} . '.meta'}", '0755 0660 0660 0644', 'modes of directory and files');
	is(unpack('H16', PostgreSQL::Test::Utils::slurp_file("$file->{path}.lease")), '1020150604000600', 'a free lease');
}
is(sprintf('%04o', (stat "$path/$_")[2] & 07777), '0755', "mode of $_") for qw(dom_md images);

# What the metadata say of the disk is the engine's JSON, whole within VDSM's 210 bytes whatever the names are.
{
	my $disk_id = $vm->{disks}[0]{disk_id};
	my %cases = (
		short => [ 'disk "one" \\ two', 'for the web', undef ],
		long => [ 'a' x 255, 'no room', undef ],
		accents => [ 'plaque', "sp\x{e9}ciale", 2 ],
		wide => [ "\x{1f4be}\x{e9}" x 100, 'x' x 100, 1 ]);

	foreach my $name (sort keys %cases)
	{
		my ($alias, $description, $encoding) = @{ $cases{$name} };
		my $choice = JSON::PP->new->utf8->encode([ { disk_id => $disk_id, disk_alias => $alias, disk_description => $description } ]);

		$choice =~ s/'/''/g;
		my $made = $node->row("SELECT * FROM vmclone.add_vm_from_snapshot('$snapshot', 'described_$name', disks => '$choice')");
		is($node->wait_for_job($made->{job_id}), 'succeeded', "$name alias: cloned");
		my ($file) = grep { $_->{disk_alias} eq $alias } $node->disk_files($made->{vm_id});
		my ($text) = PostgreSQL::Test::Utils::slurp_file("$file->{path}.meta") =~ /^DESCRIPTION=(.*)$/m;
		my $json = JSON::PP->new->utf8->decode($text);

		cmp_ok(length $text, '<=', 210, "$name alias: within 210 bytes");
		unlike($text, qr/[^ -~]/, "$name alias: ASCII");
		is($json->{Enc}, $encoding, "$name alias: which values are encoded");
		my ($alias_got, $description_got) = map {
			my ($value, $bit) = ($json->{ $_->[0] } // '', $_->[1]);
			($json->{Enc} // 0) & $bit ? Encode::decode('UTF-16LE', pack('H*', $value), Encode::FB_CROAK) : $value
		} [ DiskAlias => 1 ], [ DiskDescription => 2 ];
		ok(length $alias_got && index($alias, $alias_got) == 0, "$name alias: the engine reads it") or diag $text;
		is("$alias_got $description_got", "$alias $description", "$name alias: whole") if length $alias < 30;
	}
}

# storage that doesn't answer: a program that sleeps stands for a server that is dead
my $sleeper = $node->basedir . '/sleeper';
open my $file, '>', $sleeper or die "open: $!";
print $file "#!/bin/sh\nexec sleep 600\n";
close $file;
chmod 0755, $sleeper;
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$sleeper'");
$node->safe_psql('postgres', 'ALTER SYSTEM SET vmclone.storage_timeout = 1');
$node->reload;
($code, $out, $err) = $node->psql('postgres', "SELECT vmclone.check_storage_domain('$domain')");
like($err, qr/did not answer within 1 s/, 'a backend gives up after vmclone.storage_timeout');
($code, $out, $err) =
  $node->psql('postgres', "SET statement_timeout = '300ms'; SELECT vmclone.check_storage_domain('$domain')");
like($err, qr/statement timeout/, 'and can be interrupted before');
$job = $node->clone($snapshot, vm_name => 'patient');
my $seen = $node->job_when($job->{job_id}, 'waiting');
is($seen->{status}, 'waiting', 'the worker waits');
is($seen->{reason_key}, 'timeout', 'because of the timeout');
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$program'");
$node->safe_psql('postgres', 'ALTER SYSTEM RESET vmclone.storage_timeout');
$node->reload;
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and goes on when storage answers');

# storage that takes twice the time, some times
my $slow = $node->basedir . '/slow';
open $file, '>', $slow or die "open: $!";
print $file "#!/bin/sh\n[ ! -e $slow.now ] || { echo x >>$slow.now; sleep 2; }\nexec $program \"\$@\"\n";
close $file;
chmod 0755, $slow;
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$slow'");
$node->safe_psql('postgres', 'ALTER SYSTEM SET vmclone.storage_timeout = 1');
$node->reload;
open $file, '>', "$slow.now" or die "open: $!";
close $file;
$job = $node->clone($snapshot, vm_name => 'late');
$seen = $node->job_when($job->{job_id}, 'waiting');
is("$seen->{status} $seen->{reason_key}", 'waiting timeout', 'a command that takes twice its time is given up');
ok($node->poll_query_until('postgres', "SELECT error LIKE '%did not answer%' FROM vmclone.storage_mounts WHERE storage_domain_id = '$domain'"), 'view storage says so');
unlink "$slow.now";
is($node->wait_for_job($job->{job_id}), 'succeeded', 'and tried again');
$node->images_equal($job->{vm_id}, $vm, 1);
$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$program'");
$node->safe_psql('postgres', 'ALTER SYSTEM RESET vmclone.storage_timeout');
$node->reload;

# a disk that is missing from the snapshot, made blank
my $missing = $node->make_vm(name => 'web02', snapshots => 2, disks => [ {}, {} ]);
$node->safe_psql('postgres', "UPDATE vmclone.images SET imagestatus = 4 WHERE image_guid = '$missing->{disks}[1]{images}[0]'");
$job = $node->clone($missing->{snapshots}[0], vm_name => 'blank', missing_disk => 'blank');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a blank disk is made')
  or diag($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"));
my $layers = $node->row("SELECT disk_id, virtual_size FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' AND layers = '[]'");
my ($blank) = grep { $_->{disk_id} eq $layers->{disk_id} } $node->disk_files($job->{vm_id});
my $zeroes = $node->basedir . '/zeroes';
open $file, '>', $zeroes or die "open: $!";
truncate $file, $layers->{virtual_size} or die "truncate: $!";
close $file;
is(system('qemu-img', 'compare', '-q', '-f', $blank->{format}, '-F', 'raw', $blank->{path}, $zeroes), 0, 'and holds zeroes only');

# measurements
$node->safe_psql('postgres', "SELECT vmclone.measure_snapshot('$snapshot')");
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 AND bool_and(status IN ('done', 'failed')) FROM vmclone.measurements"),
	'measurements are done');
is($node->value("SELECT count(*) FROM vmclone.measurements WHERE status = 'done' AND required > 0 AND bytes_to_read > 0"),
	$node->value('SELECT count(*) FROM vmclone.measurements'), 'all of them')
  or diag($node->value('SELECT jsonb_agg(m) FROM vmclone.measurements m'));

# NOTIFY
($code, $out, $err) = $node->psql('postgres', <<"SQL");
LISTEN vmclone_job;
LISTEN told;
SELECT job_id AS job FROM vmclone.add_vm_from_snapshot('$snapshot', 'notified') \\gset
CALL vmclone.wait_for_job(:'job', '60 s');
NOTIFY told;
SQL
# the session has its own NOTIFY when that has been committed, and with it all that came before
my @states = $out =~ /"status":"(\w+)"/g;
is("@states", 'queued running finishing succeeded', 'NOTIFY tells each state');

# prepared transactions
$node->safe_psql('postgres', "BEGIN; SELECT vmclone.add_vm_from_snapshot('$snapshot', 'prepared'); PREPARE TRANSACTION 'p1'");
is($node->value("SELECT count(*) FROM vmclone.jobs WHERE vm_name = 'prepared'"), 0, 'a prepared call is not there yet');
$node->safe_psql('postgres', "COMMIT PREPARED 'p1'");
is($node->wait_for_job($node->value("SELECT job_id FROM vmclone.jobs WHERE vm_name = 'prepared'")),
	'succeeded', 'it runs after COMMIT PREPARED');

# A restored database takes the domain over; the original can't use it any more.
$job = $node->clone($snapshot, vm_name => 'moved', start_paused => 'true');
$node->wait_for_status($job->{job_id}, 'paused');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE heir');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('heir'), $dump ], 'pg_restore');
$node->bind_again('heir');
$node->safe_psql('heir', "SELECT vmclone.adopt('resume')");
($code, $out, $err) = $node->psql('heir', "SELECT vmclone.attach_storage_domain('$domain', '$path')");
like($err, qr/attached to another database/, 'the heir needs to say that it takes over');
$node->safe_psql('heir', "SELECT vmclone.attach_storage_domain('$domain', '$path', take_over => true)");
$node->safe_psql('heir', "SELECT vmclone.resume_job('$job->{job_id}')");
ok($node->poll_query_until('heir', "SELECT status = 'succeeded' FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"),
	'the heir runs the job');
$node->safe_psql('postgres', "SELECT vmclone.resume_job('$job->{job_id}')");
$seen = $node->job_when($job->{job_id}, 'waiting');
is($seen->{status}, 'waiting', 'the original does not touch the domain any more');
like($seen->{reason}, qr/another database/, 'and says why');
$node->stop;
done_testing();
