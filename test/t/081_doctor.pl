# doctor(): a row for each check, and each thing that is wrong is found, with what to do; nothing that hangs keeps the rest from it.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);
use VmcloneCluster;

my $node = VmcloneCluster->start_new('primary', conf => "vmclone.storage_timeout = 30\nmax_worker_processes = 12");
my $vm = $node->make_vm;
my $copier = $node->value('SHOW vmclone.copy_program');
my $roots = $node->value('SHOW vmclone.storage_roots');
my $domain = 'nfs1';

# state of the only row of that item (and subject), with its finding and advice
sub finds
{
	my ($item, $subject, $database) = @_;
	my $where = 'item = ' . VmcloneCluster::literal($item) . (defined $subject ? ' AND subject = ' . VmcloneCluster::literal($subject) : '');
	my $answer = $node->safe_psql($database // 'postgres', "SELECT concat_ws('|', state, finding, advice) FROM vmclone.doctor() WHERE $where");
	return $answer;
}

sub set_and_reload
{
	my ($name, $value) = @_;
	$node->safe_psql('postgres', defined $value ? "ALTER SYSTEM SET $name = '$value'" : "ALTER SYSTEM RESET $name");
	$node->reload;
	return;
}

# --- all is well
ok($node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM vmclone.worker'), 'a worker runs');
is($node->value(q{SELECT string_agg(item || ' ' || subject, ', ') FROM vmclone.doctor() WHERE state = ANY ('{warning,error}') AND item <> 'setting'}), '', 'nothing is wrong');
like(finds('library'), qr/^ok\|library and extension are version/, 'library');
like(finds('preload'), qr/^(?:ok\|preloaded|note\|not preloaded.*shared_preload_libraries)/, 'preload');
like(finds('worker'), qr/^ok\|process \d+ of this version/, 'worker');
like(finds('identity'), qr/^ok\|the jobs are this database's/, 'identity');
like(finds('copier'), qr/^ok\|version [\d.]+; its sandbox closes/, 'copier');
like(finds('storage root'), qr/^ok\|can be entered/, 'root');
like(finds('storage domain', $domain), qr/^ok\|.* on \w+: writable, owner and mode are right; (?:no reflink|shares blocks \(reflink\)), (?:no )?direct I\/O$/, 'domain');
like(finds('space', $domain), qr/^ok\|[\d]+ \w+ of \d+ \w+ free$/, 'space');
like(finds('storage domain', 'nfs2'), qr/^note\|not attached.*attach_storage_domain\('[0-9a-f-]+', '\/its\/directory'\)/, 'a domain that is not attached is a note');
like(finds('inventory', $node->value('SELECT schema_name FROM vmclone_internal.current_inventory()')), qr/^ok\|schema \w+, owned by \w+, is bound/, 'inventory');
is(join(' ', grep { /^\.vmclone-test/ } map { s{.*/}{}r } glob("$vm->{path}/.v* $vm->{path}/*")), '', 'it leaves no test file behind');
is($node->value(q{SELECT count(*) FROM vmclone.doctor() WHERE state NOT IN ('ok', 'note', 'warning', 'error') OR finding IS NULL OR (state <> 'ok' AND advice IS NULL)}), 0,
	'whatever is not ok has something to do');

# --- settings
set_and_reload('vmclone.wait_limit', 0);
like(finds('setting', 'vmclone.wait_limit'), qr/^warning\|0: a job fails at once.*\|Set vmclone\.wait_limit/, 'wait_limit = 0');
set_and_reload('vmclone.wait_limit');
is(finds('setting', 'vmclone.wait_limit'), '', 'and not any more');
$node->append_conf('postgresql.conf', "vmclone.copy_lease = '3s'");
$node->reload;
like(finds('setting', 'vmclone.copy_lease'), qr/^warning\|"3s" of .*postgresql\.conf, line \d+, does not hold: .*\|Give it a value/, 'a value that is out of its range');
$node->append_conf('postgresql.conf', "vmclone.copy_lease = '5s'");
$node->reload;
is(finds('setting', 'vmclone.copy_lease'), '', 'and not any more');
set_and_reload('vmclone.storage_roots', "$roots:/nonexistent/root");
like(finds('storage root', '/nonexistent/root'), qr/^warning\|could not open directory.*No such file.*\|Mount or make/, 'a root that is not there');
set_and_reload('vmclone.storage_roots');
like(finds('setting', 'vmclone.storage_roots'), qr/^(?:ok\|\/|warning\|empty)/, 'roots');

# --- the copier
set_and_reload('vmclone.copy_program', '/nonexistent/vmclone-copy');
like(finds('copier'), qr/^error\||^$/, 'no copier');
like($node->value(q{SELECT concat_ws('|', state, finding, advice) FROM vmclone.doctor() WHERE item = 'copier'}), qr/^error\|could not start program "\/nonexistent\/vmclone-copy".*Install vmclone-copy/, 'what to do about it');
like(finds('storage domain', $domain), qr/^error\|could not start program/, 'nor can a domain be tried');
like(finds('jobs'), qr/^ok\|0 are under way/, 'the other checks answer all the same');
my $other = $node->basedir . '/other-copier';
open(my $script, '>', $other) or die;
print $script <<"SH";
#!/bin/bash
[ "\$1 \$2" = "volume self" ] || exec '$copier' "\$@"
echo '{"ok":true,"version":"0.9","protocol":1,"sandbox":false}'
SH
close $script;
chmod 0755, $other;
set_and_reload('vmclone.copy_program', $other);
like(finds('copier'), qr/^error\|it is version 0\.9, the library .*\|Install both from the same version/, 'a copier of another version');

# --- storage
set_and_reload('vmclone.copy_program', $copier);
chmod 0555, $vm->{path} or die;
like(finds('storage domain', $domain), $> == 0 ? qr/./ : qr/^error\|\Q$vm->{path}\E: could not create a test file.*Permission denied/, 'a domain that is not writable');
chmod 0755, $vm->{path} or die;
set_and_reload('vmclone.domain_owner', '36:36');
like(finds('storage domain', $domain), qr/^error\|.*belong to \d+:\d+, not to 36:36\|Export the domain/, 'a wrong owner');
set_and_reload('vmclone.domain_owner');
rename("$vm->{path}/dom_md", "$vm->{path}/away") or die;
like(finds('storage domain', $domain), qr/^error\|.*carries no identity of a database\|Check that the domain is mounted/, 'a domain that is not mounted');
rename("$vm->{path}/away", "$vm->{path}/dom_md") or die;
my $id = $vm->{domain};
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET warning_low_space_indicator = 100 WHERE id = '$id'");
like(finds('space', $domain), qr/^warning\|.* free\|Make room/, 'little space');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET critical_space_action_blocker = 1000000 WHERE id = '$id'");
like(finds('space', $domain), qr/^error\|/, 'too little');
$node->safe_psql('postgres', "UPDATE vmclone.storage_domain_static SET warning_low_space_indicator = 5, critical_space_action_blocker = 0 WHERE id = '$id'");

# a server that doesn't answer costs its time limit and nothing else
my $hanging = $node->basedir . '/hanging-copier';
open($script, '>', $hanging) or die;
print $script "#!/bin/bash\n[ \"\$1 \$2\" != 'volume check' ] || exec sleep 600\nexec '$copier' \"\$@\"\n";
close $script;
chmod 0755, $hanging;
set_and_reload('vmclone.storage_timeout', 2);
set_and_reload('vmclone.copy_program', $hanging);
my $began = time;
like(finds('storage domain', $domain), qr/^error\|storage did not answer within 2 s\|Check that the storage domain's server answers/, 'a domain that does not answer');
cmp_ok(time - $began, '<', 60, 'is not waited for for ever');
like(finds('copier'), qr/^ok\|/, 'what stands behind it answers');
set_and_reload('vmclone.copy_program', $copier);
set_and_reload('vmclone.storage_timeout');

# --- jobs
my $job = $node->clone($vm->{snapshots}[0], vm_name => 'held', start_paused => 'true');
like(finds('jobs'), qr/^ok\|1 are under way/, 'a paused job is none to look after');
$node->safe_psql('postgres', "UPDATE vmclone.jobs SET status = 'held', reason = 'somebody has to look' WHERE vm_name = 'held'");
like($node->value(q{SELECT concat_ws('|', state, subject, finding, advice) FROM vmclone.doctor() WHERE item = 'job'}), qr/^error\|held \([0-9a-f-]+\)\|held: somebody has to look\|.*vmclone\.retry_job/, 'a held job');
$node->safe_psql('postgres', q{SELECT vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE vm_name = 'held'});
ok($node->poll_query_until('postgres', q{SELECT status = 'cancelled' FROM vmclone.jobs WHERE vm_name = 'held'}), 'it is cancelled');
is(finds('lock'), '', 'no lock is left');
$node->safe_psql('postgres', "INSERT INTO vmclone.image_locks (kind, entity_id, mode, holder) SELECT 'snapshot', '$vm->{snapshots}[0]', 'exclusive', call_id FROM vmclone.jobs WHERE vm_name = 'held'");
like(finds('lock', $vm->{snapshots}[0]), qr/^warning\|snapshot held by a job that is over, or gone\|SELECT vmclone\.unlock_entity\('snapshot', '\Q$vm->{snapshots}[0]\E'\);$/, 'a lock of nobody');
$node->safe_psql('postgres', "DELETE FROM vmclone.image_locks");

# --- rights
$node->safe_psql('postgres', "CREATE ROLE watcher LOGIN; SELECT vmclone.grant_viewer('watcher'); CREATE ROLE boss LOGIN; SELECT vmclone.grant_admin('boss'); CREATE ROLE engine_role; SELECT vmclone.grant_engine('engine_role')");
is(finds('rights'), '', 'nobody lacks a right');
$node->safe_psql('postgres', 'REVOKE EXECUTE ON FUNCTION vmclone_internal.caller_role() FROM watcher');
like(finds('rights', 'watcher'), qr/^warning\|lacks EXECUTE on caller_role\|Call grant_admin/, 'a role that lacks one, as after the restore of an older dump');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT * FROM vmclone.doctor()', extra_params => [ '-U', 'watcher' ]);
like($err, qr/permission denied for function doctor/, 'a viewer is refused');
($code, $out, $err) = $node->psql('postgres', q{SELECT count(*) > 8 FROM vmclone.doctor()}, extra_params => [ '-U', 'boss' ]);
is($out, 't', 'an administrator is not') or diag $err;

# --- the terminal
my ($bindir) = VmcloneCluster::pg_config('--bindir');
my $program = "$ENV{VMCLONE_INSTALLED}$bindir/vmclone";
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
my ($stdout, $stderr) = ('', '');
IPC::Run::run([ $program, '--json', 'doctor', '--all' ], '<', \undef, '>', \$stdout, '2>', \$stderr);
is($? >> 8, 0, 'vmclone doctor: nothing is an error') or diag $stderr;
my %items = map { $_->{item} => 1 } @{ JSON::PP::decode_json($stdout) };
ok($items{copier} && $items{worker} && $items{'storage domain'}, 'vmclone doctor --all --json: all rows');
rename("$vm->{path}/dom_md", "$vm->{path}/away") or die;
IPC::Run::run([ $program, 'doctor' ], '<', \undef, '>', \$stdout, '2>', \$stderr);
is($? >> 8, 1, 'an error: exit code');
like($stdout, qr/error +\| storage domain +\| nfs1/, 'and what it is');
unlike($stdout, qr/\| copier/, 'what is well is left out');
rename("$vm->{path}/away", "$vm->{path}/dom_md") or die;

# --- a copy of the database, a standby's elder sister: nothing is written to what is the original's
$node->kill_worker;
$node->safe_psql('template1', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()});
$node->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres') if $node->poll_query_until('template1', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'postgres'});
like(finds('identity', undef, 'copied'), qr/^warning\|the rows came from another one: other database\|Attach the storage domains/, 'a copy knows');
like(finds('storage domain', $domain, 'copied'), qr/^note\|not tried: .*take_over => true/, 'and leaves the domains alone');
$node->stop;
done_testing();
