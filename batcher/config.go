package batcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// Config says when batches are closed and how much may be under way. Its zero
// value is not usable; begin with [DefaultConfig].
type Config struct {
	// Window is how long events of a destination are collected before they are
	// written as one object. Default 1m, 1s to 24h.
	Window time.Duration
	// MaxObjectSize closes a batch before its window ends when its compressed
	// bytes reach it. Bytes; default 128 MiB, at least 1 MiB. An object may be
	// larger by what was still being compressed when that was found out, a few
	// chunks at most.
	MaxObjectSize int64
	// MaxRawBytes closes a batch early by the bytes of its raw lines. Default
	// 2 GiB, which keeps the size in the gzip trailer (RFC 1952: modulo 2^32) true.
	MaxRawBytes int64
	// MaxEvents closes a batch early by its number of events. Default 10,000,000.
	MaxEvents int64
	// CompressionLevel is the deflate level, 1 (fastest) to 9 (smallest). Default 2.
	CompressionLevel int
	// Uploads is how many objects may be on their way to S3 at the same time.
	// 1 to 1,024, default 32.
	Uploads int
	// MemoryBytes bounds what open and sealed batches hold in memory, over all
	// shards. Past it a shard closes its largest batches and then stops reading;
	// events are still accepted, into the journal. Default 256 MiB, at least 8 MiB.
	MemoryBytes int64
	// RetryMin and RetryMax bound the jittered pause between two uploads of one
	// batch of which the first has failed. Defaults 1s and 1m.
	RetryMin, RetryMax time.Duration
	// BlockAfter is for how long uploads to a destination may fail, whatever the
	// error, before it is blocked: its bytes leave the memory, and now and then it is
	// found out whether it works again. Default 30s, at least 1s.
	BlockAfter time.Duration
	// ProbeMax bounds the pauses, which grow, between two probes of a blocked
	// destination, but for their jitter: up to a half of it. Default 5m, not below RetryMin.
	ProbeMax time.Duration
	// DestinationQuota is how many bytes of lines a blocked destination may have that are
	// not delivered, parked and dead ones included, before [Batcher.Refusal] wants
	// more to be refused. From half of the journal's quota on it may have less, and when
	// what is known of the events of all of them takes a quarter of the memory.
	// Default 1 GiB, at least 1.
	DestinationQuota int64
	// GiveUpAfter is how long after its first failure the batches of a blocked destination
	// are no longer tried by themselves: they are kept in files until somebody
	// redrives or discards them. The destination itself is still probed, once an hour, and
	// like any other for an hour after a redrive. Default 72h, not below BlockAfter; 0 = never.
	GiveUpAfter time.Duration
	// DedupeSenders is how many senders each shard remembers, to leave out what they
	// send again; past it the one that was used longest ago is forgotten. 0 to
	// 10,000,000, default 100,000; 0 = sequences are not looked at.
	DedupeSenders int
	// SenderRetention is how long a sender is remembered after its last request, by
	// the times of receipt. Default 24h, at least 1s.
	SenderRetention time.Duration
	// DedupeIDs is how many ids of events are remembered, each shard an equal part;
	// past it the oldest is forgotten. 0 to 100,000,000, default 500,000; 0 = ids are
	// not looked at.
	DedupeIDs int
	// DedupeWindow is how long an id is remembered after the first event that had
	// it, by the times of receipt. Default 10m, at least 1s.
	DedupeWindow time.Duration
	// TracedPerBatch is how many sampled events of a batch are kept for the observer, with
	// more of them some of their traces: see [Traced]. Default 0 (none), else at least 200.
	TracedPerBatch int
}

const (
	maxWindow        = 24 * time.Hour
	maxUploads       = 1024
	maxDedupeSenders = 10_000_000
	maxDedupeIDs     = 100_000_000
)

// DefaultConfig is what the service runs with unless it is told otherwise.
func DefaultConfig() Config {
	return Config{
		Window:           time.Minute,
		MaxObjectSize:    128 << 20,
		MaxRawBytes:      2 << 30,
		MaxEvents:        10_000_000,
		CompressionLevel: 2,
		Uploads:          32,
		MemoryBytes:      256 << 20,
		RetryMin:         time.Second,
		RetryMax:         time.Minute,
		BlockAfter:       30 * time.Second,
		ProbeMax:         5 * time.Minute,
		DestinationQuota: 1 << 30,
		GiveUpAfter:      72 * time.Hour,
		DedupeSenders:    100_000,
		SenderRetention:  24 * time.Hour,
		DedupeIDs:        500_000,
		DedupeWindow:     10 * time.Minute,
	}
}

