package harness

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is Linux's USER_HZ, the unit of the times in /proc/PID/stat: 100 on
// every architecture that Go runs on.
const ticksPerSecond = 100

// Usage is what a process had used at a time, since it began.
type Usage struct {
	At      time.Time
	CPU     time.Duration // user and system, all threads
	PeakRSS int64         // largest resident set, bytes
	Read    int64         // bytes that its system calls have read, from files and connections, cached or not
}

// ReadUsage looks at a process. It needs Linux.
func ReadUsage(pid int) (Usage, error) {
	u := Usage{At: time.Now()}
	for _, part := range []struct {
		file  string
		parse func([]byte) error
	}{
		{"stat", func(b []byte) (err error) { u.CPU, err = parseStat(b); return err }},
		{"status", func(b []byte) (err error) { u.PeakRSS, err = parseStatus(b); return err }},
		{"io", func(b []byte) (err error) { u.Read, err = parseIO(b); return err }},
	} {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + part.file)
		if err == nil {
			err = part.parse(b)
		}
		if err != nil {
			return Usage{}, fmt.Errorf("look at process %d: %w", pid, err)
		}
	}
	return u, nil
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

// parseIO reads what was read out of /proc/PID/io.
func parseIO(io []byte) (read int64, err error) {
	if _, err := fmt.Sscanf(string(io), "rchar: %d\n", &read); err != nil {
		return 0, fmt.Errorf("/proc/PID/io: %w: %q", err, io)
	}
	return read, nil
}
