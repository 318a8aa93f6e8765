package journal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Journal is an open data folder. All methods may be called together.
type Journal struct {
	cfg        Config       // immutable
	fs         FS           // immutable
	log        *slog.Logger // immutable
	id         [16]byte     // immutable once open
	partitions []*Partition // immutable once open
	lock       io.Closer    // given up by Close

	used    atomic.Int64 // bytes of event segments and spools, and of those being made
	closing atomic.Bool
	close   func() error // the first Close; later ones get its result

	failed   chan struct{} // closed once err is set
	failOnce sync.Once
	err      error // written before failed is closed
}

// Open opens the data folder, makes it if there is none, and recovers every
// partition, before it returns. Damage to one partition does not fail it: see
// [Partition.Err]. [ErrLocked], a *[MismatchError], a damaged or missing
// identity and any error of the disk do, and a folder that is of another user or that
// others can write to; then nothing runs and nothing is held.
func Open(cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	j := &Journal{cfg: cfg, fs: cfg.FS, log: cfg.Log, failed: make(chan struct{})}
	j.close = sync.OnceValue(j.shut)
	if err := j.fs.MkdirAll(cfg.Dir); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if err := j.guard(); err != nil {
		return nil, err
	}
	lock, err := j.fs.Lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", cfg.Dir, err)
	}
	j.lock = lock
	if err := j.recover(); err != nil {
		j.abandon()
		return nil, errors.Join(fmt.Errorf("open data folder %s: %w", cfg.Dir, err), lock.Close())
	}
	for _, p := range j.partitions {
		p.events.start()
		p.control.start()
	}
	return j, nil
}

// guard keeps others out of the data folder, or refuses it.
func (j *Journal) guard() error {
	narrowed, err := j.fs.Guard(j.cfg.Dir)
	if err != nil {
		return fmt.Errorf("open data folder: %w", err)
	}
	if narrowed > 0 {
		j.log.Warn("others could read what is in the data folder; they can't any more", "data", j.cfg.Dir, "narrowed", narrowed)
	}
	return nil
}

// recover finds out whose folder it is and brings each partition to order.
func (j *Journal) recover() error {
	if err := j.identify(); err != nil {
		return err
	}
	for i := range j.cfg.Partitions {
		p := newPartition(j, i)
		j.partitions = append(j.partitions, p)
		if err := p.recover(); err != nil {
			return fmt.Errorf("recover partition %d: %w", i, err)
		}
	}
	return j.Err()
}

// abandon gives up the files of an Open that has failed.
func (j *Journal) abandon() {
	for _, p := range j.partitions {
		for _, l := range []*Log{p.events, p.control} {
			if l.w != nil {
				l.w.file.Close()
			}
		}
		if f := p.mu.start.file; f != nil {
			f.Close()
		}
	}
}

// ID returns the random id that was made with the data folder.
func (j *Journal) ID() [16]byte { return j.id }

// Dir returns the data folder.
func (j *Journal) Dir() string { return j.cfg.Dir }

// Partitions returns their number.
func (j *Journal) Partitions() int { return len(j.partitions) }

// Partition returns a partition by its number, from 0.
func (j *Journal) Partition(i int) *Partition { return j.partitions[i] }

// Failed is closed at the first error that is final for the journal.
func (j *Journal) Failed() <-chan struct{} { return j.failed }

// Err returns the error that is final for the journal, which wraps [ErrBroken],
// or nil. Records up to the commit points stay readable after it; nothing can
// be appended or released. Only a new Open decides what else is in the logs.
func (j *Journal) Err() error {
	select {
	case <-j.failed:
		return j.err
	default:
		return nil
	}
}

// CheckFolder breaks the journal if its files were removed while it is open: what is
// appended then would be acknowledged, and gone with the process. It looks for the
// identity and for one file of each partition, so call it now and then. Another folder in
// the place of the removed one is not noticed.
func (j *Journal) CheckFolder() {
	names := []string{filepath.Join(j.cfg.Dir, identityName)}
	for _, p := range j.partitions {
		if p.Err() == nil { // else it may be what has closed the partition
			names = append(names, filepath.Join(p.dir, startName))
		}
	}
	for _, name := range names {
		f, err := j.fs.Open(name)
		if err == nil {
			f.Close() // only looked for: nothing to lose
		}
		if isAbsent(err) {
			j.fail(fmt.Errorf("the data folder was removed while it is in use: %w", err))
		}
	}
}

// fail makes an error final, and returns the one that was first.
func (j *Journal) fail(err error) error {
	j.failOnce.Do(func() {
		j.err = fmt.Errorf("%w: %w", ErrBroken, err)
		j.log.Error("journal broken", slog.Any("error", err))
		close(j.failed)
	})
	return j.err
}

// Close commits what was appended before it, answers every append, writes the
// proofs of the last syncs, joins all goroutines and unlocks the folder. It
// returns the journal's final error if it has one. Further calls wait for the
// first and return the same.
func (j *Journal) Close() error { return j.close() }

func (j *Journal) shut() error {
	j.closing.Store(true)
	for _, p := range j.partitions {
		p.close()
	}
	if err := j.lock.Close(); err != nil {
		return errors.Join(j.Err(), fmt.Errorf("unlock data folder: %w", err))
	}
	return j.Err()
}

// Used returns the bytes that the quota counts: of the event segments and the spools
// of all partitions, at the size that they have on the disk.
func (j *Journal) Used() int64 { return j.used.Load() }

// Quota returns the bound of Used, in bytes; 0 = none. A quota that was lowered may
// be exceeded by what was there before.
func (j *Journal) Quota() int64 { return j.cfg.QuotaBytes }

// reserve takes n bytes out of the quota, by force also those that it does not have.
func (j *Journal) reserve(n int64, force bool) error {
	if used := j.used.Add(n); !force && j.cfg.QuotaBytes > 0 && used > j.cfg.QuotaBytes {
		j.used.Add(-n)
		return full(&QuotaError{Need: n, Used: used - n, Quota: j.cfg.QuotaBytes})
	}
	return nil
}

// removeSegment takes away the file of a segment that no log has any more.
func (j *Journal) removeSegment(seg *segment) error {
	if err := j.fs.Remove(seg.name); err != nil {
		return fmt.Errorf("remove segment: %w", err)
	}
	if seg.header.Kind == EventsLog {
		j.used.Add(-seg.size)
	}
	return nil
}
