package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// usageEvery is how often a process is looked at.
	usageEvery = 100 * time.Millisecond

	// ticksPerSecond is Linux's USER_HZ, the unit of the times in /proc/PID/stat: 100
	// on every architecture that Go runs on.
	ticksPerSecond = 100
)

// usage is what a process had used at a time, since it began.
type usage struct {
	at      time.Time
	cpu     time.Duration // user and system, all threads
	peakRSS int64         // bytes
}

// readUsage looks at a process.
func readUsage(pid int) (usage, error) {
	folder := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(folder + "/stat")
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return usage{}, err
	}
	u := usage{at: time.Now()}
	if u.cpu, err = parseStat(stat); err != nil {
		return usage{}, err
	}
	u.peakRSS, err = parseStatus(status)
	return u, err
}

// parseStat reads the CPU time out of /proc/PID/stat. The fields behind the command,
// which may hold anything but ends with the last parenthesis, begin with the third.
func parseStat(stat []byte) (time.Duration, error) {
	const utime, stime = 14 - 3, 15 - 3 // proc_pid_stat(5)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= stime {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields behind the command: %q", len(fields), stat)
	}
	var ticks int64
	for _, s := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/PID/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / ticksPerSecond), nil
}

// parseStatus reads the peak of the resident set out of /proc/PID/status.
func parseStatus(status []byte) (int64, error) {
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/PID/status has no VmHWM: %q", status)
}

// meter looks at a process again and again.
type meter struct {
	pid     int
	cancel  context.CancelFunc
	done    chan struct{}
	samples []usage // belongs to the goroutine until done
	err     error   // the same
}

// startMeter begins with a look of its own and ends with stop.
func startMeter(pid int) (*meter, error) {
	first, err := readUsage(pid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &meter{pid: pid, cancel: cancel, done: make(chan struct{}), samples: []usage{first}}
	go m.run(ctx)
	return m, nil
}

func (m *meter) run(ctx context.Context) {
	defer close(m.done)
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		u, err := readUsage(m.pid)
		if err != nil {
			m.err = err
			return
		}
		m.samples = append(m.samples, u)
	}
}

// stop ends the looking. It may be called again.
func (m *meter) stop() error {
	m.cancel()
	<-m.done
	return m.err
}

// until is what the process used from the first look to the one after t. The peak
// of its memory counts from its beginning, in which it had nothing to hold. Only
// after stop.
func (m *meter) until(t time.Time) usage {
	last := m.samples[len(m.samples)-1]
	for _, u := range m.samples {
		if !u.at.Before(t) {
			last = u
			break
		}
	}
	last.cpu -= m.samples[0].cpu
	return last
}
