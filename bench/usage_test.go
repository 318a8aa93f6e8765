package main

import (
	"os"
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

func TestMeterLooksAtAProcess(t *testing.T) {
	m, err := startMeter(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	if u := m.until(time.Now()); u.cpu < 0 || u.peakRSS < 1<<20 {
		t.Errorf("got %+v", u)
	}
	began := time.Unix(1000, 0)
	m.samples = []usage{{began, 5 * time.Second, 1}, {began.Add(time.Second), 6 * time.Second, 2}, {began.Add(2 * time.Second), 8 * time.Second, 3}}
	for after, want := range map[time.Duration]usage{
		500 * time.Millisecond: {began.Add(time.Second), time.Second, 2},
		time.Second:            {began.Add(time.Second), time.Second, 2},
		time.Hour:              {began.Add(2 * time.Second), 3 * time.Second, 3},
	} {
		if got := m.until(began.Add(after)); got != want {
			t.Errorf("until %v: got %+v, want %+v", after, got, want)
		}
	}
}
