package main

import (
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

func TestCompressRatioIsPlausible(t *testing.T) {
	made := traffic.NewCorpus(stage.Spread(10, "b"), trialEventBytes, trialEventBytes)
	if r := compressRatio(made); r < 1.5 || r > 6 {
		t.Errorf("got a ratio of %.2f, want that of text", r)
	}
}

func TestSumsOfNobody(t *testing.T) {
	s := sumOf(nil)
	if s.acknowledged != 0 || len(s.ends) != 0 || s.ms(0.99) != 0 {
		t.Errorf("got %+v", s)
	}
	s.latencies = []time.Duration{time.Millisecond, 1500 * time.Microsecond}
	if got := s.ms(1); got != 1.5 {
		t.Errorf("got %v ms, want 1.5", got)
	}
}
