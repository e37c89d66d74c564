# Many sessions clone and cancel at once, one call a transaction, over few VMs, names, quotas, domains
# and MACs, while an engine touches the same rows and the worker ends what is cancelled.
#
# No call may end in a deadlock or with an error that is no refusal; nothing may be taken twice; and when
# all is cancelled, nothing is left.  DEADLOCK_SECONDS=180 make check-tap TESTS=test/t/060_deadlocks.pl hunts longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{DEADLOCK_SECONDS} || 15;
my $server = VmcloneCluster->start_new('deadlocks', preload => 0, conf => "vmclone.lock_wait = '20s'\n");
$server->make_domain($server->value("SELECT fixture.id('$_')")) for qw(nfs1 nfs2);
$server->safe_psql('postgres', q{
	SELECT fixture.make_template('golden');
	SELECT fixture.make_vm('vm' || n, 2, 4) FROM generate_series(1, 4) n;
	SELECT fixture.make_vm('vm' || n, 1, 4, template => 'golden') FROM generate_series(5, 6) n;
	UPDATE vmclone.storage_pool SET quota_enforcement_type = 2;
	UPDATE vmclone.quota SET grace_storage_percentage = 0;
	UPDATE vmclone.quota_limitation SET storage_size_gb = 420 WHERE id = fixture.id('limit q1 storage');
	UPDATE vmclone.storage_domain_dynamic SET available_disk_size = 60 WHERE id = fixture.id('nfs2');

	CREATE TABLE public.outcome (what text);
	-- A refusal is an answer; a deadlock, an internal error, or 40001 under READ COMMITTED isn't.
	CREATE FUNCTION public.attempt(vm int, layer int, name int, kind int) RETURNS void
	LANGUAGE plpgsql AS $$
	DECLARE
		source text := 'vm' || vm;
		disks jsonb := (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('disk_id', fixture.disk(source, d), 'quota_id', fixture.id('q1'),
			'storage_domain_id', fixture.id(CASE WHEN kind IN (1, 5) THEN 'nfs2' ELSE 'nfs1' END), 'volume_format', CASE WHEN kind IN (1, 5) THEN 'RAW' END,
			'volume_type', CASE WHEN kind IN (1, 5) THEN 'Preallocated' END))) FROM generate_series(1, CASE WHEN vm > 4 THEN 1 ELSE 2 END) d);
		outcome text := 'done';
		state text;
		detail text;
		context text;
	BEGIN
		BEGIN
			IF kind = 5 THEN
				PERFORM vmclone.add_vm_template_from_snapshot(fixture.snapshot(source, layer), 'clone' || name, disks => disks, start_paused => true);
			ELSE
				PERFORM vmclone.add_vm_from_snapshot(fixture.snapshot(source, layer), 'clone' || name || CASE WHEN kind = 4 THEN '_{n}' ELSE '' END,
					disks => disks, cluster_id => CASE WHEN kind = 3 THEN fixture.id('cl2') END, copies => CASE WHEN kind = 4 THEN 2 ELSE 1 END,
					request_key => CASE WHEN kind = 2 THEN 'key' || name END,
					lock_mode => CASE WHEN kind > 2 THEN 'exclusive' ELSE 'shared' END, start_paused => true);
			END IF;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
			outcome := concat_ws(' ', state, current_setting('transaction_isolation'), SQLERRM);
			-- The server's log keeps what a ROLLBACK takes away.
			IF state = '40P01' THEN
				RAISE LOG 'deadlock from %, layer %, kind %: % %', source, layer, kind, detail, context;
			END IF;
		END;
		INSERT INTO public.outcome VALUES (outcome);
	END $$;
	CREATE FUNCTION public.cancel() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		call uuid := (SELECT call_id FROM vmclone.jobs WHERE ended_at IS NULL AND requested IS NULL ORDER BY random() LIMIT 1);
	BEGIN
		PERFORM vmclone.cancel_job(job_id) FROM vmclone.jobs WHERE call_id = call AND ended_at IS NULL ORDER BY job_id;
	EXCEPTION WHEN OTHERS THEN
		-- two may choose the same job
		INSERT INTO public.outcome VALUES ('cancel ' || SQLSTATE || ' ' || SQLERRM);
	END $$;
	-- What an engine does to one row, allowed (lastmodified) or refused by a guard (parentid).
	CREATE FUNCTION public.engine(vm int, layer int, kind int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF kind = 0 THEN
			UPDATE vmclone.images SET parentid = parentid, size = size + 0, it_guid = md5(it_guid::text)::uuid WHERE image_guid = fixture.image('vm' || vm, 1, layer);
			RAISE EXCEPTION 'not merged' USING ERRCODE = 'VC000';
		END IF;
		UPDATE vmclone.images SET lastmodified = now() WHERE image_guid = fixture.image('vm' || vm, 1, layer);
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO public.outcome VALUES ('engine ' || SQLSTATE || ' ' || SQLERRM);
	END $$;
});

