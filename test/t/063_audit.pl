# Every kind of audit row (src/base/audit.h), once: whom it names, of which job and call, severity, and no placeholder left.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my $node = VmcloneCluster->start_new('audit', conf => "vmclone.retry_delay = '100ms'\n");
my $vm = $node->make_vm(name => 'web01', snapshots => 3, disks => [ { format => 'raw', writes => 20 }, { writes => 20 } ]);
my $snapshot = $vm->{snapshots}[1];
my $path = $vm->{path};
$node->safe_psql('postgres', "SELECT fixture.make_vm('wide', disks => 1, nics => 2)");
my $user = $node->row("SELECT user_id, username FROM vmclone.users WHERE user_id = fixture.id('admin')");

# An operator of the engine's user "admin".
$node->safe_psql('postgres', <<"SQL");
CREATE ROLE operator LOGIN;
SELECT vmclone.grant_operator('operator', fixture.id('admin'));
GRANT USAGE ON SCHEMA fixture TO operator;
CREATE FUNCTION fixture.without_disks(vm text, disks int) RETURNS jsonb LANGUAGE sql AS \$\$
    SELECT jsonb_agg(jsonb_build_object('disk_id', fixture.disk(vm, d), 'include', false)) FROM generate_series(1, disks) d \$\$;
SQL

# Calls as the operator; more: other named arguments, SQL.  Returns the first job's id.
sub clone
{
	my ($name, $more, $function) = @_;
	my $arguments = join ', ', "snapshot_id => '$snapshot'", "vm_name => '$name'", "lock_mode => 'shared'", $more || ();

	$arguments =~ s/snapshot_id => '$snapshot', // if $arguments =~ /snapshot_id.*snapshot_id/;
	$function ||= 'add_vm_from_snapshot';
	return $node->value("SET SESSION AUTHORIZATION operator; SELECT job_id FROM vmclone.$function($arguments) LIMIT 1");
}

sub ends
{
	my ($job, $status) = @_;
	is($node->wait_for_job($job), $status, "a job ends as $status");
	return;
}

# 37 and 53; 48 and 51; 34
ends(clone('copy'), 'succeeded');
ends(clone('template', '', 'add_vm_template_from_snapshot'), 'succeeded');
clone('empty', "disks => fixture.without_disks('web01', 2)");
# 60, 1322, CLONE_RETRIED
my $layer = "$vm->{disks}[1]{path}/$vm->{disks}[1]{images}[0]";
rename $layer, "$layer.away" or die "rename: $!";
my $failed = clone('failing');
ends($failed, 'failed');
ends(clone('failing_template', '', 'add_vm_template_from_snapshot'), 'failed');
rename "$layer.away", $layer or die "rename: $!";
ends($node->value("SET SESSION AUTHORIZATION operator; SELECT new_job_id FROM vmclone.retry_job('$failed')"), 'succeeded');
# 60 again
my $job = clone('given_up', 'start_paused => true');
$node->safe_psql('postgres', "SET SESSION AUTHORIZATION operator; SELECT vmclone.cancel_job('$job')");
ends($job, 'cancelled');
# CLEANING_ABANDONED
$job = clone('hopeless', 'bandwidth_limit => 300000');
$node->poll_query_until('postgres', "SELECT max(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$job'");
rename $path, "$path.away" or die "rename: $!";
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$job')");
$node->poll_query_until('postgres', "SELECT status = 'cleaning' AND cleaning_error IS NOT NULL FROM vmclone.jobs WHERE job_id = '$job'");
$node->safe_psql('postgres', "SELECT vmclone.abandon_cleaning('$job')");
ends($job, 'cancelled');
rename "$path.away", $path or die "rename: $!";
# 8160, 9607, then 816: the MAC pool of cl2 has three addresses
my $wide = "snapshot_id => fixture.snapshot('wide', 1), cluster_id => fixture.id('cl2'), disks => fixture.without_disks('wide', 1)";
clone('few_left', $wide);
clone('none_left', "$wide, interfaces => jsonb_build_array(jsonb_build_object('interface_id', fixture.nic('wide', 2), 'include', false))");
# 3010, 3011, 3016, 3013, 3014: q1 so limited that a disk of 10 GiB takes it to that percentage
$node->safe_psql('postgres', <<'SQL');
UPDATE vmclone.storage_pool SET quota_enforcement_type = 1 WHERE id = fixture.id('dc1');
CREATE FUNCTION fixture.leave_of_q1(percent int) RETURNS void LANGUAGE sql AS $$
    UPDATE vmclone.quota_limitation SET storage_size_gb = (SELECT (10 + sum(CASE WHEN i.active THEN i.size ELSE d.actual_size END) / 1073741824.0) * 100 / percent
        FROM vmclone.image_storage_domain_map m JOIN vmclone.images i ON i.image_guid = m.image_id
        JOIN vmclone.disk_image_dynamic d ON d.image_id = i.image_guid WHERE m.quota_id = fixture.id('q1'))
    WHERE id = fixture.id('limit q1 storage') $$;
