#!/usr/bin/perl
# docs/tutorial.md, its last chapter (test/t/092_tutorial.pl has the others): every command runs, in the order in which it stands there and in the database that the demo leaves, and its
# answer is the one shown, but for what differs from run to run: sizes, ids, how far a copy is.
use strict;
use warnings;
use utf8;
use File::Temp qw(tempfile);
use Test::More;
binmode(Test::More->builder->$_, ':utf8') foreach qw(output failure_output);

my $tutorial = do { open(my $handle, '<:utf8', 'docs/tutorial.md') or die $!; local $/; <$handle> };

# What the demo has done by then.
my $made = `psql -qXAt -v ON_ERROR_STOP=1 -c "SELECT job_id FROM vmclone.add_vm_from_snapshot('$ENV{SNAPSHOT}', 'web01_restored')" 2>&1`;
chomp $made;
is(system('psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-c', "CALL vmclone.wait_for_job('$made', '2 min')"), 0, "the demo's clone") or diag $made;

# The steps: a command, which may go on in further lines, and the answer shown.
my @steps;
foreach my $line (map { split /\n/ } $tutorial =~ /^```\n(vmclone=# .*?)^```$/msg)
{
	if ($line =~ s/^vmclone=# //)
	{
		push @steps, { command => $line, answer => '' };
	}
	elsif ($steps[-1]{command} !~ /^\\|;$|\\gset$/)
	{
		$steps[-1]{command} .= "\n$line";
	}
	else
	{
		$steps[-1]{answer} .= "$line\n";
	}
}
cmp_ok(scalar(@steps), '>', 5, 'the tutorial has commands');

my ($script, $name) = tempfile(UNLINK => 1);
binmode($script, ':utf8');
print $script "$_->{command}\n\\echo @@\n" foreach @steps;
close $script;
open(my $psql, '-|:utf8', "psql -X -v ON_ERROR_STOP=1 -f $name 2>$name.errors") or die;
my $output = do { local $/; <$psql> };
close $psql;
is($?, 0, 'all of them run') or diag `cat $name.errors`;
my $notices = `cat $name.errors`;
unlink "$name.errors";
like($notices, qr/NOTICE: .* succeeded, 100 %/, 'the copy is done');

sub normal
{
	my ($text) = @_;
	$text =~ s/^NOTICE: .*\n//mg;
	$text =~ s/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/ID/g;
	$text =~ s/\b\d+(?:\.\d+)? (?:bytes|[kMGT]i?B)\b/SIZE/g;
	# of a copy under way: phase and per cent
	$text =~ s/\| *\w[\w ]* *\| *\d+\.\d *$/| PHASE/mg;
	$text =~ s/^[-+]+$/-/mg;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/^ | $|^\n//mg;
	return $text;
}

my @answers = split /^@@\n/m, $output;
foreach my $n (0 .. $#steps)
{
	is(normal($answers[$n] // ''), normal($steps[$n]{answer}), (split /\n/, $steps[$n]{command})[0]);
}
done_testing();
