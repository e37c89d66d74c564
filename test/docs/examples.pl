#!/usr/bin/perl
# Every ```sql block of the documentation runs, in the database that the demo leaves (each in a transaction that is
# rolled back); :snapshot is the snapshot that the demo clones.
use strict;
use warnings;
use utf8;
use File::Temp qw(tempfile);
use Test::More;
binmode(Test::More->builder->$_, ':utf8') foreach qw(output failure_output);

my $blocks = 0;
foreach my $page (glob('*.md docs/*.md'))
{
	open(my $handle, '<:utf8', $page) or die "cannot open $page: $!";
	my $text = do { local $/; <$handle> };

	while ($text =~ /^```sql\n(.*?)^```$/msg)
	{
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		my ($file, $name) = tempfile(UNLINK => 1);

		binmode($file, ':utf8');
		print $file "BEGIN;\n$1\nROLLBACK;\n";
		close $file;
		my $answer = `PGOPTIONS='-c client_min_messages=error' psql -qXAt -v ON_ERROR_STOP=1 -v snapshot=$ENV{SNAPSHOT} -f $name 2>&1`;
		is($?, 0, "$page, line $line: runs") or diag($answer);
		$blocks++;
	}
}
cmp_ok($blocks, '>', 0, 'there are examples');
done_testing();
