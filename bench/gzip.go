package main

import (
	"bytes"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/uploader"
)

const (
	// chunkBytes is how much the service compresses at a time: whole lines, up to the
	// one that reaches it.
	chunkBytes = 64 << 10

	// gzipSampleBytes is how much of what was read back is compressed alone: enough
	// for half a second.
	gzipSampleBytes = 128 << 20

	// The ratio that makes events look real. An easier or a harder load would make
	// the figures of two days differ.
	leastRatio, mostRatio = 4.5, 5.5
)

// gzipAlone is what compressing costs when nothing else is done.
type gzipAlone struct {
	rawBytes, gzipBytes int64
	cpu                 time.Duration
}

func (g gzipAlone) ratio() float64 { return float64(g.rawBytes) / float64(g.gzipBytes) }

// cpuPerGB is in CPU seconds for 10^9 raw bytes.
func (g gzipAlone) cpuPerGB() float64 { return g.cpu.Seconds() / (float64(g.rawBytes) / 1e9) }

// compressAlone compresses chunks at the service's level, on one thread, and takes
// that thread's CPU time.
func compressAlone(chunks [][]byte) (gzipAlone, error) {
	c, err := uploader.NewCompressor(batcher.DefaultConfig().CompressionLevel)
	if err != nil {
		return gzipAlone{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := gzipAlone{}
	before, err := threadCPU()
	if err != nil {
		return gzipAlone{}, err
	}
	for _, chunk := range chunks {
		g.rawBytes += int64(len(chunk))
		g.gzipBytes += int64(len(c.Run(chunk)))
	}
	after, err := threadCPU()
	g.cpu = after - before
	return g, err
}

// rusageThread is RUSAGE_THREAD of getrusage(2).
const rusageThread = 1

// threadCPU is the CPU time of the calling thread.
func threadCPU() (time.Duration, error) { return rusage(rusageThread) }

// ownCPU is the CPU time of this process.
func ownCPU() (time.Duration, error) { return rusage(syscall.RUSAGE_SELF) }

func rusage(who int) (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// checkRatio refuses events that do not look real to gzip. It prints the ratio of
// 10,000 events in a row.
func checkRatio(c *corpus) error {
	s := sample{limit: 4 << 20}
	now := []byte(time.Now().UTC().Format(timeFormat))
	line := make([]byte, payloadBytes)
	for n := range uint64(10_000) {
		copy(line, c.payloadOf(n))
		stampPayload(line, n, now)
		s.add(line)
	}
	s.endObject()
	g, err := compressAlone(s.chunks)
	if err != nil {
		return err
	}
	say("events of %d bytes, gzip ratio %.2f at level %d", payloadBytes, g.ratio(), batcher.DefaultConfig().CompressionLevel)
	if r := g.ratio(); r < leastRatio || r > mostRatio {
		return fmt.Errorf("the events do not look real: gzip ratio %.2f, want %.1f to %.1f", r, leastRatio, mostRatio)
	}
	return nil
}

// sample collects lines into chunks as the service cuts them, up to a limit.
type sample struct {
	limit  int // bytes of chunks
	chunks [][]byte
	bytes  int    // of chunks
	open   []byte // the chunk that is being filled
}

// add takes a line, without its newline; it is copied.
func (s *sample) add(line []byte) {
	if s.bytes+len(s.open) >= s.limit {
		return
	}
	s.open = append(append(s.open, line...), '\n')
	if len(s.open) >= chunkBytes {
		s.cut()
	}
}

// endObject says that the lines that follow are of another object.
func (s *sample) endObject() {
	if len(s.open) > 0 {
		s.cut()
	}
}

func (s *sample) cut() {
	s.chunks = append(s.chunks, bytes.Clone(s.open))
	s.bytes += len(s.open)
	s.open = s.open[:0]
}