// Validate reports every value that can't be used, by the name of its flag where
// it has one.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Window >= time.Second && c.Window <= maxWindow, "window: %v, must be from 1s to 24h", c.Window)
	check(c.MaxObjectSize >= 1<<20, "max-object-size: %d bytes, must be at least 1 MiB", c.MaxObjectSize)
	check(c.MaxRawBytes > 0 && c.MaxRawBytes < 1<<32, "MaxRawBytes: %d, must be from 1 to 4 GiB - 1", c.MaxRawBytes)
	check(c.MaxEvents > 0, "MaxEvents: %d, must be at least 1", c.MaxEvents)
	check(c.CompressionLevel >= 1 && c.CompressionLevel <= 9, "compression-level: %d, must be from 1 to 9", c.CompressionLevel)
	check(c.Uploads >= 1 && c.Uploads <= maxUploads, "uploads: %d, must be from 1 to %d", c.Uploads, maxUploads)
	check(c.MemoryBytes >= 8<<20, "MemoryBytes: %d, must be at least 8 MiB", c.MemoryBytes)
	check(c.RetryMin > 0 && c.RetryMax >= c.RetryMin, "RetryMin, RetryMax: %v, %v, must be positive and in order", c.RetryMin, c.RetryMax)
	check(c.DedupeSenders >= 0 && c.DedupeSenders <= maxDedupeSenders, "dedupe-senders: %d, must be from 0 to %d", c.DedupeSenders, maxDedupeSenders)
	check(c.SenderRetention >= time.Second, "SenderRetention: %v, must be at least 1s", c.SenderRetention)
	check(c.DedupeIDs >= 0 && c.DedupeIDs <= maxDedupeIDs, "dedupe-ids: %d, must be from 0 to %d", c.DedupeIDs, maxDedupeIDs)
	check(c.DedupeWindow >= time.Second, "dedupe-window: %v, must be at least 1s", c.DedupeWindow)
	check(c.BlockAfter >= time.Second, "block-after: %v, must be at least 1s", c.BlockAfter)
	check(c.ProbeMax >= c.RetryMin, "ProbeMax: %v, must not be below RetryMin (%v)", c.ProbeMax, c.RetryMin)
	check(c.DestinationQuota > 0, "destination-quota: %d, must be at least 1", c.DestinationQuota)
	check(c.GiveUpAfter == 0 || c.GiveUpAfter >= c.BlockAfter, "give-up-after: %v, must be 0 or not below block-after (%v)", c.GiveUpAfter, c.BlockAfter)
	check(c.TracedPerBatch == 0 || c.TracedPerBatch >= 2*maxPerTrace, "TracedPerBatch: %d, must be 0 or at least %d", c.TracedPerBatch, 2*maxPerTrace)
	return errors.Join(errs...)
}

// Uploader writes one object into S3, in the name of the tenant whose it is.
//
// Probe finds out, by a single try and without storing anything, whether objects can
// be stored under a key now. It is called while nothing is uploaded under that key.
//
// Upload returns nil once the object is stored under exactly its key, by this
// call or by an earlier one; the same object may be uploaded again and must then
// succeed without a second copy. Upload retries by itself, within bounded time, what
// a short wait may cure; an error it returns says nothing about whether the
// object was stored. It returns soon after ctx ends. Upload is called from many
// goroutines together, never twice at once for one key.
//
// AbortLeftovers aborts the multipart uploads under a key that nothing is uploaded
// under, and returns how many there were, also with an error.
type Uploader interface {
	Upload(ctx context.Context, o *uploader.Object) (uploader.Result, error)
	Probe(ctx context.Context, tenant, bucket, key string) error
	AbortLeftovers(ctx context.Context, tenant, bucket, key string) (int, error)
}

// DigestBytes is how long the digest is that stands for a destination in receipts.
const DigestBytes = 16

// Gate holds back what somebody else has to read of the control logs before it goes.
type Gate interface {
	// Passed returns the offset of a partition's control log below which nobody needs a
	// record. held is how many bytes of the journal could go now if it were high enough,
	// whatever is returned: the gate gives way when that is too much. It does not
	// block, and is called by each shard, together.
	Passed(partition int, held int64) uint64
}

// Params is what a [Batcher] is made of. Checker, TenantOf, RegionOf, Observer,
// DigestOf and Gate may be left out.
type Params struct {
	Config   Config
	Journal  *journal.Journal
	Uploader Uploader
	// Checker looks at destinations that S3 refuses, so that [Status] can say why; nil = nobody does.
	Checker Checker
	// PartitionOf says in which partition the events of a destination stand. It has
	// to be the function that they were put there by.
	PartitionOf func(tenant, bucket, prefix string) int
	// TenantOf says what a tenant may have, at the moment; nil = all are alike. It is called
	// together and often, and must not wait.
	TenantOf func(name string) Tenant
	// RegionOf says in which region a bucket is, as far as that is known without asking: each
	// region has an endpoint of its own. Empty, or a nil function = one endpoint serves all.
	RegionOf func(bucket string) string
	Log      *slog.Logger
	// Observer is told what becomes of batches; nil: nobody is.
	Observer Observer
	// DigestOf is the digest that stands for a destination in what [Batcher.Spans] is
	// asked; nil = it is not asked.
	DigestOf func(tenant, bucket, prefix string) [DigestBytes]byte
	// Gate holds the release of segments back; nil = nobody does.
	Gate Gate
}
