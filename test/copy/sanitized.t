#!/usr/bin/perl
# sanitized.t: the same material through the build with ASan and UBSan.  A finding of theirs is exit
# code 99, which no test takes for a result of ours.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $sanitized = "$top/build/sanitize/vmclone-copy";
plan skip_all => "$sanitized is not built: make copy-sanitize" unless -x $sanitized;
$ENV{VMCLONE_COPY} = $sanitized;
$ENV{CHAINS}  //= 30;
$ENV{MUTANTS} //= 60;
$ENV{KILLS}   //= 15;

my ($code, undef, $err) = run_command([ 'sh', '-c', "nm $sanitized | grep -q __asan_init" ]);
is($code, 0, 'the build has the sanitizers in it') or diag $err;
for my $name (qw(cases hostile generated halves hugepage traps control volume failing))
{
	my ($status, $out, $errors) = run_command([ $^X, "$FindBin::Bin/$name.t" ], timeout => 900);
	is($status, 0, "$name.t") or diag join "\n", (grep { /not ok/ } split /\n/, $out), $errors;
	cmp_ok(scalar(() = $out =~ /^ok /mg), '>', 10, 'and it ran');
}
done_testing();