SQL
foreach my $percent (90, 110, 140)
{
	$node->safe_psql('postgres', "SELECT fixture.leave_of_q1($percent)");
	clone("quota_$percent", "snapshot_id => fixture.snapshot('wide', 1), start_paused => true,"
		  . " disks => jsonb_build_array(jsonb_build_object('disk_id', fixture.disk('wide', 1), 'quota_id', fixture.id('q1')))");
}
$node->safe_psql('postgres', "UPDATE vmclone.quota SET is_default = false WHERE storage_pool_id = fixture.id('dc1'); UPDATE vmclone.vm_static SET quota_id = NULL;"
	  . " UPDATE vmclone.snapshots SET vm_configuration = regexp_replace(vm_configuration, '<quota_id>[^<]*</quota_id>', '') WHERE vm_configuration IS NOT NULL");
clone('no_quota', "snapshot_id => fixture.snapshot('wide', 1), start_paused => true");
$node->safe_psql('postgres', 'UPDATE vmclone.storage_pool SET quota_enforcement_type = 0');
# CLONE_FROM_PARTIAL_SNAPSHOT, SNAPSHOT_DISK_MISSING
$node->safe_psql('postgres', "SELECT fixture.make_vm('partial'), fixture.lose_image('partial', 2, 1)");
clone('partly', "snapshot_id => fixture.snapshot('partial', 1), start_paused => true");
# ENTITY_UNLOCKED
$node->safe_psql('postgres', "UPDATE vmclone.snapshots SET status = 'LOCKED' WHERE snapshot_id = fixture.snapshot('partial', 2);"
	  . " SELECT vmclone.unlock_entity('snapshot', fixture.snapshot('partial', 2))");
# JOBS_ADOPTED, in a copy of the database
$node->safe_psql('template1', 'CREATE DATABASE heir TEMPLATE postgres');
$node->bind_again('heir');
$node->safe_psql('heir', "SELECT vmclone.adopt('abandon')");

my %severity = (34 => 0, 37 => 0, 48 => 0, 51 => 0, 53 => 0, 60 => 2, 816 => 1, 1322 => 2, 3013 => 1, 3014 => 1, 3010 => 1, 3011 => 1,
	3016 => 1, 8160 => 1, 9607 => 1, CLONE_FROM_PARTIAL_SNAPSHOT => 1, SNAPSHOT_DISK_MISSING => 1, CLONE_RETRIED => 0,
	ENTITY_UNLOCKED => 10, CLEANING_ABANDONED => 10, JOBS_ADOPTED => 10);
