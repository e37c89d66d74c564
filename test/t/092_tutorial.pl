# docs/tutorial.md, from "Whether all is well" to libvirt: every command runs, in one shell on a terminal and in its order, and its
# answer is the one shown, but for what differs from run to run: ids, times, sizes, how wide a table is.  Here the machine has vmclone
# already, the folder is another one, and the server's user is the one who types.
use strict;
use warnings;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Tutorial;
use VmcloneCluster;

plan skip_all => 'imports go into vmclone\'s own inventory' if ($ENV{VMCLONE_TEST_INVENTORY} // '') eq 'engine';
plan skip_all => 'libvirt or an emulator is not installed' if grep { system("command -v $_ >/dev/null") != 0 } qw(virsh libvirtd qemu-system-x86_64);

# fsync: doctor() would warn
my $home = PostgreSQL::Test::Utils::tempdir_short();
my $node = VmcloneCluster->start_new('tutorial', fixture => 0, conf => "fsync = on\nvmclone.storage_roots = '$home'\n");
my $folder = "$home/vms";
make_path($folder);
$node->poll_query_until('postgres', 'SELECT pid IS NOT NULL FROM vmclone.worker') or die 'no worker';

my @steps = tutorial_steps('docs/tutorial.md');
cmp_ok(scalar(@steps), '>', 30, 'the tutorial has commands');

local $ENV{HOME} = $home;
local $ENV{"XDG_$_"} = "$home/" . lc $_ foreach qw(CONFIG_HOME CACHE_HOME DATA_HOME);
local $ENV{XDG_RUNTIME_DIR} = "$home/run";
mkdir "$home/run", 0700 or die "mkdir: $!";
local @ENV{qw(PGHOST PGPORT PGDATABASE USER PAGER)} = ($node->host, $node->port, 'postgres', scalar getpwuid($>), 'cat');
local $ENV{PATH} = "$ENV{VMCLONE_INSTALLED}" . VmcloneCluster::pg_config('--bindir') . ":$ENV{PATH}";
my ($code, @answers) = tutorial_answers($home, map { $_->{command} =~ s{/srv/vms}{$folder}gr =~ s/^sudo //r } @steps);
is($code, 0, 'a terminal') or diag join '', @answers;
foreach my $step (@steps)
{
	my ($answer, $status) = splice @answers, 0, 2;
	my $title = (split /\n/, $step->{command})[0];

	is($status, 0, "$title: done") or diag $answer;
	is(same_but_for_the_run($answer // '', $folder), same_but_for_the_run($step->{answer}, $folder), "$title: its answer");
}

# docs/howto.md, "Cloning your own disks": its two ways, with the virtual machine and the folder of here
my $howto = slurp_file('docs/howto.md') =~ /^(## Cloning your own disks.*?)^## /ms ? $1 : die 'no recipe';
my @blocks = $howto =~ /^```\n(.*?)^```/msg;
my $here = sub { $_[0] =~ s{/var/lib/libvirt/images}{$folder}gr =~ s/\bweb01\b/shop/gr =~ s/\binstalled\b/first/gr =~ s/shop\@first/shop\@the first day/r =~ s/\bweb02\b/$_[1]/gr };
is(scalar(@blocks), 3, 'at a terminal, and in SQL');
my $shell = sub {
	my ($commands) = @_;
	open(my $file, '>', "$home/howto") or die "cannot write: $!";
	print $file $commands;
	close $file;
	return qx(cd $home && LIBVIRT_DEFAULT_URI=qemu:///session bash -e howto 2>&1);
};
my $said = $shell->($here->($blocks[0], 'shop2') =~ s/^(vmclone clone) (.*) (\w+)$/$1 '$2' $3/mr);
is($?, 0, 'how-to: at a terminal') or diag $said;
$said = $shell->($here->($blocks[1], 'shop3'));
is($?, 0, 'how-to: XML for SQL') or diag $said;
my $sql = join '', map { /^vmclone=# (.*\n)/ ? $1 : () } $here->($blocks[2], 'shop3') =~ /^(.*\n)/mg;
open(my $file, '>', "$home/howto.sql") or die "cannot write: $!";
print $file $sql;
close $file;
my $snapshot = $node->value("SELECT snapshot_id FROM vmclone.snapshots WHERE description = 'the first day'");
$said = qx(cd $home && psql -X -v ON_ERROR_STOP=1 -v snapshot=$snapshot -f howto.sql 2>&1);
is($?, 0, 'how-to: in SQL') or diag $said;
like($said, qr/NOTICE:  virtual machine "shop" \([-0-9a-f]+\) is imported: disks 1, snapshots 2/, 'says what is imported');
# both write to one log
$said = $shell->(<<'SH');
virsh -q define shop3.xml
for vm in shop2 shop3; do
	virsh -q start $vm
	timeout 60 sh -c "until virsh domstate $vm | grep -q 'shut off'; do sleep 0.2; done"
	echo "$vm: $(tail -n 1 vms/shop.log)"
done
SH
is(join(' ', $said =~ /^(shop\d: .*)$/mg), 'shop2: installed shop3: installed', 'both boot') or diag $said;
$node->stop;
done_testing();
