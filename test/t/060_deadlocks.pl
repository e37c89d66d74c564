# Many sessions clone at once, one call a transaction, over few VMs, names, quotas, domains and MACs.
#
# No call may end in a deadlock or with an error that is no refusal; afterwards nothing was taken
# twice and nothing is left.  SECONDS=300 prove … hunts longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{SECONDS} || 15;
my $server = VmcloneCluster->start_new('deadlocks', preload => 0);
$server->safe_psql('postgres', q{
	SELECT fixture.attach_domains();
	SELECT fixture.make_vm('vm' || n, 2, 4) FROM generate_series(1, 6) n;
	UPDATE vmclone.storage_pool SET quota_enforcement_type = 2;
	UPDATE vmclone.quota_limitation SET storage_size_gb = 600 WHERE id = fixture.id('limit q1 storage');
});

my $dir = PostgreSQL::Test::Utils::tempdir;
my $script = "$dir/clone.sql";
PostgreSQL::Test::Utils::append_to_file($script, <<'SQL');
\set vm random(1, 6)
\set layer random(1, 3)
\set name random(1, 40)
\set domain random(1, 2)
\set shared random(0, 2)
SELECT pg_temp.attempt(:vm, :layer, :name, :domain, :shared);
SQL

# A refusal is an answer; a deadlock, a serialization failure in READ COMMITTED or an internal error isn't.
my $function = <<'SQL';
CREATE FUNCTION public.attempt(vm int, layer int, name int, domain int, shared int) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM vmclone.add_vm_from_snapshot(fixture.snapshot('vm' || vm, layer), 'clone' || name,
		disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('vm' || vm, 1), 'storage_domain_id', fixture.id('nfs' || domain))),
		lock_mode => CASE shared WHEN 0 THEN 'exclusive' ELSE 'shared' END, start_paused => true);
	INSERT INTO public.outcome VALUES ('done');
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	INSERT INTO public.outcome VALUES (SQLSTATE || ' ' || SQLERRM);
	RETURN SQLSTATE;
END $$;
CREATE TABLE public.outcome (what text);
CREATE FUNCTION public.finish() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	job record;
BEGIN
	SELECT call_id, vm_id INTO job FROM vmclone.jobs WHERE ended_at IS NULL ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED;
	IF FOUND THEN
		PERFORM vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE call_id = job.call_id;
	END IF;
END $$;
SQL
$server->safe_psql('postgres', $function);
my $text = PostgreSQL::Test::Utils::slurp_file($script);
$text =~ s/pg_temp\.//;
unlink $script;
PostgreSQL::Test::Utils::append_to_file($script, $text);
my $cancel = "$dir/cancel.sql";
PostgreSQL::Test::Utils::append_to_file($cancel, "SELECT public.finish();\n");

my $deadlocks = q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'};
$server->command_ok(
	[
		'pgbench', '--no-vacuum', '--client=8', '--jobs=2', "--time=$seconds",
		"--file=$script\@6", "--file=$cancel\@1", 'postgres'
	],
	"eight sessions clone and cancel for $seconds seconds");
my $outcomes = $server->safe_psql('postgres', 'SELECT what, count(*) FROM public.outcome GROUP BY 1 ORDER BY 2 DESC');
note $outcomes;
is($server->safe_psql('postgres', $deadlocks), '0', 'no deadlock');
is($server->safe_psql('postgres', q{SELECT count(*) FROM public.outcome WHERE what !~ '^(done|VC)'}),
	'0', 'every call is done or refused');
cmp_ok($server->safe_psql('postgres', q{SELECT count(*) FROM public.outcome WHERE what = 'done'}),
	'>', 10, 'many calls are done');

# Let the cancelled jobs end, then look for anything taken twice.
$server->poll_query_until('postgres', q{SELECT count(*) = 0 FROM vmclone.jobs WHERE status IN ('cancelling', 'cleaning') OR requested IS NOT NULL});
my %invariants = (
	'names are unique' => q{SELECT count(*) FROM (SELECT 1 FROM vmclone.vm_static s JOIN vmclone.cluster c USING (cluster_id) WHERE s.vm_name LIKE 'clone%' GROUP BY c.storage_pool_id, s.vm_name HAVING count(*) > 1) d},
	'MACs are unique' => q{SELECT count(*) FROM (SELECT 1 FROM vmclone.vm_interface GROUP BY mac_addr HAVING count(*) > 1) d},
	'no quota is passed' => q{SELECT count(*) FROM (SELECT sum(CASE WHEN i.active THEN i.size ELSE d.actual_size END) / 1073741824.0 AS used FROM vmclone.image_storage_domain_map m JOIN vmclone.images i ON i.image_guid = m.image_id JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE m.quota_id = fixture.id('q1')) u WHERE used > 600 * 1.2},
	'exclusive holders are alone' => q{SELECT count(*) FROM vmclone.image_locks a JOIN vmclone.image_locks b USING (kind, entity_id) WHERE a.mode = 'exclusive' AND a.holder <> b.holder},
	'every lock has a live job' => q{SELECT count(*) FROM vmclone.image_locks l WHERE NOT EXISTS (SELECT 1 FROM vmclone.jobs j WHERE j.call_id = l.holder AND j.ended_at IS NULL)},
	'LOCKED where a lock is, and nowhere else' => q{SELECT count(*) FROM vmclone.images i JOIN vmclone.base_disks d ON d.disk_id = i.image_group_id AND d.disk_alias ~ '^vm\d_' AND d.disk_alias !~ 'clone' WHERE (i.imagestatus = 2) <> EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = 'image' AND l.entity_id = i.image_guid)},
	'what is cancelled has no rows' => q{SELECT count(*) FROM vmclone.jobs j JOIN vmclone.vm_static s ON s.vm_guid = j.vm_id WHERE j.status = 'cancelled'},
	'every live job has its VM' => q{SELECT count(*) FROM vmclone.jobs j WHERE j.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM vmclone.vm_static s WHERE s.vm_guid = j.vm_id)},
);
is($server->safe_psql('postgres', $invariants{$_}), '0', $_) for sort keys %invariants;

$server->stop;
done_testing();
