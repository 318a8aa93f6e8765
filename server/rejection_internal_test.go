package server

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFirstRejectionsAreKept(t *testing.T) {
	for _, n := range []int{0, 999, 1000, 1001, 3000} {
		inOrder := make([]int, n)
		for i := range inOrder {
			inOrder[i] = i
		}
		shuffled := slices.Clone(inOrder)
		rand.New(rand.NewPCG(1, uint64(n))).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		backward := slices.Clone(inOrder)
		slices.Reverse(backward)
		for _, order := range [][]int{inOrder, shuffled, backward} {
			var r rejections
			for _, index := range order {
				r.add(uint64(index)*2, &problem{reason: "x"})
			}
			if r.total != uint64(n) || len(r.kept) != min(n, 1000) {
				t.Fatalf("%d: got %d counted, %d kept", n, r.total, len(r.kept))
			}
			for i, kept := range r.kept {
				if kept.GetIndex() != uint64(i)*2 {
					t.Fatalf("%d: got index %d at %d, want %d", n, kept.GetIndex(), i, i*2)
				}
			}
		}
	}
}

func TestRejectedPartIsCountedWhole(t *testing.T) {
	var r rejections
	p := &part{accepted: 5000}
	for i := range maxRejections {
		p.places = append(p.places, uint32(i))
	}
	r.addPart(7, p)
	if r.total != 5000 || len(r.kept) != 1000 || r.kept[999].GetIndex() != 1006 {
		t.Errorf("got %d counted, %d kept", r.total, len(r.kept))
	}
}
