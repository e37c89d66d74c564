# Leases that a clone's volumes get, against sanlock's own tool.
use strict;
use warnings;
use Digest::SHA;
use Guest;
use Test::More;
use VmcloneCluster;

my $copier = copier();
my ($domain, $disk, $image) =
  qw(7b5e0f5e-1111-4222-8333-944444444444 11111111-2222-4333-8444-555555555555 99999999-8888-4777-8666-555555555555);

foreach my $mount (@nfs)
{
	foreach my $geometry ([ 512, 1 ], [ 4096, 1 ], [ 4096, 2 ], [ 4096, 4 ], [ 4096, 8 ])
	{
		my ($sector, $mebibytes) = @$geometry;
		my $what = "NFS $mount->{version}, sectors of $sector, $mebibytes MiB";
		my $root = "$mount->{path}/leases";
		my $lease = "$root/images/$disk/$image.lease";

		mkdir $root or die "$root: $!";
		mkdir "$root/dom_md";
		open my $metadata, '>', "$root/dom_md/metadata" or die;
		printf $metadata "SDUUID=%s\nBLOCK_SIZE=%d\nALIGNMENT=%d\n", $domain, $sector, $mebibytes << 20;
		close $metadata;
		run($copier, qw(volume create), '--root', $root, '--domain', $domain, '--disk', $disk, '--image', $image, qw(--size 1048576
			--format RAW --type SPARSE --voltype LEAF --domain-format 5 --disk-type DATA));
		run('truncate', '-s', "${mebibytes}M", "$root/oracle");
		run('sanlock', qw(direct init -r), "$domain:$image:$root/oracle:0", '-Z', $sector, '-A', "${mebibytes}M");
		is(Digest::SHA->new(256)->addfile($lease, 'b')->hexdigest, Digest::SHA->new(256)->addfile("$root/oracle", 'b')->hexdigest,
			"$what: as sanlock writes it");
		like(run('sanlock', qw(direct dump), "$lease:0", '-Z', $sector, '-A', "${mebibytes}M"), qr/\b$domain\s+$image\b.*\b0+\b/s,
			"$what: sanlock reads it: free");
		run('rm', '-rf', $root);
	}
}

done_testing();
