package harness

import (
	"os"
	"testing"
	"time"
)

func TestMeterLooksAtAProcess(t *testing.T) {
	m, err := StartMeter(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Stop(); err != nil {
		t.Fatal(err)
	}
	if u := m.Until(time.Now()); u.CPU < 0 || u.PeakRSS < 1<<20 {
		t.Errorf("got %+v", u)
	}
	began := time.Unix(1000, 0)
	m.samples = []Usage{{began, 5 * time.Second, 1, 10}, {began.Add(time.Second), 6 * time.Second, 2, 20}, {began.Add(2 * time.Second), 8 * time.Second, 3, 50}}
	for after, want := range map[time.Duration]Usage{
		500 * time.Millisecond: {began.Add(time.Second), time.Second, 2, 10},
		time.Second:            {began.Add(time.Second), time.Second, 2, 10},
		time.Hour:              {began.Add(2 * time.Second), 3 * time.Second, 3, 40},
	} {
		if got := m.Until(began.Add(after)); got != want {
			t.Errorf("until %v: got %+v, want %+v", after, got, want)
		}
	}
}
