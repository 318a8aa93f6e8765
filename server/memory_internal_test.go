package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// granted is what a stream gets that waits, and how long it waits.
func granted(m *memory, p *place) (grant, time.Duration) {
	begun := time.Now()
	return m.wait(p, nil), time.Since(begun)
}

// Streams in which nothing comes do not keep others from receiving: not long if
// nothing arrives at all, and longer while something does, which may be a part of
// what is theirs.
func TestIdleStreamsLoseTheirPlaces(t *testing.T) {
	for _, tt := range []struct {
		name    string
		arrives bool
		wait    time.Duration
	}{
		{"silence", false, silentAfter}, {"others are sent to", true, idleAfter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arrived := int64(0)
				m := newMemory(16<<20, 4<<20, func() int64 {
					if tt.arrives {
						arrived++
					}
					return arrived
				}, alike)
				for range 4 { // a quarter of the budget each
					if got, waited := granted(m, m.openPlace(m.shares.of("default"), nil)); got != room || waited != 0 {
						t.Fatalf("got %v after %v, want room at once", got, waited)
					}
				}
				p := m.openPlace(m.shares.of("default"), nil)
				if got, waited := granted(m, p); got != room || waited < tt.wait || waited > tt.wait+2*maxPause {
					t.Errorf("got %v after %v, want room after %v", got, waited, tt.wait)
				}
				m.receive(p, 1000)
				if used := m.used.Load(); used != 1000 {
					t.Errorf("got %d in hand, want the request alone", used)
				}
			})
		})
	}
}

// Where requests are small, many streams receive at once.
func TestPlacesAreAsLargeAsRequests(t *testing.T) {
	m := newMemory(16<<20, 4<<20, func() int64 { return 0 }, alike)
	first := m.openPlace(m.shares.of("default"), nil)
	for range 100 {
		m.wait(first, nil)
		m.receive(first, 1000)
		m.release(first.share, 1000)
	}
	for i := range 500 {
		if got, waited := granted(m, m.openPlace(m.shares.of("default"), nil)); got != room || waited > time.Second {
			t.Fatalf("stream %d: got %v after %v, want room at once", i, got, waited)
		}
	}
	large := m.openPlace(m.shares.of("default"), nil)
	m.wait(large, nil)
	m.receive(large, 1<<20)
	if m.wait(large, nil); large.reserved.Load() != 2<<20 {
		t.Errorf("got a place of %d bytes behind a large request, want 2 MiB", large.reserved.Load())
	}
}

// A last look is for some, when all is in hand.
func TestLastLooksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(16<<20, 4<<20, func() int64 { return 0 }, alike)
		m.charge(m.shares.of("default"), 16<<20)
		looks := 0
		for range 100 {
			if p := m.openPlace(m.shares.of("default"), nil); m.look(p) {
				looks++
			}
		}
		if looks != 16 {
			t.Errorf("got %d last looks at once, want 16", looks)
		}
		if got, waited := granted(m, m.openPlace(m.shares.of("default"), nil)); got != lastLook || waited != memoryPatience {
			t.Errorf("got %v after %v, want a last look after %v: the others have seen that nothing comes", got, waited, memoryPatience)
		}
		if !m.full() {
			t.Error("not full, though all of the budget is in hand")
		}
	})
}

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
		m := newMemory(tt.limit, 4<<20, nil, alike)
		for range tt.streams {
			m.enter(m.shares.of("default"))
		}
		if got := m.namesShare(); got != tt.want {
			t.Errorf("%d bytes, %d streams: got %d, want %d", tt.limit, tt.streams, got, tt.want)
		}
		for range tt.streams {
			m.leave(m.shares.of("default"), nil)
		}
		if got := m.namesShare(); got != int(min(tt.limit/4, 8<<20)) {
			t.Errorf("%d bytes, after %d streams: got %d", tt.limit, tt.streams, got)
		}
	}
}

// The receipts of a SendS3 grow with its destinations and stay until it ends: others wait for
// what they take.
func TestReceiptsAreCharged(t *testing.T) {
	m := newMemory(64<<20, 4<<20, func() int64 { return 0 }, alike)
	sum := &total{receipts: newReceipts(sampleTokens()), memory: m, share: &share{}}
	d := newDirectory(4, "default")
	settle := func(prefixes ...string) int64 {
		r := settledAt(1, time.Unix(1, 0))
		for i, p := range prefixes {
			r.touched = append(r.touched, touch{destination: d.find("demo", p), first: uint32(i), last: uint32(i), accepted: 1})
		}
		sum.settle(r)
		return m.used.Load()
	}
	large := manyPrefixes(maxReceipts, 900)
	first := settle(large...)
	if first < maxReceipts*900-freeReceiptBytes || first > maxReceiptBytes+maxReceipts*2*entryCost {
		t.Errorf("%d bytes are charged for %d receipts", first, maxReceipts)
	}
	if again := settle(large...); again != first {
		t.Errorf("%d bytes are charged when the same destinations come again, and %d before", again, first)
	}
	if more := settle(manyPrefixes(10_000, 9)...); more <= first {
		t.Errorf("%d bytes are charged with 10,000 destinations that have no receipt, and %d without", more, first)
	}
	sum.leave()
	if used := m.used.Load(); used != 0 {
		t.Errorf("%d bytes are charged at the end", used)
	}
}

// Idle streams that have sent large requests may all send one more at once. While others wait,
// those that have been idle for longest are ended, as far as that would be more than the budget
// once more: what the last three and the small one need. Who has sent little, or nothing yet, stays.
func TestIdleStreamsOfLargeRequestsAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(16<<20, 1<<20, func() int64 { return 0 }, alike)
		var ended []string
		open := func(name string, size int64) {
			p := m.openPlace(m.shares.of(name), func(cause error) {
				if !errors.Is(cause, errMemoryFull) {
					t.Errorf("%s is ended by %v", name, cause)
				}
				ended = append(ended, name)
			})
			for n := range 2 {
				if got, _ := granted(m, p); got != room {
					t.Fatalf("%s: no room", name)
				}
				if n == 0 && size > 0 {
					m.receive(p, size)
					m.release(p.share, size)
				}
			}
			<-time.After(time.Second)
		}
		open("new", 0)
		open("small", 1000)
		for i := range 12 { // at most a quarter of the budget is reserved for each
			open(fmt.Sprint(i), 2<<20)
		}
		if want := "0 1 2 3 4 5 6 7"; strings.Join(ended, " ") != want {
			t.Errorf("ended are %q, want %q", ended, want)
		}
		if used := m.used.Load(); used > m.limit {
			t.Errorf("%d bytes are reserved", used)
		}
	})
}
