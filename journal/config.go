package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Limits of a Config.
const (
	maxPartitions   = 1024
	minSegmentBytes = 4 << 10
	maxSegmentBytes = 1 << 30
	// segmentsNeeded is how many event segments each partition must be able
	// to have: one that is being released and one that takes appends. With
	// fewer a full log could never free itself.
	segmentsNeeded = 2
)

// Config says where a journal lies and how large it may grow. The zero value of
// a field that has a default means that default, except where it says otherwise.
type Config struct {
	// Dir is the data folder. It is made, with its parents, if it is absent.
	// Needed.
	Dir string
	// FS is the file system; nil is the operating system's.
	FS FS
	// Partitions is the number of partitions, 1 to 1024, default 4. It is
	// fixed when the folder is made; another number refuses the start.
	Partitions int
	// Endpoint is the S3 endpoint that the events of this folder go to; empty
	// is AWS. It is fixed when the folder is made, so that a folder is never
	// emptied into another store than the one its callers were promised.
	Endpoint string
	// SegmentBytes is the size of an events segment, 4 KiB to 1 GiB, default
	// 64 MiB. It bounds a record; see [Log.Limit].
	SegmentBytes int64
	// ControlSegmentBytes is the size of a control segment, 4 KiB to 1 GiB,
	// default 4 MiB. Each partition keeps one more of them as a spare, and as
	// much again for a small file, see [Partition.WriteFile].
	ControlSegmentBytes int64
	// QuotaBytes bounds the sizes of the event segments and spools of all
	// partitions together; an append that needs a segment beyond it answers
	// [ErrFull]. A spool is not refused by it, see [Spool.Write]. 0 is no bound;
	// [DefaultConfig] has 10 GiB. At least two segments for each partition.
	// Control segments and small files never count.
	QuotaBytes int64
	// ProofDelay is how long after a sync an idle log waits before it writes
	// the block that proves it; 0 is at once, [DefaultConfig] has 50 ms. A
	// crash within it costs no record, only a copy at the next Open.
	ProofDelay time.Duration
	// CommitInterval is the least time from the beginning of one sync of a log to
	// that of the next, for as long as each finds several appends waiting: it
	// spares syncs at the cost of that much latency. Somebody who appends alone, and
	// waits for each answer, is never held up. 0 is none, [DefaultConfig] has 2 ms.
	CommitInterval time.Duration
	// Log takes what an operator should know; nil discards it.
	Log *slog.Logger
	// Observer is told of syncs; nil: nobody is.
	Observer Observer
}

// Observer is told what a journal does, for those who watch the service. It is called by
// the committers, several together, and must return at once.
type Observer interface {
	// Synced: a sync of a log's segment has taken so long, whether it succeeded or not.
	Synced(log Kind, took time.Duration)
}

// unobserved is the Observer of a journal that nobody watches.
type unobserved struct{}

func (unobserved) Synced(Kind, time.Duration) {}

// DefaultConfig returns the defaults. Dir is left to the caller.
func DefaultConfig() Config {
	return Config{
		Partitions:          4,
		SegmentBytes:        64 << 20,
		ControlSegmentBytes: 4 << 20,
		QuotaBytes:          10 << 30,
		ProofDelay:          50 * time.Millisecond,
		CommitInterval:      2 * time.Millisecond,
	}
}

// withDefaults fills in what is zero and has a default.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.FS == nil {
		c.FS = OS()
	}
	if c.Partitions == 0 {
		c.Partitions = d.Partitions
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = d.SegmentBytes
	}
	if c.ControlSegmentBytes == 0 {
		c.ControlSegmentBytes = d.ControlSegmentBytes
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	return c
}

// Validate returns all that is wrong with the configuration, joined, each
// problem with the name of its field; nil if a journal can be opened with it.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Dir == "" {
		refuse("Dir: a data folder is needed")
	}
	if c.Partitions < 1 || c.Partitions > maxPartitions {
		refuse("Partitions: got %d, want 1 to %d", c.Partitions, maxPartitions)
	}
	if strings.ContainsAny(c.Endpoint, "\r\n") {
		refuse("Endpoint: %q contains a line break", c.Endpoint)
	}
	if c.SegmentBytes < minSegmentBytes || c.SegmentBytes > maxSegmentBytes {
		refuse("SegmentBytes: got %d, want %d to %d", c.SegmentBytes, minSegmentBytes, maxSegmentBytes)
	}
	if c.ControlSegmentBytes < minSegmentBytes || c.ControlSegmentBytes > maxSegmentBytes {
		refuse("ControlSegmentBytes: got %d, want %d to %d",
			c.ControlSegmentBytes, minSegmentBytes, maxSegmentBytes)
	}
	if least := segmentsNeeded * int64(c.Partitions) * c.SegmentBytes; c.QuotaBytes != 0 && c.QuotaBytes < least {
		refuse("QuotaBytes: got %d, want 0 or at least %d: %d segments of %d bytes for each of %d partitions",
			c.QuotaBytes, least, segmentsNeeded, c.SegmentBytes, c.Partitions)
	}
	if c.ProofDelay < 0 {
		refuse("ProofDelay: got %v, want 0 or more", c.ProofDelay)
	}
	if c.CommitInterval < 0 {
		refuse("CommitInterval: got %v, want 0 or more", c.CommitInterval)
	}
	return errors.Join(errs...)
}
