package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// drawn is a progress whose bar is drawn though w is no terminal.
func drawn(w *bytes.Buffer, size int64) *progress {
	p := newProgress(w, size)
	p.bar = p.newBar()
	return p
}

func TestProgressShowsBytesEventsRateAndRejected(t *testing.T) {
	for size, want := range map[int64]string{
		64 << 20: "50%",
		-1:       "32 MiB",
		0:        "32 MiB",
	} {
		var terminal bytes.Buffer
		p := drawn(&terminal, size)
		p.draw(32<<20, sendCounts{Accepted: 900, Rejected: 100}, 2*time.Second)
		got := terminal.String()
		if !strings.Contains(got, want) || !strings.Contains(got, "1000 events, 500/s, 100 rejected") || strings.Contains(got, "\n") {
			t.Errorf("size %d: got %q, want ... %s", size, got, want)
		}
		p.start(func() (int64, sendCounts) { return 0, sendCounts{} })
		p.close()
	}
}

// What was read is answered later: the bar goes on counting behind the input's end.
func TestProgressCountsOnBehindTheInputsEnd(t *testing.T) {
	var terminal bytes.Buffer
	p := drawn(&terminal, 1000)
	for events := range uint64(3) {
		p.draw(1000, sendCounts{Accepted: events}, time.Second)
		if want := fmt.Sprintf("%d events", events); !strings.Contains(terminal.String(), want) {
			t.Errorf("got %q, want ... %s", terminal.String(), want)
		}
	}
}

// Text for people stands on a line of its own, from its beginning.
func TestProgressMakesWayForText(t *testing.T) {
	var terminal bytes.Buffer
	p := drawn(&terminal, 1000)
	p.draw(500, sendCounts{}, time.Second)
	fmt.Fprintln(p, "f:1: no")
	at := strings.Index(terminal.String(), "f:1: no\n")
	if at < 1 || terminal.String()[at-1] != '\r' {
		t.Errorf("got %q, want the text behind a carriage return", terminal.String())
	}
	p.start(func() (int64, sendCounts) { return 0, sendCounts{} })
	p.close()
	if !strings.HasSuffix(terminal.String(), "f:1: no\n") {
		t.Errorf("got %q: something is left of the bar", terminal.String())
	}
}

func TestProgressIsSilentElsewhere(t *testing.T) {
	var file bytes.Buffer
	p := newProgress(&file, 1000)
	p.start(func() (int64, sendCounts) { return 500, sendCounts{} })
	fmt.Fprintln(p, "f:1: no")
	p.close()
	if file.String() != "f:1: no\n" {
		t.Errorf("got %q", file.String())
	}
}