my $dir = PostgreSQL::Test::Utils::tempdir;
my $variables = <<'SQL';
\set vm random(1, 6)
\set layer random(1, 3)
\set name random(1, 40)
\set kind random(0, 5)
SQL
my %scripts = (
	clone => [ 6, "${variables}SELECT public.attempt(:vm, :layer, :name, :kind);\n" ],
	repeatable => [ 2, "${variables}BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM vmclone.vm_names;\nSELECT public.attempt(:vm, :layer, :name, :kind);\nCOMMIT;\n" ],
	rollback => [ 1, "${variables}BEGIN;\nSELECT public.attempt(:vm, :layer, :name, :kind);\nROLLBACK;\n" ],
	cancel => [ 4, "SELECT public.cancel();\n" ],
	engine => [ 2, "${variables}SELECT public.engine(:vm, :layer, :kind);\n" ],
);
my @files;
for my $name (sort keys %scripts)
{
	PostgreSQL::Test::Utils::append_to_file("$dir/$name.sql", $scripts{$name}[1]);
	push @files, "--file=$dir/$name.sql\@$scripts{$name}[0]";
}
$server->command_ok([ 'pgbench', '--no-vacuum', '--client=8', '--jobs=2', "--time=$seconds", @files, 'postgres' ],
	"eight sessions clone and cancel for $seconds seconds");

