# docs/howto.md, "Without root": its commands and its settings, as a user with a server of his own has them.
use strict;
use warnings;
use Test::More;
use VmcloneCluster;

my ($page) = PostgreSQL::Test::Utils::slurp_file('docs/howto.md') =~ /^## (Without root.*?)^## /ms or die 'the page has no such section';
my ($commands, $settings) = $page =~ /^```\n(.*?)^```$/msg;
my $home = PostgreSQL::Test::Utils::tempdir;
my ($major) = VmcloneCluster::pg_config('--version') =~ /(\d+)/;
my %folder = map { $_ => VmcloneCluster::pg_config("--$_") } qw(sharedir pkglibdir bindir);

isnt($>, 0, 'by a user who is not root');
# what is built here already is built, by the same commands
$commands =~ s{/usr/lib/postgresql/18/bin}{$folder{bindir}}g;
{
	local $ENV{HOME} = $home;
	my $output = `( set -e; $commands ) 2>&1`;
	is($?, 0, 'the commands of the page') or diag($output);
}

$settings =~ s{/home/me/vmclone/usr/share/postgresql/18}{$home/vmclone$folder{sharedir}}g;
$settings =~ s{/home/me/vmclone/usr/lib/postgresql/18/lib}{$home/vmclone$folder{pkglibdir}}g;
$settings =~ s{/home/me/vmclone/usr/lib/postgresql/18/bin}{$home/vmclone$folder{bindir}}g;
unlike($settings, qr{/home/me}, 'no other folder is in the settings');
if ($major < 18)
{
	my ($line) = $page =~ /`(extension_destdir = .*?)` in place of the first line/ or die 'nothing for older servers';

	$line =~ s{/home/me}{$home};
	$settings =~ s{^extension_control_path.*$}{$line}m;
}

# without what the other tests' servers have
my $node = VmcloneCluster->new('own');
$node->init(extra => [ '-U', 'postgres' ]);
mkdir $node->storage_root or die;
$node->append_conf('postgresql.conf', $settings . "vmclone.storage_roots = '" . $node->storage_root . "'\nmax_worker_processes = 16\n");
$node->start;
is($node->value("SELECT default_version = installed_version FROM pg_available_extensions WHERE name = 'vmclone'"), '', 'the server finds the extension');
$node->load_extension('postgres');
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT vmclone.library_version() IS NOT NULL, pg_backend_pid()') =~ /(\d+)$/ ? $1 : 0;
my @libraries = `grep -o '/[^ ]*vmclone.so' /proc/$pid/maps | sort -u`;
is(join('', @libraries), "$home/vmclone$folder{pkglibdir}/vmclone.so\n", 'and the library, of that folder');
$session->quit;

my $vm = $node->make_vm(name => 'web01');
my $job = $node->clone($vm->{snapshots}[1], vm_name => 'copy');
is($node->wait_for_job($job->{job_id}), 'succeeded', 'a clone') or diag($node->value('SELECT reason FROM vmclone.jobs'));
$node->images_equal($job->{vm_id}, $vm, 1, 'exactly');
$node->stop;
done_testing();
