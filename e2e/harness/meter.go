package harness

import (
	"context"
	"time"
)

// usageEvery is how often a meter looks at its process.
const usageEvery = 100 * time.Millisecond

// Meter looks at a process again and again.
type Meter struct {
	pid     int
	cancel  context.CancelFunc
	done    chan struct{}
	samples []Usage // belongs to the goroutine until done
	err     error   // the same
}

// StartMeter begins with a look of its own and ends with Stop.
func StartMeter(pid int) (*Meter, error) {
	first, err := ReadUsage(pid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Meter{pid: pid, cancel: cancel, done: make(chan struct{}), samples: []Usage{first}}
	go m.run(ctx)
	return m, nil
}

func (m *Meter) run(ctx context.Context) {
	defer close(m.done)
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		u, err := ReadUsage(m.pid)
		if err != nil {
			m.err = err
			return
		}
		m.samples = append(m.samples, u)
	}
}

// Stop ends the looking. It may be called again. An error is of a look that failed,
// as when the process has ended.
func (m *Meter) Stop() error {
	m.cancel()
	<-m.done
	return m.err
}

// Until is what the process used from the first look to the one after t. The peak
// of its memory counts from its beginning, in which it had nothing to hold. Only
// after Stop.
func (m *Meter) Until(t time.Time) Usage {
	last := m.samples[len(m.samples)-1]
	for _, u := range m.samples {
		if !u.At.Before(t) {
			last = u
			break
		}
	}
	last.CPU -= m.samples[0].CPU
	last.Read -= m.samples[0].Read
	return last
}
