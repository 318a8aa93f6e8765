package server

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/open-destinations/destinations/server/auth"
)

const (
	// maxKnownBytes of names is what a stream remembers at most from one request to
	// the next: tens of thousands of ordinary ones; minKnownBytes, when many streams
	// are open, is some hundred. A stream that is drawn from more destinations than
	// it remembers hashes each name anew.
	maxKnownBytes = 8 << 20
	minKnownBytes = 64 << 10
	// knownOverhead is charged for a name beside its bytes: its places in the map and
	// the destination.
	knownOverhead = 200
)

// digestBytes of a destination's SHA-256 stand for it in tokens and tables.
const digestBytes = 16

// digest stands for a destination.
type digest [digestBytes]byte

// destination is where events go, checked and hashed once a stream. The handler
// of the stream owns it.
type destination struct {
	tenant         string
	bucket, prefix string // as they are used: the prefix completed
	digest         digest
	partition      int
	problem        *problem // why no event can go there; then nothing else is set

	request uint64 // the request that touched it last, counted in the stream from 1
	place   int    // its place among what that request has touched

	grant  *auth.Grant // that has said last whether it may be reached
	denied *problem    // what it has said; nil = it may

	asked   uint64   // the request that asked last whether it may send there, counted likewise
	refused *problem // what the answer was; nil = it may
}

// Partition is the partition, of a number of them, that a destination's events
// stand in; the prefix is the completed one. It is the hash that a journal's
// identity calls "sha256/8": the first 8 bytes, big endian, of the SHA-256 over
// the three parts in this order, each behind its length in 4 bytes, big endian;
// modulo the number of partitions. It may never change.
func Partition(tenant, bucket, prefix string, partitions int) int {
	sum := sumOf(tenant, bucket, prefix)
	return partitionOf(&sum, partitions)
}

func partitionOf(sum *[sha256.Size]byte, partitions int) int {
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(partitions))
}

// Digest stands for a destination in tokens: the first bytes of the SHA-256 that
// [Partition] describes.
func Digest(tenant, bucket, prefix string) [digestBytes]byte {
	sum := sumOf(tenant, bucket, prefix)
	return [digestBytes]byte(sum[:digestBytes])
}

func sumOf(parts ...string) [sha256.Size]byte {
	b := make([]byte, 0, 1024+4*len(parts))
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// name is what a sender calls a destination: the prefix may not be completed.
type name struct{ bucket, prefix string }

// directory remembers the destinations of a stream, which are all of one tenant. Between two calls of trim, two
// names of one destination give the same pointer.
type directory struct {
	partitions int
	tenant     string
	known      map[name]*destination
	bytes      int // of known, by estimate
}

func newDirectory(partitions int, tenant string) *directory {
	return &directory{partitions: partitions, tenant: tenant, known: make(map[name]*destination)}
}

// trim forgets all when there is too much. Who calls it holds no destination that
// he would compare.
func (d *directory) trim(most int) {
	if d.bytes > most {
		d.known = make(map[name]*destination) // a map that is cleared keeps its memory
		d.bytes = 0
	}
}

func (d *directory) keep(n name, found *destination) {
	d.known[n] = found
	d.bytes += len(n.bucket) + len(n.prefix) + knownOverhead
}

// lookUp is find, and makes strings only of names that are not known.
func (d *directory) lookUp(bucket, prefix []byte) *destination {
	if found, ok := d.known[name{string(bucket), string(prefix)}]; ok {
		return found
	}
	return d.find(string(bucket), string(prefix))
}

// find returns the destination of that name. An invalid one has a problem; the
// directory keeps it only while there is room, and it has no long name.
func (d *directory) find(bucket, prefix string) *destination {
	if found, ok := d.known[name{bucket, prefix}]; ok {
		return found
	}
	if p := checkBucket(bucket); p != nil {
		return d.keepInvalid(name{bucket, prefix}, p)
	}
	completed, err := CheckPrefix(prefix)
	if err != nil {
		return d.keepInvalid(name{bucket, prefix}, prefixProblem(err))
	}
	found, ok := d.known[name{bucket, completed}]
	if !ok {
		sum := sumOf(d.tenant, bucket, completed)
		found = &destination{tenant: d.tenant, bucket: bucket, prefix: completed, digest: digest(sum[:digestBytes]), partition: partitionOf(&sum, d.partitions)}
		d.keep(name{bucket, completed}, found)
	}
	if prefix != completed {
		d.keep(name{bucket, prefix}, found)
	}
	return found
}

func (d *directory) keepInvalid(n name, p *problem) *destination {
	invalid := &destination{problem: p}
	if d.bytes < maxKnownBytes && len(n.bucket) <= maxBucketBytes && len(n.prefix) <= maxPrefixBytes {
		d.keep(n, invalid)
	}
	return invalid
}
