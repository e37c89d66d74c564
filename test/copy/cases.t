#!/usr/bin/perl
# cases.t: the crafted images of test/copy/cases, by the verdict ("want") that their manifest gives.
use strict;
use warnings;
use File::Path qw(remove_tree);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use Test::More;

my $space = workspace();
command_ok('tar', '-xJf', "$FindBin::Bin/cases/images.tar.xz", '-C', $space);
my $manifest = json_of(slurp("$FindBin::Bin/cases/manifest.json"))->{images};
my ($folder) = map { s{/[^/]+$}{}r } glob("$space/v-plain-1.1.qcow2"), glob("$space/*/v-plain-1.1.qcow2");

# The chain by the manifest's word, never by what a hostile header says.
sub chain_of
{
	my ($name) = @_;
	my $case   = $manifest->{$name};
	my $format = $name =~ /\.raw$/ ? 'raw' : 'qcow2';
	my $below = $case && $case->{kind} eq 'valid' ? $case->{backing} : undef;
	# a helper image that the manifest does not list
	$below = json_of(command_ok(qw(qemu-img info --output json -f qcow2), "$folder/$name"))->{'backing-filename'}
	  if !$case && $format eq 'qcow2';
	my @below = defined $below ? chain_of($below) : ();
	return (@below, '--layer', "$format:$folder/$name");
}

my $bound = 256 << 20;    # bytes that a hostile image may make us allocate
for my $name (sort keys %$manifest)
{
	my $case = $manifest->{$name};
	my $want = $case->{want};
	my @chain = chain_of($name);
	subtest "$name: $case->{note}" => sub {
		for my $output ([ 'raw', '--io', 'buffered' ], [ 'raw', '--preallocate' ], ['qcow2'], [ 'qcow2', '--compat', '0.10', '--cluster-size', 512 ])
		{
			my ($format, @options) = @$output;
			# allocating a petabyte up front is what --preallocate asks for
			next if $want eq 'bounded' && "@options" eq '--preallocate';
			my $out = "$space/out";
			my ($code, $text, $errors) =
			  run_command([ $copier, 'copy', @chain, '--output', "$format:$out", @options ], timeout => 60);
			my $what = "$format @options";
			if ($want eq 'equal' || ($want eq 'equal-or-refuse' && $code == 0))
			{
				is($code, 0, "$what: copied") or diag $errors;
				if ($case->{raw_sha256} && -e $out)
				{
					my $result = $out;
					if ($format eq 'qcow2')
					{
						$result = "$space/raw";
						command_ok(qw(qemu-img check -q -f qcow2), $out);
						command_ok(qw(qemu-img convert -f qcow2 -O raw), $out, $result);
					}
					is(sha256($result), $case->{raw_sha256}, "$what: content");
					unlink $result;
				}
			}
			elsif ($want eq 'bounded')
			{
				# exit 2: no qcow2 with clusters of 512 bytes can be that large
				ok($code >= 0 && $code <= 3, "$what: ends within a minute (exit $code)") or diag $errors;
				ok(!-e $out || (stat $out)[12] * 512 < $bound, "$what: space is bounded");
			}
			else
			{
				is($code, 3, "$what: refused") or diag $text;
				like($errors, qr/\w/, 'and says why');
				unlike($errors, qr/Sanitizer|runtime error/, 'no finding of a sanitizer');
			}
			ok(!-e $out, "$what: nothing left on disk") if $code != 0;
			unlink $out;
		}
		for my $verb ([ 'measure', '--format', 'raw' ], [ 'measure', '--format', 'qcow2' ], ['map'])
		{
			my ($command, @options) = @$verb;
			# a map of a petabyte is long, but only as long as the tables
			my ($code, undef, $errors) = run_command([ $copier, $command, @chain, @options ], timeout => 60);
			ok($code == 0 || $code == 3, "$command: exit $code") or diag $errors;
			is($code, 0, "$command works") if $want eq 'equal';
		}
	};
}
done_testing();
