# A copier that an image has taken over, and a program in its place, may say what they like: the worker goes on, what
# it writes into rows is printable and bounded, and a job that ends well has the image that it should have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use VmcloneCluster;
use Test::More;

my $seed = $ENV{VMCLONE_TEST_SEED} // 1 + int rand 1_000_000;
my $rounds = $ENV{VMCLONE_TEST_LIES} // 12;
note("seed $seed (VMCLONE_TEST_SEED), $rounds rounds (VMCLONE_TEST_LIES)");
srand $seed;

my $node = VmcloneCluster->start_new('lies', conf => "vmclone.retry_delay = '100ms'\nvmclone.max_attempts = 1\nvmclone.storage_timeout = 20\nvmclone.wait_limit = 1\n");
my $vm = $node->make_vm(disks => [ { size => '1M', writes => 20 } ]);
my $copier = $node->value('SHOW vmclone.copy_program');
my $said = $node->basedir . '/said';
my $wrapper = $node->basedir . '/lying-copier';

# Says the lines of the file behind the first line of the real one, or before it; ends as the real one does, with an error,
# or as if its lease were over.
open(my $script, '>', $wrapper) or die "$wrapper: $!";
print $script <<"PERL";
#!/usr/bin/perl
use strict;
exec '$copier', \@ARGV or exit 1 if "\@ARGV" !~ / copy / || !-s '$said';
open(my \$lies, '<:raw', '$said') or exit 1;
my \$text = do { local \$/; <\$lies> };
my \$when = substr \$text, 0, 1, '';
\$| = 1;
print \$text if \$when =~ /[bcf]/;
exit 4 if \$when eq 'c';
exit 1 + length(\$text) % 3 if \$when eq 'f';
open(my \$copier, '-|', '$copier', \@ARGV) or exit 1;
while (my \$line = <\$copier>)
{
	print \$line;
	print \$text if \$when eq 'd' && \$. == 1;
	print \$text if \$when eq 'e' && \$line =~ /"event":"done"/;
}
close \$copier;
print \$text if \$when eq 'l';
exit(\$? >> 8);
PERL
close $script;
chmod 0755, $wrapper;

sub pick { return $_[ rand @_ ] }

# A value as JSON, of any kind.
sub value
{
	return pick(0, -1, '9223372036854775807', '18446744073709551616', '1e400', '-1e-400', '0.5', 'true', 'null', '""', '"x"', '[]', '{}',
		'"' . 'y' x int(rand 3000) . '"', '"\\u0000"', '"\\ud800"', '"a\\u001b[31mb"', "\"\x01\xff\xfe\"", '"\'; DROP TABLE vmclone.jobs; --"', '"%s%n"', '"NaN"', '"../../etc"');
}

sub event
{
	my @keys = qw(phase bytes_done bytes_total bytes_written output_size allocated method reason rate checkpoint paused verified to_verify message path layer offset kind errno
		exit clock ok hint version protocol committed realpath);
	return '{"event":"' . pick(qw(progress plan start done error alive ended ready notice beat lie)) . '"' . join('', map { ',"' . pick(@keys) . '":' . value() } 1 .. 1 + rand 8) . '}';
}

# What a terminal would obey.
sub escapes
{
	return '{"event":"error","kind":"io","errno":"E\u0007","layer":"\u009b0","path":"/\u001b]0;x","message":"\u001b[2J\u009b31m' . 'w' x (rand 9000) . '"}';
}

sub line
{
	my $kind = int rand 11;
	return escapes() if $kind == 10;
	return event() if $kind < 6;
	return '[' x (1 + rand 20_000) if $kind == 6;
	return '{"event":"progress","a":' . '{"a":' x 8000 . '1' . '}' x 8000 . '}' if $kind == 7;
	return join('', map { chr rand 256 } 1 .. rand 2000) if $kind == 8;
	return '{"event":"progress","phase":"' . 'z' x (60_000 + rand 20_000) . '"}';
}

$node->safe_psql('postgres', "ALTER SYSTEM SET vmclone.copy_program = '$wrapper'");
$node->reload;
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM vmclone.worker') or die 'no worker';
my $pid = $node->value('SELECT pid FROM vmclone.worker');
my (%ends, @jobs);
foreach my $round (1 .. $rounds)
{
	my $when = $round < 3 ? (qw(f c))[ $round - 1 ] : pick(qw(b c d d e l f f));
	open(my $file, '>:raw', $said) or die "$said: $!";
	print $file $when, (map { line() . "\n" } 1 .. 1 + rand 40), escapes() . "\n";
	close $file;
	my $job = $node->clone($vm->{snapshots}[1], vm_name => "lied$round", lock_mode => 'shared');
	my $end = $node->job_when($job->{job_id}, qw(succeeded failed));

	$ends{"$when $end->{status}"}++;
	push @jobs, $job->{job_id};
	if ($end->{status} eq 'succeeded')
	{
		$node->images_equal($job->{vm_id}, $vm, 1);
	}
	else
	{
		is($end->{status}, 'failed', "round $round: the job is over") or diag("seed $seed, when $when");
		ok(length($end->{reason} // '') > 0, "round $round: a failure has a reason") or diag("seed $seed, when $when");
	}
}
note("$_: $ends{$_}") foreach sort keys %ends;
unlink $said;
is($node->value('SELECT pid FROM vmclone.worker'), $pid, 'the worker is the one that it was');
is($node->value(<<'SQL'), 0, 'what the rows have of it is printable');
SELECT count(*) FROM vmclone.async_tasks t JOIN vmclone.jobs j USING (job_id)
WHERE concat_ws('', t.phase, t.method, t.method_reason, t.checkpoint, t.error, t.error_kind, j.reason) ~ E'[\\x01-\\x1f\\x7f-\\x9f]'
SQL
cmp_ok($node->value("SELECT max(length(t::text) + length(j::text)) FROM vmclone.async_tasks t JOIN vmclone.jobs j USING (job_id)"), '<', 400_000, 'and of a length');
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'honest', lock_mode => 'shared');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'an honest copier finds a worker that is well');
$node->images_equal($job->{vm_id}, $vm, 1);
is(join(' ', $node->leftovers), '', 'no unfinished file is left');
$node->stop;
done_testing();
