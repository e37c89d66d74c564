#!/usr/bin/perl
# What make promises: clear words when something is missing, what install puts where, what depends on what.
use strict;
use warnings;
use File::Find qw(find);
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

# In a copy, so that other suites of the same run keep the objects that they use.
my $copy = tempdir(CLEANUP => 1);
system("tar -c --exclude=./build/test-logs . | tar -x -C '$copy'") == 0 or die 'cannot copy the tree';
chdir $copy or die;
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};

sub run
{
	my ($command) = @_;
	my $output = `$command 2>&1`;

	return ($? >> 8, $output);
}

sub slurp
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "cannot open $path: $!";
	local $/;
	return scalar <$handle>;
}

sub files_below
{
	my ($folder) = @_;
	my @files;

	find({ no_chdir => 1, wanted => sub { push @files, substr($_, length $folder) if -f } }, $folder) if -d $folder;
	return [ sort @files ];
}

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my ($bindir, $libdir, $sharedir, $mandir) =
  map { my $path = `$pg_config $_`; chomp $path; $path } qw(--bindir --pkglibdir --sharedir --mandir);

# --- something is missing
my ($status, $output) = run('make PG_CONFIG=/nonexistent/pg_config');
isnt($status, 0, 'no pg_config: make fails');
like($output, qr/apt-get install postgresql-server-dev-\d+$/m, 'no pg_config: names the package');
unlike($output, qr/pgxs\.mk|No such file/i, 'no pg_config: no riddle');
foreach my $path ('/usr/lib/postgresql/93/bin/pg_config', '/usr/pgsql-93/bin/pg_config')
{
	($status, $output) = run("make PG_CONFIG=$path");
	like($output, qr/apt-get install postgresql-server-dev-93$/m, "$path: names that version's package");
}

($status, $output) = run('PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH= make');
isnt($status, 0, 'no libraries: make fails');
like($output, qr/apt-get install uuid-dev libxml2-dev(?: libdeflate-dev)? zlib1g-dev libzstd-dev libseccomp-dev$/m,
	'no libraries: names every package');

# these get what they need themselves
foreach my $goal (qw(deb dist demo test-packages))
{
	($status, $output) = run("PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH= make -n $goal");
	is($status, 0, "no libraries: make $goal begins") or diag $output;
}

($status, $output) = run('make help');
is($status, 0, 'make help');
like($output, qr/make demo/, 'make help names the demo');

SKIP:
{
	# what the release of a root of make test-versions has no package for (test/versions/make-root)
	my %lacking = -e '/lacking' ? map { $_ => 1 } split ' ', slurp('/lacking') : ();
	my ($major) = `tools/pg-major` =~ /(\d+)/;
	my @needed = grep { $lacking{$_} } map { s/\@PG\@/$major/r } slurp('tools/packages.list') =~ /^(?:build|test)\t(\S+[^?\s])$/mg;

	skip "this release has no @needed", 1 if @needed;
	($status, $output) = run('tools/install-packages build test');
	is("$status $output", '0 ', 'install-packages: silent when nothing is missing');
}
($status, $output) = run('tools/install-packages bild');
is($status, 2, 'install-packages: an unknown group is refused');

