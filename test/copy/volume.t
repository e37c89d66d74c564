#!/usr/bin/perl
# volume.t: the steps on storage that the PostgreSQL worker asks for, and the crashes between them.
use strict;
use warnings;
use Fcntl qw(:mode SEEK_SET);
use FindBin;
use lib $FindBin::Bin;
use CopyTest;
use JSON::PP ();
use Test::More;

my $root_user = $> == 0;
my $space     = workspace('/tmp');
my $domain    = '7b5e0f5e-1111-4222-8333-944444444444';
my $other     = '00000000-aaaa-4bbb-8ccc-dddddddddddd';
my $disk      = '11111111-2222-4333-8444-555555555555';
my $image     = '99999999-8888-4777-8666-555555555555';
my $token     = 'token-of-database-1';

# F_OFD_SETLK over the whole file: struct flock { short type, whence; pad; off_t start, len; pid_t pid }
sub ofd_lock
{
	my ($handle) = @_;
	my $flock = pack('s s x4 q q i x4', 1, SEEK_SET, 0, 0, 0);
	return fcntl($handle, 37, $flock);
}

sub make_domain
{
	my ($name) = @_;
	mkdir "$space/$name" or die;
	return "$space/$name";
}

# "exit code, kind, errno" of a step that must fail so
sub refuses
{
	my ($expected, $what, @arguments) = @_;
	my ($code, $answer) = volume(@arguments);
	my @got = ($code, $answer->{kind} // 'ok', $answer->{errno} // ());
	$#got = 1 if split(/ /, $expected) == 2;
	is("@got", $expected, $what) or diag explain $answer;
	return $answer;
}

sub works
{
	my ($what, @arguments) = @_;
	my ($code, $answer) = volume(@arguments);
	is($code, 0, $what) or diag explain $answer;
	return $answer;
}

my $dir   = make_domain('domain');
my @ident = ('--storage-domain', $domain, '--token', $token);

sub attach { my ($path, $roots, @rest) = @_; return (attach => '--path', $path, '--roots', $roots, @rest) }
my @attach = attach($dir, "/nonexistent:$space", @ident);

# ---------- attach ----------
{
	my $answer = works('attach', @attach);
	is($answer->{realpath}, $dir, 'attach tells the real path');
	ok($answer->{total_bytes} > 0 && $answer->{available_bytes} > 0, 'attach tells sizes');
	like($answer->{filesystem}, qr/^[a-z0-9]+$/, 'attach names the file system');
	is(ref $answer->{reflink}, 'JSON::PP::Boolean', 'attach probed reflink');
	is_deeply(json_of(slurp("$dir/dom_md/vmclone-identity")),
		{ storage_domain => $domain, token => $token, reflink => $answer->{reflink} }, 'identity written');
	opendir(my $handle, $dir);
	is_deeply([ sort grep { !/^\.\.?$/ } readdir $handle ], ['dom_md'], 'no test file left');
	works('attach again by the same database', @attach);

	my @foreign = attach($dir, $space, '--storage-domain', $domain, '--token', 'token-of-database-2');
	like(refuses('3 refused', 'another database', @foreign)->{message}, qr/another database/);
	works('take over', @foreign, '--take-over');
	works('and back',  @attach,  '--take-over');
	refuses('3 refused', 'one directory is one storage domain',
		attach($dir, $space, '--storage-domain', $other, '--token', $token));
}
{
	mkdir "$space/inside";
	symlink '/etc', "$space/inside/link";
	spew("$space/inside/file", 'x');
	refuses('3 outside_root', 'the root itself is not below the root',     attach($space, $space, @ident));
	refuses('3 outside_root', 'a name that only starts like the root',     attach($dir, "$space/dom", @ident));
	refuses('3 outside_root', 'no roots allow nothing',                    attach($dir, '', @ident));
	refuses('3 outside_root', 'a link out of the root',                    attach("$space/inside/link", "$space/inside", @ident));
	refuses('3 outside_root', '.. does not lead out',                      attach("$space/inside/..", "$space/inside", @ident));
	refuses('3 refused ENOTDIR', 'a file is no storage domain',            attach("$space/inside/file", "$space/inside", @ident));
	refuses('1 not_found ENOENT', 'missing directory',                     attach("$space/inside/none", "$space/inside", @ident));
	refuses('2 usage', 'relative path',                                    attach('inside', $space, @ident));
	refuses('2 usage', 'token with a quote', attach($dir, $space, '--storage-domain', $domain, '--token', 'a"b'));

	my $answer = refuses('3 refused', 'wrong owner', @attach, '--owner', ($> + 1) . ':0');
	like($answer->{hint}, qr/all_squash.*anonuid.*wrapper/, 'hint names the ways out');
	my ($gid) = split / /, $);
	works('right owner and mode', @attach, '--owner', "$>:$gid", '--mode', '0660');

	SKIP:
	{
		skip 'only root can try what another user may', 6 if $> != 0;
		my $shut = make_domain('shut');
		chmod 0700, $shut or die "chmod: $!";
		$answer = refuses('3 refused EACCES', "a domain that qemu's user can't pass", attach($shut, $space, @ident));
		like($answer->{message}, qr/other users of group $gid/, 'says whose');
		like($answer->{hint}, qr/chmod 0755/, 'and what to do');
		is_deeply([ glob "$shut/.vmclone-test*" ], [], 'leaves nothing there');
		chmod 0750, $shut or die "chmod: $!";
		works("the group's right is enough", attach($shut, $space, @ident));
	}

	my $vdsm = make_domain('vdsm');
	mkdir "$vdsm/dom_md";
	spew("$vdsm/dom_md/metadata", "CLASS=Data\nSDUUID=$other\nVERSION=5\n");
	$answer = refuses('3 refused', 'a directory of another storage domain', attach($vdsm, $space, @ident));
	like($answer->{message}, qr/$other/, 'names it');
	works('its own id fits', attach($vdsm, $space, '--storage-domain', $other, '--token', $token));

	# where a domain lies
	my $mounted = make_domain('mounted');
	command_ok('mkdir', '-p', "$mounted/$domain/dom_md");
	spew("$mounted/$domain/dom_md/metadata", "CLASS=Data\nSDUUID=$domain\nVERSION=5\n");
	$answer = refuses('3 refused', 'a mount point above the domain', attach($mounted, $space, @ident));
	like($answer->{message}, qr{\Q$mounted/$domain\E"}, 'says where the domain is');
	works('which can be attached', attach("$mounted/$domain", $space, @ident));
	command_ok('mkdir', '-p', "$mounted/$domain/images/inner");
	$answer = refuses('3 refused', 'a domain inside a domain', attach("$mounted/$domain/images/inner", $space, '--storage-domain', $other, '--token', $token));
	like($answer->{message}, qr/inside another/, 'says so');
	my $accents = make_domain("sp\xc3\xa9cial");
	like(refuses('3 refused', 'a path that is not ASCII', attach($accents, $space, @ident))->{hint}, qr/ASCII/, 'says what to do');
	ok(!-e "$accents/dom_md", 'and leaves nothing there');
	my $quotes = make_domain(q(with 'quotes" and \\ in it));
	is(works('a path of any printable characters', attach($quotes, $space, @ident))->{realpath}, $quotes, 'is told as it is');
	opendir(my $handle, $quotes);
	is_deeply([ sort grep { !/^\.\.?$/ } readdir $handle ], ['dom_md'], 'no test file left');
	SKIP:
	{
		skip 'strace is not here', 6 if !have_command('strace');
		skip 'sanitizers and strace exclude each other', 6 if $copier =~ /sanitize/;
		my ($code, $out) = run_command([ qw(strace -qq -o /dev/null -e inject=linkat:error=EOPNOTSUPP), $copier, 'volume', attach($quotes, $space, @ident) ]);
		is($code, 3, 'a file system without hard links');
		like($out, qr/no hard links/, 'says so');
		($code) = run_command([ split(' ', 'strace -qq -y -e trace=openat,close,unlinkat -o'), "$space/trace", $copier, 'volume', attach($quotes, $space, @ident) ]);
		my (%is_open, $made, @unlinked);
		open(my $trace, '<', "$space/trace") or die;
		while (<$trace>)
		{
			$is_open{$1} = ++$made if /^openat\(.*"(\.vmclone-test-\w+)".* = \d/;
			delete $is_open{$1} if /^close\(.*(\.vmclone-test-\w+)>/;
			push @unlinked, $1 if /^unlinkat\(.*"(\.vmclone-test-\w+)"/ && $is_open{$1};
		}
		is($code, 0, 'attach under strace');
		cmp_ok($made, '>=', 4, 'makes test files and a directory');
		is("@unlinked", '', 'and closes them before it removes their names, which would stay on NFS');
		($code, $out) = run_command([ qw(strace -qq -o /dev/null -e inject=mkdirat:error=EACCES), $copier, 'volume', attach($quotes, $space, @ident) ]);
		like($out, qr/EACCES.*could not create directory/, 'a domain in which no directory can be made is refused');
	}

	SKIP:
	{
		# a FUSE file system that shows two names of one file as two inodes
		skip 'FUSE and mergerfs need root', 4 if !$root_user || !have_command('mergerfs') || !-e '/dev/fuse';
		mkdir "$space/$_" or die for qw(branch fuse);
		skip 'mergerfs cannot be mounted here', 4
		  if (run_command([ 'mergerfs', '-o', 'inodecalc=path-hash,allow_other', "$space/branch", "$space/fuse" ]))[0] != 0;
		my $fuse = make_domain('fuse/domain');
		$answer = refuses('3 refused', 'FUSE that shows hard links as different files', attach($fuse, $space, @ident));
		like($answer->{message}, qr/shows hard links as different files/, 'says so');
		like($answer->{hint}, qr/use_ino/, 'and what to do');
		opendir(my $left, $fuse);
		is_deeply([ grep { !/^\.\.?$/ } readdir $left ], [], 'and leaves nothing there');
		closedir $left;
		command_ok('umount', "$space/fuse");
	}

	my $trap = make_domain('trap');
	symlink '/tmp', "$trap/dom_md";
	refuses('3 refused ENOTDIR', 'dom_md as a link is not followed', attach($trap, $space, @ident));
}

# ---------- check, space, detach ----------
{
	my $answer = works('check', check => '--root', $dir, @ident);
	is($answer->{token}, $token, 'check tells the token');
	my @wrong = ('--storage-domain', $domain, '--token', 'not-it');
	refuses('3 not_attached', 'check with another token', check => '--root', $dir, @wrong);
	my $plain = make_domain('plain');
	refuses('3 not_attached', 'check where nothing is mounted', check => '--root', $plain, @ident);
	symlink $dir, "$space/alias";
	refuses('3 refused ENOTDIR', 'a root that became a link', check => '--root', "$space/alias", @ident);
	mkdir "$space/deep";
	symlink $space, "$space/deep/up";
	refuses('3 outside_root', 'a root reached through a link', space => '--root', "$space/deep/up/domain");
	$answer = works('space', space => '--root', $dir);
	ok($answer->{available_bytes} <= $answer->{total_bytes} && $answer->{total_bytes} > 0, 'sizes');
	refuses('3 not_attached', 'detach of a foreign domain', detach => '--root', $dir, '--token', 'not-it');
	ok(-e "$dir/dom_md/vmclone-identity", 'identity is left');
	ok(works('detach', detach => '--root', $dir, '--token', $token)->{removed}, 'removed');
	ok(!works('detach again', detach => '--root', $dir, '--token', $token)->{removed}, 'nothing to remove');
	spew("$dir/dom_md/vmclone-identity", 'not json');
	refuses('3 refused', 'malformed identity', check => '--root', $dir, @ident);
	works('take over of a malformed identity', @attach, '--take-over');
}

# ---------- create ----------
my @names   = ('--root', $dir, '--disk', $disk, '--image', $image);
my %default = (
	root            => $dir,
	domain          => $domain,
	disk            => $disk,
	image           => $image,
	size            => 1 << 30,
	format          => 'RAW',
	type            => 'SPARSE',
	voltype         => 'LEAF',
	'domain-format' => 5,
	'disk-type'     => 'DATA',
	description     => '{"DiskAlias":"vm1_Disk1","DiskDescription":""}');

sub create
{
	my %option = (%default, @_);
	return (create => map { ("--$_", $option{$_}) } sort keys %option);
}
my $folder = "$dir/images/$disk";
sub meta { return { map { /^([A-Z]+)=(.*)$/ ? ($1, $2) : () } split /\n/, slurp("$folder/$image.meta") } }
{
	my $answer = works('create', create());
	ok(!$answer->{existing}, 'new');
	my $text  = slurp("$folder/$image.meta");
	my $ctime = meta()->{CTIME};
	is($text,
		join("\n",
			'CAP=1073741824', "CTIME=$ctime", 'DESCRIPTION={"DiskAlias":"vm1_Disk1","DiskDescription":""}',
			'DISKTYPE=DATA', "DOMAIN=$domain", 'FORMAT=RAW', 'GEN=0', "IMAGE=$disk", 'LEGALITY=ILLEGAL',
			'PUUID=00000000-0000-0000-0000-000000000000', 'SEQ=1', 'TYPE=SPARSE', 'VOLTYPE=LEAF', 'EOF', ''),
		'metadata of domain format 5, sorted, closed by EOF');
	ok(abs($ctime - time) < 60, 'CTIME is now');
	is(-s "$folder/$image.lease",                                         1 << 20, 'lease of 1 MiB');
	ok((stat "$folder/$image.lease")[12] <= 32, 'lease is sparse');
	is(sprintf('%04o', S_IMODE((stat $folder)[2])),                       '0755',  'mode of the image directory');
	is(sprintf('%04o', S_IMODE((stat "$folder/$image.lease")[2])),        '0660',  'mode of the lease');
	ok(works('create again', create())->{existing}, 'is the same volume');
	is(slurp("$folder/$image.meta"), $text, 'metadata untouched');
	spew("$folder/$image.meta.new", 'torn');
	works('a torn .meta.new does not matter', create());
	refuses('3 exists', 'other parameters are another volume', create(size => 2 << 30));
	spew("$folder/$image", 'foreign');
	refuses('3 exists', 'a foreign image file', create());
	is(slurp("$folder/$image"), 'foreign', 'is left alone');
	unlink "$folder/$image";

	for my $bad ([ size => 'x' ], [ size => -1 ], [ size => 4097 ], [ size => '18446744073709551616' ],
		[ disk => '../../etc' ], [ image => "$image/" ], [ image => '9' x 36 ], [ format => 'QCOW2' ],
		[ 'domain-format' => 6 ], [ description => "two\nlines" ], [ description => 'x' x 211 ], [ type => '' ])
	{
		refuses('2 usage', "bad value of --$bad->[0]", create(@$bad));
	}
	refuses('2 usage', 'an option twice',       create(), '--size', 4096);
	refuses('2 usage', 'an unknown option',     create(), '--force', 1);
	refuses('2 usage', 'an option not given',   create => @names);
	refuses('2 usage', 'an option without value', create(), '--sequence');
}

# Directories are for hosts, too, whatever the umask of who makes them (a PostgreSQL server's is 077).
{
	my $strict = make_domain('strict');
	my $umask = umask 077;
	works('attach under umask 077', attach($strict, $space, @ident));
	works('create under umask 077', create(root => $strict));
	umask $umask;
	is(sprintf('%04o', S_IMODE((stat "$strict/$_")[2])), '0755', "mode of $_") for 'dom_md', 'images', "images/$disk";
	is(sprintf('%04o', S_IMODE((stat "$strict/images/$disk/$image$_->[0]")[2])), $_->[1], "mode of $_->[0]")
	  for [ '.lease', '0660' ], [ '.meta', '0644' ];
	# a crash between mkdir and chmod
	chmod 0700, "$strict/images/$disk";
	works('create again', create(root => $strict));
	is(sprintf('%04o', S_IMODE((stat "$strict/images/$disk")[2])), '0755', 'mode set by the next call');
}

# A lease is what sanlock makes of it, for the domain's own sector size and alignment.  Checksums are those of sanlock 3.8.5.
for my $case (
	[ '',                                    512,  1, 2000, 0x4411_1b12 ],
	[ "BLOCK_SIZE=512\nALIGNMENT=1048576\n",  512,  1, 2000, 0x4411_1b12 ],
	[ "BLOCK_SIZE=4096\nALIGNMENT=1048576\n", 4096, 1, 250,  0xfe6a_9fd5 ],
	[ "BLOCK_SIZE=4096\nALIGNMENT=2097152\n", 4096, 2, 500,  0xbdcc_f132 ],
	[ "BLOCK_SIZE=4096\nALIGNMENT=8388608\n", 4096, 8, 2000, 0x31f5_e191 ])
{
	my ($lines, $sector, $mebibytes, $hosts, $checksum) = @$case;
	my $what = "sectors of $sector, $mebibytes MiB";
	my $leased = make_domain('leased');
	mkdir "$leased/dom_md";
	spew("$leased/dom_md/metadata", "CLASS=Data\nSDUUID=$domain\n${lines}VERSION=5\n") if $lines;
	mkdir "$leased/images";
	mkdir "$leased/images/$disk";
	my $lease = "$leased/images/$disk/$image.lease";
	spew($lease, 'rest' x 4000);    # of a call that was cut off
	works("lease: $what", create(root => $leased));
	my $record = slurp($lease);
	is(length $record, $mebibytes << 20, "lease: $what: size");
	is(unpack('H*', substr $record, 0, 172),
		unpack('H*', pack('V4 Q<2 x24 a48 a48 x16 V', 0x0615_2010, 0x0006_0004, $mebibytes << 4, $sector, $hosts, $hosts, $domain, $image, $checksum)),
		"lease: $what: leader record");
	is(substr($record, $sector, 8), pack('V2', 0x0829_2011, 0x0001_0001), "lease: $what: request record");
	is(substr($record, 172, $sector - 172) . substr($record, $sector + 8), "\0" x (($mebibytes << 20) - 180), "lease: $what: the rest");
	SKIP:
	{
		skip 'no sanlock here', 1 if !have_command('sanlock');
		spew("$space/sanlock.lease", '');
		truncate "$space/sanlock.lease", $mebibytes << 20;
		run_command([ 'sanlock', 'direct', 'init', '-r', "$domain:$image:$space/sanlock.lease:0", '-Z', $sector, '-A', "${mebibytes}M" ]);
		is(sha256("$space/sanlock.lease"), sha256($lease), "lease: $what: as sanlock writes it");
	}
	# who uses a complete volume may hold its lease
	spew("$leased/images/$disk/$image.part", 'image');
	works('commit', commit => '--root', $leased, '--disk', $disk, '--image', $image);
	spew($lease, 'taken');
	works('create after commit', create(root => $leased));
	is(slurp($lease), 'taken', 'a complete volume keeps its lease');
	command_ok('rm', '-rf', $leased);
}
{
	my $odd = make_domain('odd');
	mkdir "$odd/dom_md";
	spew("$odd/dom_md/metadata", "SDUUID=$domain\nBLOCK_SIZE=512\nALIGNMENT=8388608\n");
	like(refuses('3 refused', 'a combination that sanlock does not know', create(root => $odd))->{message}, qr/512.*8388608/, 'names it');
}

# older domain formats
for my $format (0 .. 4)
{
	my $old = sprintf '22222222-2222-4333-8444-%012d', $format;
	works("create in domain format $format",
		create(disk => $old, type => 'PREALLOCATED', voltype => 'SHARED', format => 'COW', 'domain-format' => $format));
	my $text = slurp("$dir/images/$old/$image.meta");
	like($text, qr/\nLEGALITY=ILLEGAL\nMTIME=0\nPUUID=[0-]+\nSIZE=2097152\nTYPE=PREALLOCATED\nVOLTYPE=SHARED\nEOF\n$/,
		'512-byte blocks and MTIME');
	unlike($text, qr/CAP|SEQ/, 'no keys of format 5');
	my @keys = map { /^([A-Z]+)=/ } split /\n/, $text;
	is("@keys", join(' ', sort @keys), 'sorted');
	works('removed', remove => '--root', $dir, '--disk', $old, '--image', $image);
	ok(!-e "$dir/images/$old", 'directory is gone');
}
{
	my $long = '33333333-2222-4333-8444-555555555555';
	works('the longest description fits', create(disk => $long, description => 'd' x 210, type => 'PREALLOCATED'));
	ok(-s "$dir/images/$long/$image.meta" <= 512, 'in 512 bytes');
	works('removed', remove => '--root', $dir, '--disk', $long, '--image', $image);
}

# ---------- commit ----------
{
	refuses('1 not_found', 'nothing to commit yet', commit => @names);
	spew("$folder/$image.part",        'a' x 8192);
	spew("$folder/$image.part.resume", 'resume');
	{
		# the output of a copier killed before it had its name; and what only looks like one
		my $disk   = '33333333-2222-4333-8444-666666666666';
		my $unborn = "$image.part.0123456789abcdef.new";
		my $alike  = "$image.part.0123456789abcde.new";
		works('a volume of its own', create(disk => $disk));
		spew("$dir/images/$disk/$_", '') for $unborn, $alike;
		open my $busy, '+<', "$dir/images/$disk/$unborn" or die;
		ofd_lock($busy) or die;
		refuses('3 busy', 'a copier that is just making its output', remove => '--root', $dir, '--disk', $disk, '--image', $image);
		close $busy;
		my $answer = works('removed with an output that never had its name', remove => '--root', $dir, '--disk', $disk, '--image', $image);
		ok((grep { $_ eq $unborn } @{ $answer->{removed} }), 'which is told') if $answer->{removed};
		is("@{ $answer->{left} }", $alike, 'another file is left');
		unlink "$dir/images/$disk/$alike";
		rmdir "$dir/images/$disk";
	}
	open my $handle, '+<', "$folder/$image.part" or die;
	ok(ofd_lock($handle), 'a copier at work');
	refuses('3 busy', 'commit does not disturb the copier', commit => @names);
	refuses('3 busy', 'nor does remove',                    remove => @names);
	ok(-e "$folder/$image.part" && -e "$folder/$image.part.resume" && -e "$folder/$image.meta", 'and nothing is gone');
	close $handle;
	refuses('3 refused', 'wrong length', commit => @names, '--size', 4096);
	is(meta()->{LEGALITY}, 'ILLEGAL', 'still illegal');
	spew("$folder/$image", 'foreign');
	refuses('3 exists', 'commit replaces nothing', commit => @names, '--size', 8192);
	is(slurp("$folder/$image"), 'foreign', 'the foreign file is left alone');
	unlink "$folder/$image";

	# version 1.0 linked .part to its final name: cut off after that
	link "$folder/$image.part", "$folder/$image" or die;
	my $answer = works('create knows its own half commit', create());
	ok($answer->{existing} && !$answer->{committed}, 'which is not committed');
	$answer = works('commit goes on after the link', commit => @names, '--size', 8192);
	is($answer->{size},                8192,     'size');
	is(meta()->{LEGALITY} . meta()->{GEN}, 'LEGAL1', 'legal, generation 1');
	ok(!-e "$folder/$image.part" && !-e "$folder/$image.part.resume", '.part and resume file are gone');
	is(slurp("$folder/$image"), 'a' x 8192, 'the image is there');
	is(sprintf('%04o', S_IMODE((stat "$folder/$image")[2])), '0660', 'mode of the image');
	ok(works('commit again', commit => @names, '--size', 8192)->{existing}, 'changes nothing');
	ok(works('create after it', create())->{committed}, 'tells that it is committed');

	# version 1.0 linked .part to its final name: cut off after the metadata, before .part went
	link "$folder/$image", "$folder/$image.part" or die;
	ok(works('create of a volume whose commit was cut off', create())->{committed}, 'tells that it is committed');
	ok(!-e "$folder/$image.part", 'and does the last step of the commit');
	spew("$folder/$image.part.resume", 'resume');
	works('commit goes on after the metadata', commit => @names);
	ok(!-e "$folder/$image.part.resume", 'the record is gone');
	is((stat "$folder/$image")[3], 1, 'one name');

	# a crash between the two renames: .meta.new is still there
	my $legal = slurp("$folder/$image.meta");
	my $illegal = $legal =~ s/GEN=1/GEN=0/r =~ s/LEGALITY=LEGAL/LEGALITY=ILLEGAL/r;
	spew("$folder/$image.meta", $illegal);
	for my $half ('', $illegal, $legal =~ s/$disk/$other/r)
	{
		spew("$folder/$image.meta.new", $half);
		refuses('3 exists', 'an image that no metadata call ours is not', create());
		refuses('3 exists', 'nor does commit take it', commit => @names);
	}
	spew("$folder/$image.meta.new", $legal);
	spew("$folder/$image.part.resume", 'resume');
	ok(works('create ends a commit cut off between its renames', create())->{committed}, 'there is nothing left to copy');
	is(slurp("$folder/$image.meta"), $legal, 'legal');
	ok(!-e "$folder/$image.part.resume", 'the record is gone');
	spew("$folder/$image.meta", $illegal);
	spew("$folder/$image.meta.new", $legal);
	refuses('3 refused', 'so does commit: its length is looked at', commit => @names, '--size', 4096);
	ok(works('so does commit', commit => @names, '--size', 8192)->{existing}, 'where it is');
	is(slurp("$folder/$image.meta"), $legal, 'legal');

	# names that an NFS client gave to files that were unlinked while they were open, when it crashed
	link "$folder/$image", "$folder/.nfs0000000000000001" or die;
	spew("$folder/.nfs0000000000000002", 'another file');
	works('commit', commit => @names);
	ok(!-e "$folder/.nfs0000000000000001", 'a second name of the image is gone');
	ok(-e "$folder/.nfs0000000000000002", 'another file is left');
	unlink "$folder/.nfs0000000000000002";
}

# ---------- after the crash of a machine: nothing but commit syncs ----------
{
	my $lost = '44444444-2222-4333-8444-555555555555';
	my @lost = ('--root', $dir, '--disk', $lost, '--image', $image);
	my $there = "$dir/images/$lost/$image";
	SKIP:
	{
		skip 'strace is not here', 3 if !have_command('strace');
		skip 'sanitizers and strace exclude each other', 3 if $copier =~ /sanitize/;
		works('create', create(disk => $lost));
		spew("$there.part", "\0" x 8192);
		spew("$there.part.resume", 'a record');
		my ($code) = run_command([ split(' ', 'strace -qq -y -e trace=fsync,fdatasync,unlinkat,rename,renameat,renameat2 -o'), "$space/trace", $copier, 'volume', commit => @lost ]);
		open(my $trace, '<', "$space/trace") or die;
		my @behind;
		while (<$trace>)
		{
			@behind = () if /^f(data)?sync\(\d+<[^>]*\/$lost>/;
			push @behind, $1 if /^(?:unlink|rename)\w*\(.*?"([^"]+)".* = 0$/;
		}
		is($code, 0, 'commit under strace');
		ok(!-e "$there.part.resume", 'the record is gone');
		is("@behind", '', 'no name changes behind the last sync of their directory: a crash brings none back');
		works('remove', remove => @lost);
	}
	for my $left ([ 'an empty file', '' ], [ 'zeroes', "\0" x 256 ])
	{
		works('create', create(disk => $lost));
		spew("$there.meta", $left->[1]);
		ok(!works("metadata of which a crash left $left->[0]", create(disk => $lost))->{existing}, 'are made again');
		like(slurp("$there.meta"), qr/LEGALITY=ILLEGAL\n.*EOF\n/s, 'whole');
		spew("$there.part", 'half');
		spew("$there.part.resume", $left->[1]);
		works("a record of which it left $left->[0]", create(disk => $lost));
		ok(!-e "$there.part" && !-e "$there.part.resume", 'goes with the copy, which begins again');
		my $whose = pack('a4096', "vmclone-copy resume record 2\n");
		spew("$there.part", 'half');
		spew("$there.part.resume", $whose . "\0" x (3 * 4096));
		works('a record of which it left whose it is', create(disk => $lost));
		ok(!-e "$there.part" && !-e "$there.part.resume", 'goes, too');
		spew("$there.part.0123456789abcdef.new", '');
		spew("$there.part.0123456789abcdef.news", 'of somebody');
		spew("$there.part.resume", $whose . "\0" x (3 * 4096));
		works('a copier killed before its record knew of the output', create(disk => $lost));
		ok(!-e "$there.part.resume" && !-e "$there.part.0123456789abcdef.new", 'leaves neither');
		ok(-e "$there.part.0123456789abcdef.news", 'and no other file goes');
		unlink "$there.part.0123456789abcdef.news";
		spew("$there.part", 'half');
		spew("$there.part.resume", $whose . pack('x4096 a4096 x4096', 'a slot'));
		works('a record that says something', create(disk => $lost));
		ok(-e "$there.part" && -e "$there.part.resume", 'stays with its copy');
		spew("$there.meta", $left->[1]);
		spew("$dir/images/$lost/.nfs0000000000000003", 'of a client that is gone');
		my $answer = works('remove', remove => @lost);
		is_deeply([ $answer->{left}, -e "$dir/images/$lost" ], [ [], undef ], 'leaves nothing') or diag explain $answer;
	}
}

# ---------- stat ----------
{
	my $answer = works('stat', stat => @names);
	is($answer->{files}{$image}{size}, 8192,    'size');
	is($answer->{meta}{CAP},           1 << 30, 'capacity');
	ok(!exists $answer->{files}{"$image.part"}, 'only what is there');
	my $meta = slurp("$folder/$image.meta");
	for my $broken ("CAP=1\n", "CAP=1\nEOF", 'EOF', "CAP\nEOF\n", "A=1\nA=2\nEOF\n", "A=\0\nEOF\n", 'x' x 600)
	{
		spew("$folder/$image.meta", $broken);
		refuses('3 refused', 'malformed metadata', stat => @names);
	}
	spew("$folder/$image.meta", $meta);
	refuses('1 not_found', 'stat of nothing', stat => '--root', $dir, '--disk', $other, '--image', $image);
}

# ---------- remove ----------
{
	open my $handle, '+<', "$folder/$image" or die;
	ok(ofd_lock($handle), 'someone uses the image');
	refuses('3 busy', 'an image that is in use stays', remove => @names);
	close $handle;
	my $foreign = "keep \"me\"\x01\xff";
	spew("$folder/$foreign", 'x');
	my $answer = works('remove', remove => @names);
	is_deeply($answer->{removed}, [ $image, "$image.lease", "$image.meta" ], 'removes what the job wrote');
	is_deeply($answer->{left}, ["keep \"me\"\x01\x{fffd}"], 'and names what it left');
	ok(-d $folder, 'the directory stays with it');
	unlink "$folder/$foreign";
	$answer = works('remove again', remove => @names);
	is_deeply([ $answer->{removed}, $answer->{left} ], [ [], [] ], 'nothing to remove');
	ok(!-e $folder, 'the empty directory is gone');
	works('remove of nothing', remove => @names);

	# half a commit: .part and image are one file
	works('create', create());
	spew("$folder/$image.part", 'half');
	link "$folder/$image.part", "$folder/$image";
	works('remove of half a commit', remove => @names);
	ok(!-e $folder, 'all gone');

	# what create has refused, or what has come since, is not the job's
	mkdir $folder;
	spew("$folder/$image", 'precious');
	refuses('3 exists', 'somebody has an image of that name', create());
	is_deeply(works('remove', remove => @names)->{removed}, [], 'it is not removed');
	is(slurp("$folder/$image"), 'precious', 'nor touched');
	spew("$folder/$image.part", 'half');
	is_deeply(works('remove', remove => @names)->{removed}, ["$image.part"], 'just .part is');
	unlink "$folder/$image";
	works('create', create());
	spew("$folder/$image", 'precious');
	is_deeply(works('remove', remove => @names)->{removed}, [], 'an image that came after create is not removed');
	is(slurp("$folder/$image"), 'precious', 'nor touched');
	unlink "$folder/$image";
	for my $foreign (slurp("$folder/$image.meta") =~ s/$disk/$other/r, 'no metadata')
	{
		spew("$folder/$image.meta", $foreign);
		spew("$folder/$image.lease", 'lease');
		is_deeply(works('remove', remove => @names)->{removed}, [], 'metadata of another volume');
	}
	unlink "$folder/$image.meta", "$folder/$image.lease";
	works('remove', remove => @names);
	ok(!-e $folder, 'the empty directory goes');
}

# links planted by someone with rights on the domain
{
	mkdir "$space/victim";
	spew("$space/victim/$image.part", 'precious');
	symlink "$space/victim", "$dir/images/$disk" or die;
	for my $step ([ create() ], [ commit => @names ], [ remove => @names ], [ stat => @names ])
	{
		refuses('3 refused ENOTDIR', "$step->[0] follows no linked image directory", @$step);
	}
	is(slurp("$space/victim/$image.part"), 'precious', 'the victim is whole');
	unlink "$dir/images/$disk";
	works('create', create());
	symlink "$space/victim/$image.part", "$folder/$image.part";
	refuses('3 outside_root', 'commit follows no linked .part', commit => @names);
	is(slurp("$space/victim/$image.part"), 'precious', 'the victim is whole');
	unlink "$folder/$image.part";
	mkdir "$folder/$image.part";
	refuses('1 io EISDIR', 'a directory is no .part', commit => @names);
	rmdir "$folder/$image.part";
	works('remove', remove => @names);
}

SKIP:
{
	skip 'a small tmpfs needs root', 1 unless $root_user;
	my $small = make_domain('small');
	my ($code) = run_command([ 'mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', $small ]);
	skip 'mount is not permitted here', 1 if $code != 0;
	works('attach of a small domain', attach($small, $space, @ident));
	open my $filler, '>>', "$small/filler";
	1 while syswrite $filler, 'x' x 4096;
	close $filler;
	refuses('1 no_space ENOSPC', 'create on a full disk', create(root => $small));
	run_command([ 'umount', '-l', $small ]);
}

# ---------- provision ----------
my $program = "$space/provision";
spew($program, <<"SH");
#!/bin/sh
set -e
request=\$(cat)
echo "\$* \$request" >> $space/provision.log
lv=\$(printf '%s' "\$request" | sed 's/.*"lv":"\\([^"]*\\)".*/\\1/')
[ ! -e $space/fail ] || { echo 'no such vg' >&2; exit 5; }
n=0
while [ -e $space/hang ] && [ \$n -lt 300 ]; do sleep 0.1; n=\$((n + 1)); done
case \$1 in
create) mkdir -p $space/dev/vg-one; ln -sf \$(cat $space/target) $space/dev/vg-one/\$lv;;
remove) rm -f $space/dev/vg-one/\$lv;;
esac
echo '{"extent_size": 4096, "note": "\\u00e9 \\"", "list": [1, -2.5e3, true, null, {}]}'
SH
chmod 0755, $program;
my @size = ('--size', 4 << 20);

sub provision
{
	my ($action, $lv, @rest) = @_;
	return (provision => $action, '--command', $program, '--root', "$space/dev", '--vg', 'vg-one', '--lv', $lv,
		'--request', qq({"protocol":1,"lv":"$lv"}), @rest);
}
{
	refuses('2 usage', 'create needs a size', provision('create', $image));
	spew("$space/target", '../dm-987654');
	refuses('1 not_found', 'device is missing', provision('create', $image, @size));
	is(slurp("$space/provision.log"), qq(create {"protocol":1,"lv":"$image"}\n), 'one argument, and the request on its stdin');
	for my $target ('/dev/null', '../loop0', '../dm-', '../dm-1x', '../../dm-1', '/dev/dm-1', '/dev/loop0')
	{
		spew("$space/target", $target);
		refuses('3 refused', "a link to $target", provision('create', $image, @size));
	}
	spew("$space/target",   '../dm-1');
	spew("$space/dev/dm-1", 'a file');
	refuses('3 refused', 'a file is no device', provision('create', $image, @size));
	is(works('remove', provision('remove', $image))->{answer}{note}, "\x{e9} \"", 'the answer is passed on');
	like(slurp("$space/provision.log"), qr/^remove .*"lv":"$image"/m, 'remove is asked for');
	is_deeply(works('space needs no volume', provision => 'space', '--command', $program, '--vg', 'a', '--request', '{}')->{devices}, [], 'and shows none');
	spew("$space/fail", '');
	like(refuses('1 io EIO', 'the program fails', provision('create', $image, @size))->{message},
		qr/exit code 5: no such vg/, 'with its reason');
	unlink "$space/fail";
	spew("$space/hang", '');
	refuses('1 io ETIMEDOUT', 'the program hangs', provision('create', $image, @size, '--timeout', 1));
	# standard error closed is not the end of the program, nor is its end that of what it started
	my ($begin, $usual) = (time, slurp($program));
	spew($program, "#!/bin/sh\nexec 2>&-\nsleep 100\n");
	refuses('1 io ETIMEDOUT', 'it hangs without standard error', provision('create', $image, @size, '--timeout', 1));
	spew($program, "#!/bin/sh\nsleep 30 &\necho broken >&2\nexit 3\n");
	like(refuses('1 io EIO', 'a daemon of it keeps standard error', provision('create', $image, @size, '--timeout', 20))->{message}, qr/exit code 3: broken$/, 'but it has ended');
	cmp_ok(time - $begin, '<', 15, 'at once');
	spew($program, $usual);
	unlink "$space/hang";
	# what it may answer, and what it may not
	foreach my $case ('', '{', '{}{}', '[]', '{"a":1,}', '{"a":01}', '{"a":"\x01"}', '{"a":"\\x"}', '{"a":' . '[' x 40 . ']' x 40 . '}', '{"a":"' . 'x' x 61000 . '"}')
	{
		spew("$space/answer", $case);
		spew($program, "#!/bin/sh\ncat $space/answer\n");
		refuses('3 refused', 'no such answer: ' . substr($case, 0, 20), provision('space', $image));
	}
	foreach my $case ([ no_space => '1 no_space' ], [ busy => '3 busy' ], [ other_owner => '3 not_attached' ], [ strange => '1 io EIO' ])
	{
		spew($program, qq(#!/bin/sh\necho '{"error": "why \\"so\\"", "kind": "$case->[0]"}'\nexit 1\n));
		like(refuses($case->[1], "kind $case->[0]", provision('space', $image))->{message}, qr/could not space: why "so"$/, 'in its words');
	}
	spew($program, $usual);
	refuses('2 usage', 'no relative program',
		provision => 'create', '--command', 'sh', '--request', '{}', '--vg', 'a', '--lv', 'b', @size);
	refuses('2 usage', 'no request that is no object', provision => 'space', '--command', $program, '--request', '[]', '--vg', 'a');
	refuses('2 usage', 'neither a request nor what one is made of', provision => 'space', '--command', $program, '--vg', 'a');
	refuses('2 usage', 'no create without a volume', provision => 'create', '--command', $program, '--request', '{}', '--vg', 'a', @size);
	refuses('2 usage', 'no path as a name',
		provision => 'create', '--command', $program, '--request', '{}', '--vg', '../x', '--lv', 'b', @size);
	refuses('2 usage', 'no option as a name', provision('create', '-f', @size));
	refuses('2 usage', 'no other action',     provision('shred',  $image));
	refuses('2 usage', 'no action',           provision => '--command', $program, '--vg', 'a', '--lv', 'b');
	refuses('2 usage', 'two actions',         provision('remove', $image, 'create'));

	# requests made of options
	my @group = ('--command', $program, '--root', "$space/dev", '--vg', 'vg-one', '--token', 't1');
	my @volume = (@group, '--disk', $disk, '--image', $image, '--domain-format', 5, '--state', "$space/state");
	my @described = (@volume, '--domain', $domain, '--capacity', 8 << 20, qw(--format COW --type SPARSE --voltype LEAF --disk-type DATA --description x"y));
	my $last = sub { return (json_of((split /\n/, slurp("$space/provision.log"))[-1] =~ s/^\w+ //r)) };

	mkdir "$space/state";
	refuses('3 not_attached', 'another group of the name', provision => 'attach', @group, '--take-over', '--vg-uuid', 'u1');
	is_deeply($last->(), { protocol => 1, vg => 'vg-one', vg_uuid => 'u1', token => 't1', take_over => JSON::PP::true }, 'what attach says');
	works('deactivate', provision => 'deactivate', @group, '--lv', 'a', '--lv', 'b');
	is_deeply($last->()->{lvs}, [ 'a', 'b' ], 'what deactivate says');
	refuses('3 refused', 'create, whose device is a file', provision => 'create', @described, @size);
	my $request = $last->();
	is("$request->{lv} $request->{image_group} $request->{size} $request->{domain_format}", "$image $disk " . (4 << 20) . ' 5', 'what create says');
	like($request->{metadata}, qr/\ACAP=8388608\n.*DESCRIPTION=x"y\n.*GEN=0\n.*LEGALITY=ILLEGAL\n.*EOF\n\z/s, 'its metadata');
	ok(-e "$space/state/$image.lock", 'what is locked while it works stays until the volume is whole or gone');
	spew("$space/state/$image.resume", '');
	spew("$space/hang", '');
	# the program is left alone by the death of whoever started it
	my $slow = fork // die;
	exec $copier, 'volume', provision => 'commit', @described or die if !$slow;
	my $looks = 0;
	select undef, undef, undef, 0.05 until slurp("$space/provision.log") =~ /^commit /m || $looks++ > 200;
	refuses('3 busy', 'while an earlier program works on the volume', provision => 'remove', @volume);
	kill 'KILL', $slow;
	waitpid $slow, 0;
	refuses('3 busy', 'and when whoever started it is dead', provision => 'remove', @volume);
	unlink "$space/hang";
	my ($status, $tries) = (1, 0);
	($status) = volume(provision => 'commit', @described), select(undef, undef, undef, 0.05) while $status != 0 && $tries++ < 200;
	is($status, 0, 'once it is gone, the same again');
	$request = $last->();
	like($request->{metadata}, qr/GEN=1\n.*LEGALITY=LEGAL\n/s, 'metadata of a whole volume');
	is($request->{lease}{alignment}, 1 << 20, 'and its lease');
	like($request->{lease}{record}, qr/^10201506[0-9a-f]{2040}$/, 'which begins as one');
	is(join(' ', glob "$space/state/*"), '', 'nothing stays of what was kept');
	works('remove', provision => 'remove', @volume, '--wipe', '--discard');
	is_deeply([ @{ $last->() }{qw(wipe discard lv)} ], [ JSON::PP::true, JSON::PP::true, $image ], 'what remove says');

	chmod 0777, $program;
	refuses('3 refused', 'no program that everybody may change', provision('create', $image, @size));
	chmod 0755, $program;
}

SKIP:
{
	skip 'loop devices need root', 1 unless $root_user && have_command('losetup');
	spew("$space/backing", '');
	truncate "$space/backing", 4 << 20;
	my ($code, $loop) = run_command([ 'losetup', '--show', '-f', "$space/backing" ]);
	skip 'loop devices are not permitted here', 1 if $code != 0;
	chomp $loop;
	spew("$space/target", $loop);
	my $answer = works('loop device with --allow-loop', provision('create', $image, @size, '--allow-loop'));
	is_deeply([ @{ $answer->{devices}[0] }{qw(lv path size)} ], [ $image, $loop, 4194304 ], 'name, path and size');
	refuses('3 refused',  'and never without',  provision('create', $image, @size));
	refuses('1 no_space', 'too small a device', provision('create', $image, '--size', 8 << 20, '--allow-loop'));

	# a real device mapper node, once under the kernel's name and once under another
	my ($made) = have_command('dmsetup')
	  ? run_command([ 'dmsetup', 'create', 'vg--one-other', '-u', 'LVM-copytest', '--table', "0 8192 linear $loop 0" ])
	  : (1);
  SKIP:
	{
		skip 'device mapper is not usable here', 1 if $made != 0;
		my ($minor) = command_ok('dmsetup', 'info', '-c', '--noheadings', '-o', 'minor', 'vg--one-other') =~ /(\d+)/;
		my ($major) = command_ok('dmsetup', 'info', '-c', '--noheadings', '-o', 'major', 'vg--one-other') =~ /(\d+)/;
		unlink "$space/dev/dm-1";
		command_ok('mknod', "$space/dev/dm-$minor", 'b', $major, $minor);
		spew("$space/target", "../dm-$minor");
		refuses('3 refused', "the kernel's name decides", provision('create', $image, @size));
		is(works('the right name', provision('create', 'other', @size))->{devices}[0]{size}, 4 << 20, 'size');
		command_ok('dmsetup', 'remove', 'vg--one-other');
		my ($gone) = volume(provision('activate', 'other'));
		isnt($gone, 0, 'a device that is gone is no device');
	}
	run_command([ 'losetup', '-d', $loop ]);
}

{
	my ($code, $out) = run_command([ $copier, 'volume', '--help' ]);
	is($code, 0, '--help');
	like($out, qr/attach.*commit.*provision/s, 'teaches');
	refuses('2 usage', 'unknown subcommand', 'explode');
	refuses('2 usage', 'relative root', space => '--root', 'relative');
}
done_testing();
