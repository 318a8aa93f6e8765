package server

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

// Buffers of these sizes are kept for others; smaller ones are made that large, larger
// ones are left to the garbage collector. The largest request has 4 MiB by default.
const (
	minBufferBits = 8
	maxBufferBits = 23

	// sizesPerBit is how many sizes there are up to the next power of two.
	sizesPerBit = 4
)

// buffers is where the memory of requests and records comes from and goes back to.
// gRPC's default pool knows no size between 32 KiB and 1 MiB, and clears a buffer
// whole each time that it is taken: a request of 40 KiB costs 1 MiB of zeros. These
// are at most a quarter larger than what is asked for, and not cleared: whoever takes
// one writes all that he reads, which gRPC does, and this package.
type buffers struct {
	taken atomic.Int64                                             // buffers, so far: as long as it grows, requests arrive
	pools [(maxBufferBits-minBufferBits)*sizesPerBit + 1]sync.Pool // of *[]byte, all of bufferSize
}

var _ mem.BufferPool = (*buffers)(nil)

// bufferSize is the size of the buffers in a pool.
func bufferSize(pool int) int {
	return (sizesPerBit + pool%sizesPerBit) << (minBufferBits + pool/sizesPerBit) / sizesPerBit
}

// poolFor is the first pool whose buffers are that large.
func poolFor(length int) int {
	if length <= 1<<minBufferBits {
		return 0
	}
	bit := bits.Len(uint(length-1)) - 1
	over := length - 1 - 1<<bit
	return (bit-minBufferBits)*sizesPerBit + over*sizesPerBit>>bit + 1
}

// Get returns a buffer of that length, with anything in it.
func (b *buffers) Get(length int) *[]byte {
	b.taken.Add(1)
	if length > 1<<maxBufferBits {
		large := make([]byte, length)
		return &large
	}
	pool := poolFor(length)
	if kept, ok := b.pools[pool].Get().(*[]byte); ok {
		*kept = (*kept)[:length]
		return kept
	}
	fresh := make([]byte, length, bufferSize(pool))
	return &fresh
}

// Put takes back a buffer that Get has returned, or a prefix of it.
func (b *buffers) Put(buffer *[]byte) {
	size := cap(*buffer)
	if size > 1<<maxBufferBits {
		return
	}
	if pool := poolFor(size); bufferSize(pool) == size {
		b.pools[pool].Put(buffer)
	}
}
