package server

import (
	"fmt"
	"testing"
)

// TestBuffersHaveTheirLength takes and gives back buffers of many sizes: each has
// the length that was asked for, room for not more than a quarter beyond it, and is whole
// when it has come back as a prefix.
func TestBuffersHaveTheirLength(t *testing.T) {
	var b buffers
	for _, length := range []int{0, 1, 255, 256, 257, 319, 320, 321, 40 << 10, 40<<10 + 1, 1 << 20, 1<<maxBufferBits - 1, 1 << maxBufferBits, 1<<maxBufferBits + 1} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			for range 3 {
				got := b.Get(length)
				if len(*got) != length || cap(*got) > max(length+length/4, 1<<minBufferBits) {
					t.Fatalf("got %d bytes with room for %d, want %d", len(*got), cap(*got), length)
				}
				*got = (*got)[:length/2]
				b.Put(got)
			}
		})
	}
}

// TestBuffersTakeNoStrangers gives back what is of no pool, which a later Get of
// that size must not be given.
func TestBuffersTakeNoStrangers(t *testing.T) {
	var b buffers
	for _, size := range []int{0, 100, 300, 1<<maxBufferBits + 1} {
		stranger := make([]byte, size)
		b.Put(&stranger)
	}
	for _, length := range []int{1, 256, 300, 512} {
		if got := b.Get(length); len(*got) != length {
			t.Fatalf("got %d bytes, want %d", len(*got), length)
		}
	}
}
