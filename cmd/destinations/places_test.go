package main

import (
	"math/rand/v2"
	"testing"
)

func TestPlacesFindTheLineOfEveryEvent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var p places
	var want []place
	for _, file := range []string{"a", "b", "stdin", "a"} {
		line := uint64(1)
		for range 1000 {
			if random.IntN(10) == 0 {
				line += 1 + random.Uint64N(5) // lines that are not sent
			}
			at := place{file: file, line: line}
			p.add(at)
			want = append(want, at)
			line++
		}
	}
	for index, at := range want {
		if got, ok := p.find(uint64(index)); !ok || got != at {
			t.Fatalf("event %d: got %v, %v; want %v", index, got, ok, at)
		}
	}
	if at, ok := p.find(uint64(len(want))); ok {
		t.Errorf("event that was not added: got %v", at)
	}
}

func TestPlacesOfLinesInARowAreOneRun(t *testing.T) {
	var p places
	for line := range uint64(100_000) {
		p.add(place{file: "a", line: line + 1})
	}
	if len(p.runs) != 1 {
		t.Errorf("got %d runs, want 1", len(p.runs))
	}
}

func TestNoPlaces(t *testing.T) {
	var p places
	if at, ok := p.find(p.next - 1); ok {
		t.Errorf("got %v", at)
	}
}
