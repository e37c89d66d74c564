# Removing volumes on real NFS: what is unlinked while it is open stays in its directory until it is closed.
use strict;
use warnings;
use Guest;
use JSON::PP ();
use Test::More;
use VmcloneCluster;

my $copier = copier();
my ($domain, $disk, $image) =
  qw(7b5e0f5e-1111-4222-8333-944444444444 11111111-2222-4333-8444-555555555555 99999999-8888-4777-8666-555555555555);

foreach my $mount (@nfs)
{
	foreach my $committed (0, 1)
	{
		my $what = "NFS $mount->{version}, " . ($committed ? 'a complete volume' : 'an unfinished copy');
		my $root = "$mount->{path}/removal";
		my @names = ('--root', $root, '--disk', $disk, '--image', $image);

		mkdir $root;
		run($copier, qw(volume create), @names, '--domain', $domain, qw(--size 1048576 --format RAW --type SPARSE --voltype LEAF
			--domain-format 5 --disk-type DATA));
		run('sh', '-c', "echo data >$root/images/$disk/$image.part");
		run($copier, qw(volume commit), @names) if $committed;
		my $answer = JSON::PP->new->decode(run($copier, qw(volume remove), @names));
		is("@{ $answer->{left} }", '', "$what: nothing is left");
		ok($answer->{directory_removed}, "$what: the directory goes, too");
		is(run('find', "$mount->{server}/removal/images", '-mindepth', '1'), '', "$what: on the server, too");
		run('rm', '-rf', $root);
	}
}

done_testing();