# --- a server that finds no extension outside of its own folders, as one that is built from source is before 18
{
	my $plain = tempdir(CLEANUP => 1);
	my $server = "$bindir/postgres";

	foreach ([ postgres => "'$server' \"\$@\" | grep -vE '^extension_(destdir|control_path)'" ],
		[ pg_config => "[ \"\$1\" = --bindir ] && echo '$plain' || '$pg_config' \"\$@\"" ])
	{
		my ($name, $command) = @$_;
		open(my $script, '>', "$plain/$name") or die "cannot write $plain/$name";
		print $script "#!/bin/sh\n$command\n";
		close $script;
		chmod 0755, "$plain/$name";
	}
	($status, $output) = run("PG_CONFIG=$plain/pg_config test/run/run-tests regress");
	like("$status $output", qr/^1 .*can't use an extension outside.*PG_CONFIG=/s, 'tests say so before they start, and what to do');
	unlike($output, qr/Building/, 'nothing is built before');
	($status, $output) = run("PG_CONFIG=$plain/pg_config demo/run-demo");
	like("$status $output", qr/^1 .*can't use an extension outside.*PG_CONFIG=/s, 'so does the demo');
}

# --- what depends on what
($status, $output) = run('make -s all');
is("$status $output", '0 ', 'nothing to do after the build');

# --- no backend touches storage: the library calls nothing that opens, looks at or changes a file; what it starts does
my ($nm_status, $imports) = run('nm -D --undefined-only vmclone.so');
is($nm_status, 0, 'nm');
my @touching = grep { $_ ne 'AllocateFile' && $_ ne 'MakePGDirectory' } grep { /^(?:f?open(?:at2?)?(?:64)?|creat(?:64)?|[lf]?stat(?:at|x|fs|vfs)?(?:64)?|f?statv?fs(?:64)?|unlink(?:at)?|remove|rename(?:at2?)?|mkdir(?:at)?|rmdir|opendir|readdir(?:64)?|truncate(?:64)?|f?ch(?:mod|own|dir)|link(?:at)?|symlink(?:at)?|readlink(?:at)?|realpath|p(?:read|write)v?(?:64)?|copy_file_range|fallocate(?:64)?|BasicOpenFile(?:Perm)?|OpenTransientFile(?:Perm)?|AllocateFile|AllocateDir|PathNameOpenFile(?:Perm)?|OpenPipeStream|durable_\w+|MakePGDirectory)$/ }
  map { s/@.*//r } $imports =~ /U (\S+)/g;
is("@touching", '', 'no backend touches storage');
my @opening = grep { `nm --undefined-only $_` =~ /U AllocateFile$/m } glob 'src/*.o src/*/*.o';
is("@opening", 'src/storage/identity.o', 'and opens no file but backup_label.old, of the data directory');
my @making = grep { `nm --undefined-only $_` =~ /U MakePGDirectory$/m } glob 'src/*/*.o';
is("@making", 'src/storage/storage_host.o', 'and makes no directory but that of records of copies and of launchers, in the data directory');
like($imports, qr/SPI_execute_plan/, 'nm lists what the library calls');

# --- what the server looks up by name is all that is seen of the library: with another library in the process, one of our functions
# would else be that library's of the same name
my %visible = map { (split)[-1] => 1 } `nm -D --defined-only vmclone.so`;
my %entries = map { $_ => 1 } qw(Pg_magic_func _PG_init vmclone_launcher_main vmclone_worker_main),
  map { /^\w+_FUNCTION_INFO(?:_V1)?\((\w+)\);/ ? ($1, "pg_finfo_$1") : () } map { slurp($_) =~ /^.*$/mg } glob 'src/*.c src/*/*.c';
is_deeply([ sort keys %visible ], [ sort keys %entries ], 'the library shows its entry points only');
cmp_ok(scalar(keys %visible), '>', 40, 'and these');

# --- the version is the control file's
my ($version) = slurp('extension/vmclone.control') =~ /^default_version = '(.*)'/m;
is((run('./vmclone-copy --version'))[1], "vmclone-copy $version\n", 'vmclone-copy --version');
my $meta = JSON::PP->new->decode(slurp('META.json'));
is("$meta->{version} $meta->{provides}{vmclone}{version} $meta->{provides}{vmclone}{file}",
	"$version.0 $version.0 extension/vmclone--$version.sql", 'META.json: the version');
# what PGXN refuses an archive without (PGXN Meta Spec 1.0.0, required fields)
my @lacking = grep { !$meta->{$_} } qw(name version abstract maintainer license provides meta-spec);
is("@lacking $meta->{'meta-spec'}{version} " . (grep { $_ eq 'docfile' ? !-f $meta->{provides}{vmclone}{$_} : !$meta->{provides}{vmclone}{$_} } qw(file version docfile)),
	' 1.0.0 0', 'META.json: all that PGXN asks for');
my ($oldest) = slurp('tools/check-build-needs') =~ /-lt (\d+) \]/;
is($meta->{prereqs}{runtime}{requires}{PostgreSQL}, "$oldest.0.0", 'META.json: the oldest PostgreSQL');
like(slurp('docs/man/vmclone-copy.1'), qr/^\.TH .*"vmclone \Q$version\E"/, 'the manual page: the version');
like(slurp('debian/changelog'), qr/\Avmclone \(\Q$version\E[)-]/, 'debian/changelog: the version');
like(slurp('packaging/vmclone.spec'), qr/version_of_vmclone \Q$version\E\}/, 'the RPM spec: the version');
like(slurp('CHANGELOG.md'), qr/^## \Q$version\E /m, 'CHANGELOG.md: the version');

# --- what is rebuilt
foreach my $case (
	[ 'src/base/settings.h' => qr/-o src\/base\/settings\.o/ ],
	[ 'src/copy/base/safeopen.h' => qr/-o build\/copy\/base\/safeopen\.o/ ],
	[ 'extension/vmclone.control' => qr/-o src\/base\/extension\.o/ ],
	[ 'src/base/begin.sql' => qr/extension\/vmclone--\Q$version\E\.sql.*make-upgrade/s ])
{
	my ($file, $expected) = @$case;
	my $later = time + 5;

	utime($later, $later, $file) == 1 or die "cannot touch $file";
	($status, $output) = run('make -n all');
	like($output, $expected, "a change of $file rebuilds what uses it");
	run("touch -d '1 hour ago' $file");
}

# --- install and uninstall
my $destination = tempdir(CLEANUP => 1);
my @expected = sort("$bindir/vmclone-copy", "$bindir/vmclone", "$bindir/vmclone-provision-lvm", "$libdir/vmclone.so", "$mandir/man1/vmclone.1",
	"/usr/share/bash-completion/completions/vmclone",
	(map { "$sharedir/extension/$_" } 'vmclone.control', "vmclone--$version.sql", "vmclone--1.0--$version.sql"),
	(-f 'docs/man/vmclone-copy.1' ? "$mandir/man1/vmclone-copy.1" : ()));

($status, $output) = run("make -s install DESTDIR=$destination");
is($status, 0, 'make install') or diag $output;
is_deeply(files_below($destination), \@expected, 'make install: the files, and where');
($status, $output) = run("make -s uninstall DESTDIR=$destination");
is_deeply(files_below($destination), [], 'make uninstall: all of them gone');

# --- the copier knows nothing of PostgreSQL
my @includes = grep { !m{^\s*$} } `grep -nE '#include.*(postgres|libpq|fmgr|utils/)' src/copy/*/*.[ch]`;
is_deeply(\@includes, [], 'no header of PostgreSQL in src/copy');
unlike(scalar `ldd ./vmclone-copy`, qr/libpq|libpgcommon/, 'no library of PostgreSQL in vmclone-copy');

# --- another compiler, with warnings as errors
($status, $output) = run('make -s clean && make -s -j2 CC=clang WERROR=-Werror all');
is("$status $output", '0 ', 'make CC=clang');
done_testing();
