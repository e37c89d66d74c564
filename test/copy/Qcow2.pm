# Qcow2.pm: reads and pokes the fields of a qcow2 file, for tests that damage images.
package Qcow2;
use strict;
use warnings;
no warnings "portable"; # 64-bit masks

# Header fields: name => [offset, bytes]
our %header = (
	magic              => [ 0,   4 ],
	version            => [ 4,   4 ],
	backing_offset     => [ 8,   8 ],
	backing_size       => [ 16,  4 ],
	cluster_bits       => [ 20,  4 ],
	size               => [ 24,  8 ],
	crypt_method       => [ 32,  4 ],
	l1_size            => [ 36,  4 ],
	l1_offset          => [ 40,  8 ],
	reftable_offset    => [ 48,  8 ],
	reftable_clusters  => [ 56,  4 ],
	snapshots          => [ 60,  4 ],
	snapshots_offset   => [ 64,  8 ],
	incompatible       => [ 72,  8 ],
	compatible         => [ 80,  8 ],
	autoclear          => [ 88,  8 ],
	refcount_order     => [ 96,  4 ],
	header_length      => [ 100, 4 ],
	compression_type   => [ 104, 1 ],
);

sub open
{
	my ($class, $path) = @_;
	CORE::open(my $handle, '+<:raw', $path) or die "$path: $!";
	return bless { handle => $handle, path => $path }, $class;
}

sub read_at
{
	my ($self, $offset, $length) = @_;
	sysseek $self->{handle}, $offset, 0 or return "\0" x $length;
	my $bytes = '';
	sysread $self->{handle}, $bytes, $length;
	return $bytes . "\0" x ($length - length $bytes);
}

sub write_at
{
	my ($self, $offset, $bytes) = @_;
	sysseek $self->{handle}, $offset, 0 or die "seek $offset: $!";
	syswrite($self->{handle}, $bytes) == length $bytes or die "write $offset: $!";
	return $self;
}

my %format = (1 => 'C', 4 => 'N', 8 => 'Q>');

sub get
{
	my ($self, $field) = @_;
	my ($offset, $bytes) = @{ $header{$field} };
	return unpack $format{$bytes}, $self->read_at($offset, $bytes);
}

sub set
{
	my ($self, $field, $value) = @_;
	my ($offset, $bytes) = @{ $header{$field} };
	return $self->write_at($offset, pack $format{$bytes}, $value);
}

sub cluster_size { my ($self) = @_; return 1 << $self->get('cluster_bits') }
sub extended { my ($self) = @_; return $self->get('version') >= 3 && $self->get('incompatible') & 16 ? 1 : 0 }
sub l1_at { my ($self, $i) = @_; return $self->get('l1_offset') + 8 * $i }
sub l1 { my ($self, $i) = @_; return unpack 'Q>', $self->read_at($self->l1_at($i), 8) }
sub set_l1 { my ($self, $i, $value) = @_; return $self->write_at($self->l1_at($i), pack 'Q>', $value) }

# File offset of the L2 entry of guest cluster i, undef if it has no table.
sub l2_at
{
	my ($self, $i) = @_;
	my $entry = $self->extended ? 16 : 8;
	my $per   = $self->cluster_size / $entry;
	my $table = $self->l1(int($i / $per)) & 0x00fffffffffffe00;
	return $table ? $table + $entry * ($i % $per) : undef;
}
sub l2 { my ($self, $i) = @_; my $at = $self->l2_at($i); return defined $at ? unpack('Q>', $self->read_at($at, 8)) : 0 }
sub set_l2 { my ($self, $i, $value) = @_; return $self->write_at($self->l2_at($i), pack 'Q>', $value) }

1;