# how the engine calls events of others, by severity
my %external = (0 => '9801 EXTERNAL_EVENT_NORMAL', 1 => '9802 EXTERNAL_EVENT_WARNING', 2 => '9803 EXTERNAL_EVENT_ERROR', 10 => '9804 EXTERNAL_ALERT');
# what an administrator does himself
my %by_role = map { $_ => 1 } qw(ENTITY_UNLOCKED CLEANING_ABANDONED JOBS_ADOPTED);
my %of_no_job = map { $_ => 1 } qw(ENTITY_UNLOCKED JOBS_ADOPTED);
my %kinds = PostgreSQL::Test::Utils::slurp_file('src/base/audit.h') =~ /^\tAUDIT_(\w+) = (-?\d+),$/mg;

cmp_ok(scalar keys %kinds, '>', 20, 'the header lists the kinds');
foreach my $name (sort { $kinds{$a} <=> $kinds{$b} } keys %kinds)
{
	# below zero: an external event, whose name is in custom_data
	my $is_external = $kinds{$name} < 0;
	my $type = $is_external ? $name : $kinds{$name};
	my $database = $name eq 'JOBS_ADOPTED' ? 'heir' : 'postgres';
	my $which = $is_external ? "a.custom_data = '$name'" : "a.log_type = $type AND a.origin = 'oVirt'";
	my $rows = JSON::PP->new->utf8->decode($node->safe_psql($database, <<"SQL"));
SELECT coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object('job_vm', j.vm_id, 'call_id', j.call_id) ORDER BY a.audit_log_id), '[]')
FROM vmclone.audit_log a LEFT JOIN vmclone.jobs j USING (job_id) WHERE $which
SQL

	if ($type eq '3009')
	{
		is(scalar @$rows, 0, "$type: what is refused writes no row");
		next;
	}
	cmp_ok(scalar @$rows, '>', 0, "$type $name is written") or next;
	foreach my $row (@$rows)
	{
		my @wrong;

		push @wrong, "type $row->{log_type} $row->{log_type_name}"
		  if "$row->{log_type} $row->{log_type_name}" ne ($is_external ? $external{ $severity{$type} } : "$type $name");
		push @wrong, "severity $row->{severity}" if $row->{severity} != ($severity{$type} // -1);
		push @wrong, 'a placeholder is left' if $row->{message} =~ /<UNKNOWN>|\$\{|\(null\)/;
		push @wrong, "origin $row->{origin}" if $row->{origin} ne ($is_external ? 'vmclone' : 'oVirt');
		push @wrong, "custom_event_id $row->{custom_event_id}" if $is_external ? $row->{custom_event_id} < 1 : $row->{custom_event_id} != -1;
		if ($by_role{$type})
		{
			push @wrong, 'the user is not the role' if defined $row->{user_id} || $row->{user_name} ne 'postgres';
		}
		else
		{
			push @wrong, 'not the engine\'s user' if ($row->{user_id} // '') ne $user->{user_id} || $row->{user_name} ne $user->{username};
		}
		if (!$of_no_job{$type})
		{
			push @wrong, 'no job' unless defined $row->{job_vm};
			push @wrong, 'not the job\'s VM' if ($row->{vm_id} // '') ne ($row->{job_vm} // '') || !length($row->{vm_name} // '');
			push @wrong, 'not the call\'s correlation_id' if ($row->{correlation_id} // '') ne ($row->{call_id} // '-');
			push @wrong, 'no data center' unless ($row->{storage_pool_name} // '') eq 'dc1';
			push @wrong, 'no cluster' unless defined $row->{cluster_name};
		}
		is("@wrong", '', "$type: $row->{message}");
	}
}
# rows about one quota name it
is($node->value('SELECT count(*) FROM vmclone.audit_log WHERE log_type IN (3010, 3011, 3016) AND quota_name = \'\''), 0, 'quota rows name the quota');
# docs name every kind
my %told = map { $_ => 1 } PostgreSQL::Test::Utils::slurp_file('docs/audit.md') =~ /^\| `(\w+)` \|/mg;
is(join(' ', grep { !$told{$_} } sort keys %kinds), '', 'docs/audit.md lists every kind');
is(join(' ', grep { !$kinds{$_} } sort keys %told), '', 'and no other');
$node->stop;
done_testing();
