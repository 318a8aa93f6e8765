package harness

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 1234 66 7 8 20 0 9 0 100 1000 200 18446744073709551615"
	if got, err := parseStat([]byte(stat)); err != nil || got != 13*time.Second {
		t.Errorf("got %v, %v, want 13s", got, err)
	}
	for _, wrong := range []string{"", "42 (a) S 1", "42 (a) S 1 42 42 0 -1 4194560 100 0 0 0 x 66 7"} {
		if got, err := parseStat([]byte(wrong)); err == nil {
			t.Errorf("%q: got %v, want an error", wrong, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	if got, err := parseStatus([]byte("Name:\ta\nVmPeak:\t 9 kB\nVmHWM:\t    1024 kB\nVmRSS:\t 10 kB\n")); err != nil || got != 1<<20 {
		t.Errorf("got %v, %v, want 1 MiB", got, err)
	}
	if got, err := parseStatus([]byte("Name:\ta\n")); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}

func TestParseIO(t *testing.T) {
	if got, err := parseIO([]byte("rchar: 4096\nwchar: 1\n")); err != nil || got != 4096 {
		t.Errorf("got %v, %v, want 4096", got, err)
	}
	if got, err := parseIO([]byte("wchar: 1\n")); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
