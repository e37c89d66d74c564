# What the NFS client has of a layer in its page cache isn't asked of the server again, unless the file was changed there.
use strict;
use warnings;
use Guest;
use Test::More;

use constant MIB => 1 << 20;

my $copier = copier();
my $bytes = 16 * MIB;

# How many requests of each kind this client has sent on a mount.
sub requests
{
	my ($mount) = @_;
	my ($lines) = PostgreSQL::Test::Utils::slurp_file('/proc/self/mountstats') =~ / mounted on \Q$mount->{path}\E (.*?)(?:^device |\z)/ms;
	return $lines =~ /^\s+([A-Z_]+): (\d+)/mg;
}

# Copies $layer, and returns how many requests of each kind that took.
sub copy
{
	my ($mount, $layer, $what) = @_;
	my %before = requests($mount);
	my ($code, undef, $err) = try_run($copier, 'copy', '--layer', "raw:$layer", '--output', "raw:$layer.copy");
	my %after = requests($mount);

	is($code, 0, "$what: copied") or diag $err;
	is((try_run('cmp', $mount->{server} . $layer =~ s/^\Q$mount->{path}\E//r, "$layer.copy"))[0], 0, "$what: content");
	unlink "$layer.copy";
	return map { $_ => $after{$_} - ($before{$_} // 0) } keys %after;
}

sub write_bytes
{
	my ($path, $byte) = @_;

	open my $file, '>', $path or die "$path: $!";
	print $file $byte x $bytes;
	close $file or die "$path: $!";
	return;
}

# Takes the file's pages out of the client's cache.
sub forget { my ($path) = @_; return run('dd', "of=$path", 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none') }

# Not 4.0: where the mount was idle for longer than the server's lease, here ten seconds, its client loses the copier's locks.
foreach my $mount (grep { $_->{version} ne '4.0' } @nfs)
{
	my $version = $mount->{version};
	my $layer = "$mount->{path}/cached.raw";
	my $enough = $bytes / (run('findmnt', '-no', 'OPTIONS', $mount->{path}) =~ /\brsize=(\d+)/)[0];

	write_bytes($layer, 'a');
	forget($layer);
	my %sent = copy($mount, $layer, "NFS $version, not cached");
	is($sent{STATFS} || $sent{FSSTAT}, 1, "NFS $version: the server is asked once which file system that is");
	# 3 has no delegations, so that the copier's lock empties the cache; with 4.2 the server copies
	if ($version eq '4.1')
	{
		cmp_ok($sent{READ}, '>=', $enough, 'not cached: the server is asked for all');
		run('cp', $layer, '/dev/null');
		%sent = copy($mount, $layer, 'all cached');
		cmp_ok($sent{READ}, '<', 2, 'all cached: the server is not asked');

		forget($layer);
		run('dd', "if=$layer", 'of=/dev/null', 'bs=1M', 'count=8', 'status=none');
		%sent = copy($mount, $layer, 'half of it cached');
		cmp_ok($sent{READ}, '<=', $enough / 2 + 2, 'half of it cached: the server is asked for no more');
		cmp_ok($sent{READ}, '>=', $enough / 4, 'half of it cached: the server is asked for the other half');
	}

	# somebody on another machine; no time goes by in which this client would ask by itself
	run('cp', $layer, '/dev/null');
	write_bytes("$mount->{server}/cached.raw", 'b');
	copy($mount, $layer, "NFS $version, changed by somebody else");
	run('cp', $layer, '/dev/null');
	run('dd', 'if=/dev/zero', "of=$mount->{server}/cached.raw", 'bs=4096', 'count=1', 'seek=1000', 'conv=notrunc', 'status=none');
	copy($mount, $layer, "NFS $version, a block changed by somebody else");
	unlink $layer;
}

done_testing();
