package server

import "testing"

// However many streams are open, what they remember of names is bounded.
func TestNamesAreSharedByTheStreams(t *testing.T) {
	for _, tt := range []struct {
		limit   int64
		streams int
		want    int
	}{
		{128 << 20, 1, 8 << 20}, {128 << 20, 4, 8 << 20}, {128 << 20, 32, 1 << 20}, {128 << 20, 100_000, 64 << 10},
		{16 << 20, 0, 4 << 20}, {16 << 20, 8, 512 << 10},
	} {
		m := newMemory(tt.limit)
		for range tt.streams {
			m.enter()
		}
		if got := m.namesShare(); got != tt.want {
			t.Errorf("%d bytes, %d streams: got %d, want %d", tt.limit, tt.streams, got, tt.want)
		}
		for range tt.streams {
			m.leave(nil)
		}
		if got := m.namesShare(); got != int(min(tt.limit/4, 8<<20)) {
			t.Errorf("%d bytes, after %d streams: got %d", tt.limit, tt.streams, got)
		}
	}
}
