package batcher

import "testing"

// The last line of a chunk must not double the memory that the chunk has.
func TestChunksFitIntoTheirMemory(t *testing.T) {
	for _, c := range []struct{ chunk, memory int }{{smallChunkBytes, 16 << 10}, {chunkBytes, 64 << 10}} {
		for _, line := range []int{1, 100, 401, 1 << 10} {
			b := &batch{}
			payload := make([]byte, line-1)
			charged := int64(0)
			for len(b.lines) < c.chunk {
				charged += b.grow(len(payload) + 1)
				b.add(position{}, 0, &eventRecord{payload: payload})
			}
			if cap(b.lines) > c.memory || charged != int64(cap(b.lines)) {
				t.Errorf("a chunk of %d bytes in lines of %d: %d bytes of memory, %d charged; want at most %d, and all of it", len(b.lines), line, cap(b.lines), charged, c.memory)
			}
		}
	}
}