my $outcomes = $server->safe_psql('postgres', q{SELECT regexp_replace(what, '[0-9a-f]{8}-[0-9a-f-]{27}|clone\d+|key\d+|vm\d', '…', 'g'), count(*) FROM public.outcome GROUP BY 1 ORDER BY 2 DESC});
note $outcomes;
is($server->safe_psql('postgres', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'}), '0', 'no deadlock')
  or diag slurp_file($server->logfile) =~ /^(?:.*LOG:  deadlock from |.*ERROR:  deadlock detected).*\n(?:\t.*\n|.*(?:DETAIL|CONTEXT):.*\n)*/mg;
is( $server->safe_psql('postgres', q{
		SELECT DISTINCT regexp_replace(what, '[0-9a-f]{8}-[0-9a-f-]{27}|clone\d+', '…', 'g') FROM public.outcome
		WHERE what !~ '^(done|(engine |cancel )?VC|40001 repeatable read |engine 23503 .*fk_image_templates_images)'}),
	'', 'every call is done or refused');
cmp_ok($server->safe_psql('postgres', q{SELECT count(*) FROM public.outcome WHERE what = 'done'}), '>', 10, 'many calls are done');
is($server->safe_psql('postgres', q{SELECT count(*) FROM public.outcome WHERE what LIKE '%could not lock%'}), '0', 'nobody waited longer than lock_wait');

sub invariants
{
	my ($when, %invariants) = @_;
	is($server->safe_psql('postgres', $invariants{$_}), '0', "$when: $_") for sort keys %invariants;
}

my %always = (
	'names are unique' => q{SELECT count(*) FROM (SELECT 1 FROM vmclone.vm_static s JOIN vmclone.cluster c USING (cluster_id) WHERE s.vm_name LIKE 'clone%' GROUP BY c.storage_pool_id, s.entity_type, s.vm_name HAVING count(*) > 1) d},
	'MACs are unique' => q{SELECT count(*) FROM (SELECT 1 FROM vmclone.vm_interface WHERE mac_addr IS NOT NULL GROUP BY mac_addr HAVING count(*) > 1) d},
	'the MAC pool of three has given three at most' => q{SELECT greatest(count(*) - 3, 0) FROM vmclone.vm_interface WHERE mac_addr LIKE '56:6f:01:%'},
	'no quota is passed' => q{SELECT count(*) FROM (SELECT sum(CASE WHEN i.active THEN i.size ELSE d.actual_size END) / 1073741824.0 AS used FROM vmclone.image_storage_domain_map m JOIN vmclone.images i ON i.image_guid = m.image_id JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE m.quota_id = fixture.id('q1')) u WHERE used > 420},
	'no space is given twice' => q{SELECT count(*) FROM (SELECT sum(bytes_reserved) AS reserved FROM vmclone.async_tasks WHERE result IS NULL AND storage_domain_id = fixture.id('nfs2')) r WHERE reserved > 60 * 1073741824.0},
	'exclusive holders are alone' => q{SELECT count(*) FROM vmclone.image_locks a JOIN vmclone.image_locks b USING (kind, entity_id) WHERE a.mode = 'exclusive' AND a.holder <> b.holder},
	'every lock has a live job' => q{SELECT count(*) FROM vmclone.image_locks l WHERE NOT EXISTS (SELECT 1 FROM vmclone.jobs j WHERE j.call_id = l.holder AND j.ended_at IS NULL)},
	'an image is LOCKED where it is held, and nowhere else' => q{SELECT count(*) FROM vmclone.images i JOIN vmclone.base_disks d ON d.disk_id = i.image_group_id AND d.disk_alias ~ '^(vm\d|golden)_Disk\d$' WHERE (i.imagestatus = 2) <> EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = 'image' AND l.entity_id = i.image_guid AND NOT keeps_status)},
	'a snapshot is LOCKED where it is held, and nowhere else' => q{SELECT count(*) FROM vmclone.snapshots s JOIN vmclone.vm_static v ON v.vm_guid = s.vm_id AND v.vm_name ~ '^vm\d$' WHERE (s.status = 'LOCKED') <> EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = 'snapshot' AND l.entity_id = s.snapshot_id)},
	'an earlier status is kept for what is held, and nothing else' => q{SELECT count(*) FROM vmclone.lock_state s FULL JOIN (SELECT DISTINCT kind, entity_id FROM vmclone.image_locks WHERE NOT keeps_status) l USING (kind, entity_id) WHERE s.shared_only IS NULL OR l.entity_id IS NULL},
	'shared_only is true where all share' => q{SELECT count(*) FROM vmclone.lock_state s WHERE shared_only <> NOT EXISTS (SELECT 1 FROM vmclone.image_locks l WHERE l.kind = s.kind AND l.entity_id = s.entity_id AND l.mode = 'exclusive')},
	'what is cancelled has no rows' => q{SELECT count(*) FROM vmclone.jobs j JOIN vmclone.vm_static s ON s.vm_guid = j.vm_id WHERE j.status = 'cancelled'},
	'every live job has its VM and its name' => q{SELECT count(*) FROM vmclone.jobs j WHERE j.ended_at IS NULL AND j.status <> 'cleaning' AND (NOT EXISTS (SELECT 1 FROM vmclone.vm_static s WHERE s.vm_guid = j.vm_id) OR NOT EXISTS (SELECT 1 FROM vmclone.vm_names n WHERE n.vm_id = j.vm_id))},
	'a request key stands for one call' => q{SELECT count(*) FROM (SELECT 1 FROM vmclone.request_keys GROUP BY call_id HAVING count(*) > 1) d},
);
invariants('while jobs live', %always);

$server->for_jobs('cancel_job(job)', 'ended_at IS NULL');
ok($server->poll_query_until('postgres', q{SELECT count(*) = 0 FROM vmclone.jobs WHERE ended_at IS NULL}), 'all jobs end');
invariants(
	'when all is cancelled',
	%always,
	'nothing is held' => q{SELECT count(*) FROM vmclone.image_locks},
	'no status is kept' => q{SELECT count(*) FROM vmclone.lock_state},
	'no name is taken' => q{SELECT count(*) FROM vmclone.vm_names},
	'no clone is left' => q{SELECT count(*) FROM vmclone.vm_static WHERE vm_name LIKE 'clone%'},
	'no image is LOCKED' => q{SELECT count(*) FROM vmclone.images WHERE imagestatus <> 1 AND image_group_id IS NOT NULL},
	'no snapshot is LOCKED' => q{SELECT count(*) FROM vmclone.snapshots WHERE status <> 'OK'},
	'no disk is left' => q{SELECT count(*) FROM vmclone.base_disks WHERE disk_alias !~ '^(vm\d|golden)_Disk\d$'});

$server->stop;
done_testing();
