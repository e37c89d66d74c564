# What disks are read from, on real chains: copies of one call, also where the first one fails or is cancelled; thin VMs on
# their template's image; disks that are missing from the snapshot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use VmcloneCluster;
use Test::More;

my $node = VmcloneCluster->start_new('sources', conf => "vmclone.retry_delay = '100ms'\n");

# A program in the copier's place that keeps the arguments of each call and becomes the copier.
my $calls = $node->basedir . '/calls';
my $wrapper = $node->basedir . '/vmclone-copy';
my $copier = $node->value('SHOW vmclone.copy_program');
open my $script, '>', $wrapper or die "$wrapper: $!";
print $script qq{#!/bin/sh\nprintf '%s\\n' "\$*" >>'$calls'\nexec '$copier' "\$@"\n};
close $script;
chmod 0755, $wrapper;
$node->append_conf('postgresql.conf', "vmclone.copy_program = '$wrapper'\n");
$node->reload;

# The image ids that the copy of an image has read, the lowest layer first.
sub layers_of
{
	my ($image) = @_;
	my ($call) = grep { /^copy / && /--output \S+\/\Q$image\E/ } split /\n| --then /, slurp_file($calls);

	return $call ? join(' ', map { m{/([0-9a-f-]{36})$} } $call =~ /--layer (\S+)/g) : 'not copied';
}

sub images_of
{
	my ($job) = @_;
	return map { $_->{image_id} }
	  $node->rows("SELECT image_id FROM vmclone.async_tasks WHERE job_id = '$job->{job_id}' ORDER BY disk_number");
}

sub copies_of
{
	my ($snapshot, $name, $more) = @_;
	return $node->rows("SELECT * FROM vmclone.add_vm_from_snapshot('$snapshot', '$name\_{n}', $more) ORDER BY copy_number");
}

my $vm = $node->make_vm(disks => [ { format => 'raw' }, {} ]);
my $snapshot = $vm->{snapshots}[1];
my @chains = map { join ' ', @{ $_->{images} }[ 0, 1 ] } @{ $vm->{disks} };

# Copies: the first one reads the chain, the others its images.
my @jobs = copies_of($snapshot, 'many', 'copies => 3');
is($node->wait_for_job($_->{job_id}), 'succeeded', "$_->{vm_name} succeeds") foreach @jobs;
$node->images_equal($_->{vm_id}, $vm, 1, "$_->{vm_name} is exact") foreach @jobs;
is_deeply([ map { layers_of($_) } images_of($jobs[0]) ], \@chains, 'the first copy reads the chains');
foreach my $copy (@jobs[ 1, 2 ])
{
	is_deeply([ map { layers_of($_) } images_of($copy) ], [ images_of($jobs[0]) ], "$copy->{vm_name} reads the first one's images");
}

# The first copy fails: a file of somebody else is where its second disk has to go.
@jobs = copies_of($snapshot, 'first', 'copies => 3, start_paused => true');
my ($planted) = $node->rows(<<"SQL");
SELECT s.mount_path || '/images/' || t.disk_id AS folder, t.image_id
FROM vmclone.async_tasks t JOIN vmclone.storage_mounts s USING (storage_domain_id)
WHERE job_id = '$jobs[0]{job_id}' AND disk_number = (SELECT max(disk_number) FROM vmclone.async_tasks WHERE job_id = '$jobs[0]{job_id}')
SQL
make_path($planted->{folder});
append_to_file("$planted->{folder}/$planted->{image_id}", 'precious');
$node->safe_psql('postgres', "SELECT vmclone.resume_job(job_id) FROM vmclone.jobs WHERE vm_name LIKE 'first_%'");
is($node->wait_for_job($jobs[0]{job_id}), 'failed', 'the first copy fails');
is($node->wait_for_job($_->{job_id}), 'succeeded', "$_->{vm_name} succeeds") foreach @jobs[ 1, 2 ];
$node->images_equal($_->{vm_id}, $vm, 1, "$_->{vm_name} is exact") foreach @jobs[ 1, 2 ];
is(layers_of((images_of($jobs[1]))[1]), $chains[1], 'the second copy reads the chain of that disk');
is(layers_of((images_of($jobs[2]))[1]), (images_of($jobs[1]))[1], "the third one reads the second one's image");
is(slurp_file("$planted->{folder}/$planted->{image_id}"), 'precious', 'what was there before is still there');
is($node->value("SELECT count(*) FROM vmclone.vm_static WHERE vm_name LIKE 'first_%'"), 2, 'the failed one has left no row');
is($node->value('SELECT count(*) FROM vmclone.image_locks'), 0, 'and no lock');
unlink "$planted->{folder}/$planted->{image_id}";

# The first copy is cancelled while it copies.
@jobs = copies_of($snapshot, 'gone', 'copies => 2, bandwidth_limit => 100000');
ok($node->poll_query_until('postgres', "SELECT sum(bytes_done) > 0 FROM vmclone.async_tasks WHERE job_id = '$jobs[0]{job_id}'"), 'the first copy is under way');
is($node->value(<<"SQL"), 0, 'the second one waits for its images');
SELECT count(*) FROM vmclone.async_tasks s JOIN vmclone.async_tasks f USING (disk_number)
WHERE s.job_id = '$jobs[1]{job_id}' AND f.job_id = '$jobs[0]{job_id}' AND s.status <> 'init' AND f.result IS NULL
SQL
$node->safe_psql('postgres', "SELECT vmclone.cancel_job('$jobs[0]{job_id}'), vmclone.alter_job('$jobs[1]{job_id}', bandwidth_limit => 0)");
is($node->wait_for_job($jobs[0]{job_id}), 'cancelled', 'and is cancelled');
is($node->wait_for_job($jobs[1]{job_id}), 'succeeded', 'the second one goes on alone');
$node->images_equal($jobs[1]{vm_id}, $vm, 1, 'and is exact');
is_deeply([ $node->leftovers ], [], 'no file is left over');

# Two thin VMs of one template, whose image is a hard link in each one's own folder.
my $golden = $node->value("SELECT fixture.make_template('golden', format => 'RAW', size => 67108864)");
my $base = $node->value("SELECT fixture.image('golden', 1, 1)");
my $template_folder = "$vm->{path}/images/" . $node->value("SELECT fixture.disk('golden', 1)");
my $template_rows = "SELECT jsonb_agg(i) || to_jsonb(v) FROM vmclone.images i, vmclone.vm_static v WHERE i.image_guid = '$base' AND v.vm_guid = '$golden' GROUP BY v";
my @thin;
foreach my $n (1, 2)
{
	my %thin = (name => "thin$n", vm_id => $node->value("SELECT fixture.make_vm('thin$n', 1, 3, template => 'golden')"));
	my $folder = "$vm->{path}/images/" . $node->value("SELECT fixture.disk('thin$n', 1)");
	my @images = map { $node->value("SELECT fixture.image('thin$n', 1, $_)") } 1 .. 3;

	make_path($folder, $template_folder);
	if ($n == 1)
	{
		$node->make_chain($template_folder, [$base], format => 'raw');
	}
	link "$template_folder/$base", "$folder/$base" or die "link: $!";
	$node->make_chain($folder, \@images, on => [ $base, 'raw' ], writes => 3 + $n);
	$thin{disks} = [ { disk_id => "thin$n", path => $folder, images => [ $base, @images ], format => 'raw' } ];
	push @thin, \%thin;
}
my $template_before = $node->value($template_rows);
my @template_stat = (stat "$template_folder/$base")[ 1, 3, 7, 9 ];
foreach my $thin (@thin)
{
	my $source = $node->value("SELECT fixture.snapshot('$thin->{name}', 2)");

	$thin->{job} = $node->clone($source, vm_name => "copy_of_$thin->{name}", start_paused => 'true');
}
is($node->value("SELECT string_agg(mode, ' ') FROM vmclone.image_locks WHERE entity_id = '$base'"), 'shared shared', 'both hold the template\'s image, shared');
is($node->value($template_rows), $template_before, 'whose rows are as they were');
$node->safe_psql('postgres', "SELECT vmclone.resume_job(job_id) FROM vmclone.jobs WHERE status = 'paused'");
foreach my $thin (@thin)
{
	is($node->wait_for_job($thin->{job}{job_id}), 'succeeded', "a thin VM's clone succeeds");
	$node->images_equal($thin->{job}{vm_id}, $thin, 2, 'and is exact');
	is(layers_of((images_of($thin->{job}))[0]), join(' ', @{ $thin->{disks}[0]{images} }[ 0 .. 2 ]), 'it was read from the template\'s image up');
	my ($call) = grep { /--output \S+\Q@{[images_of($thin->{job})]}\E/ } split /\n/, slurp_file($calls);
	like($call, qr{--layer raw:\Q$thin->{disks}[0]{path}/$base\E }, 'by the link in its own folder');
}
is($node->value($template_rows), $template_before, 'the template\'s rows are untouched');
is_deeply([ (stat "$template_folder/$base")[ 1, 3, 7, 9 ] ], \@template_stat, 'and its file');

# A template of a thin VM's snapshot stands alone; its volumes are SHARED.
my $template = $node->row("SELECT * FROM vmclone.add_vm_template_from_snapshot(fixture.snapshot('thin1', 1), 'silver')");
is($node->wait_for_job($template->{job_id}), 'succeeded', 'a template of a thin VM');
$node->images_equal($template->{vm_id}, $thin[0], 1, 'is exact');
my ($file) = $node->disk_files($template->{vm_id});
like(slurp_file("$file->{path}.meta"), qr/^VOLTYPE=SHARED$/m, 'its volume is SHARED');
like(slurp_file("$file->{path}.meta"), qr/^LEGALITY=LEGAL$/m, 'and LEGAL');

# The link is not there: refused by the copier, and all is undone.
unlink "$thin[1]{disks}[0]{path}/$base";
my $job = $node->clone($node->value("SELECT fixture.snapshot('thin2', 2)"), vm_name => 'unlinked');
is($node->wait_for_job($job->{job_id}), 'failed', 'without its link the clone fails');
like($node->value("SELECT reason FROM vmclone.jobs WHERE job_id = '$job->{job_id}'"), qr/\Q$base\E.*ENOENT/, 'and says what is not there');

is_deeply([ $node->leftovers ], [], 'no file is left over');

# A disk that is missing from the snapshot becomes an empty one of its size: that of its row, or where there is none the document's GiB.
my $partial = $node->make_vm(name => 'partial', disks => [ {}, { size => '1G' }, { size => '32M', format => 'raw' } ]);
$node->safe_psql('postgres', "SELECT fixture.lose_image('partial', 2, 2); UPDATE vmclone.images SET imagestatus = 4 WHERE image_guid = fixture.image('partial', 3, 2)");
my ($code, $out, $err) = $node->psql('postgres',
	"SELECT vm_id, job_id FROM vmclone.add_vm_from_snapshot('$partial->{snapshots}[1]', 'blanks', missing_disk => 'blank')");
is($code, 0, 'blank disks') or diag $err;
like($err, qr/WARNING:.*partial/s, 'with a warning');
my ($blanks, $blank_job) = split /\|/, $out;
is($node->wait_for_job($blank_job), 'succeeded', 'are made');
my @files = $node->disk_files($blanks);
is(scalar @files, 3, 'beside the one that is copied');
foreach my $disk (@files)
{
	my ($number) = $disk->{disk_alias} =~ /Disk(\d)/;
	my @strict;
	my $expected = "$partial->{disks}[0]{path}/$partial->{disks}[0]{images}[1]";

	if ($number > 1)
	{
		# of the same size too; of raw files it is the length (and qemu-img allocates the first block of those)
		@strict = '-s' if $disk->{format} eq 'qcow2';
		is(-s $disk->{path}, 32 << 20, "$disk->{disk_alias} has the size of the row") if $disk->{format} eq 'raw';
		$expected = $node->basedir . "/empty$number";
		system('qemu-img', 'create', '-q', '-f', 'qcow2', $expected, $partial->{disks}[ $number - 1 ]{size}) == 0 or die 'qemu-img';
		cmp_ok((stat $disk->{path})[12] * 512, '<', 1_000_000, "$disk->{disk_alias} takes no space");
	}
	$node->command_ok([ 'qemu-img', 'compare', @strict, '-f', 'qcow2', '-F', $disk->{format}, $expected, $disk->{path} ],
		"$disk->{disk_alias} ($disk->{format}) is what it has to be");
}
$node->stop;
done_testing();
