package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/open-destinations/destinations/journal"
)

// DigestBytes is how long the digest is that stands for a destination in receipts.
const DigestBytes = 16

// FileName is the database's file in the data folder. SQLite keeps two more beside it, with
// "-wal" and "-shm" behind the name.
const FileName = "ledger.db"

// Config says what is kept. Begin with [DefaultConfig].
type Config struct {
	// Retention is how long a delivery is kept after it was made. Default 7 days (168h), at
	// least 1m. What is undelivered is kept for as long as it is so, and so is
	// what somebody has discarded.
	Retention time.Duration
	// SizeBytes bounds the database's file. Past it the oldest deliveries go first. Bytes;
	// default 2 GiB, at least 16 MiB. SQLite's log of what was just written comes on top: 4 MiB or so.
	SizeBytes int64
	// HeldBytes is how many bytes of the journal a ledger that can't be written may keep from
	// being released before it is left behind. Default 1 GiB, above 0.
	HeldBytes int64
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Retention: 7 * 24 * time.Hour, SizeBytes: 2 << 30, HeldBytes: 1 << 30}
}

// Validate returns everything that is wrong, one problem a line.
func (c Config) Validate() error {
	var errs []error
	if c.Retention < time.Minute {
		errs = append(errs, fmt.Errorf("ledger-retention: %v, must be at least 1m", c.Retention))
	}
	if c.SizeBytes < 16<<20 {
		errs = append(errs, fmt.Errorf("ledger-size: %d bytes, must be at least 16 MiB", c.SizeBytes))
	}
	if c.HeldBytes <= 0 {
		errs = append(errs, fmt.Errorf("HeldBytes: %d, must be above 0", c.HeldBytes))
	}
	return errors.Join(errs...)
}

// Params is what a [Ledger] is made of. All fields are required.
type Params struct {
	Config  Config
	Dir     string // the data folder
	Journal *journal.Journal
	// DigestOf is the digest of a destination in receipts.
	DigestOf func(tenant, bucket, prefix string) [DigestBytes]byte
	// Incarnation is whose Seals count where the control log of a partition begins; nil if
	// that is not known: then those of whoever wrote its first record.
	Incarnation func(part *journal.Partition) ([]byte, error)
	Log         *slog.Logger
}

// Shards knows what is not delivered.
type Shards interface {
	// Undelivered says what of some spans of one partition is undelivered, and how far the control log had
	// been read then. It is bounded in what it costs the partition's shard, however many call together.
	// An error is ctx's, a *[journal.CorruptError] if the partition is closed, or
	// [journal.ErrClosed].
	Undelivered(ctx context.Context, partition int, spans []Span) ([]Undelivered, uint64, error)

	// Destination says how a destination is. Errors are the same.
	Destination(ctx context.Context, tenant, bucket, prefix string) (Health, error)
}
