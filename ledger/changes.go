package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// changes is what was read of the control logs and not yet written: the last state of each
// batch alone, however often it has changed meanwhile.
type changes struct {
	rows       []*Row // in the order in which they changed first
	byID       map[[16]byte]*Row
	openings   []opening
	partitions map[int]*progress // those that were read on
	begun      map[int]bool      // partitions that begin again: what was open in them is not known any more
	size       int               // of what was read, bytes
}

// opening says that a partition was taken over.
type opening struct {
	partition int
	events    uint64 // end of the events log then
	opened    int64  // Unix nanoseconds
}

// progress is how far a partition's control log has been read.
type progress struct {
	next  uint64 // offset of the record to be read next
	sum   uint32 // checksum of the one before
	epoch []byte // the incarnation whose Seals count there
	known place  // every batch that has an event here or behind it has a row
}

func newChanges() *changes {
	return &changes{byID: map[[16]byte]*Row{}, partitions: map[int]*progress{}, begun: map[int]bool{}}
}

// empty reports whether there is nothing to write.
func (c *changes) empty() bool { return len(c.partitions) == 0 }

// put takes a row, in place of that of the same batch if that is not further.
func (c *changes) put(r *Row) {
	old := c.byID[r.ID]
	switch {
	case old == nil:
		c.rows = append(c.rows, r)
		c.byID[r.ID] = r
	case r.State > old.State:
		*old = *r
	}
}

// begin lets a partition begin again: of what was read of it and not written, what is open may have
// ended in what was missed.
func (c *changes) begin(partition int) {
	c.begun[partition] = true
	c.rows = slices.DeleteFunc(c.rows, func(r *Row) bool {
		gone := r.Partition == partition && r.State < RowDiscarded
		if gone {
			delete(c.byID, r.ID)
		}
		return gone
	})
}

// apply writes the changes in one transaction.
//
// Commit point: a crash before it has the same records read again, one behind it goes on behind
// them; and only then may they go from the journal.
func (s *store) apply(ctx context.Context, c *changes, digestOf func(tenant, bucket, prefix string) [DigestBytes]byte) error {
	before := s.change
	err := s.inTx(ctx, func(tx *sql.Tx) error { return s.applyIn(ctx, tx, c, digestOf) })
	if err != nil {
		s.change = before
		clear(s.known) // some may be of the transaction that is undone
		return err
	}
	s.facts.learn(c)
	return nil
}

func (s *store) inTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // SQLite may have done so; err says what is wrong
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *store) applyIn(ctx context.Context, tx *sql.Tx, c *changes, digestOf func(tenant, bucket, prefix string) [DigestBytes]byte) error {
	for partition := range c.begun {
		if _, err := tx.ExecContext(ctx, "DELETE FROM batches WHERE partition = ? AND state < ?", partition, RowDiscarded); err != nil {
			return fmt.Errorf("begin partition %d again: %w", partition, err)
		}
	}
	if err := s.writeRows(ctx, tx, c.rows, digestOf); err != nil {
		return err
	}
	for _, o := range c.openings {
		_, err := tx.ExecContext(ctx, "INSERT INTO openings VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET opened = excluded.opened", o.partition, int64(o.events), o.opened)
		if err != nil {
			return fmt.Errorf("write an opening: %w", err)
		}
	}
	for partition, p := range c.partitions {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?, ?)", partition, int64(p.next), p.sum, p.epoch, p.known)
		if err != nil {
			return fmt.Errorf("write the place in partition %d: %w", partition, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE meta SET change = ?", s.change); err != nil {
		return fmt.Errorf("write the last change: %w", err)
	}
	return nil
}

// upsert lets a batch be further than it was, and no less far.
const upsert = `INSERT INTO batches (change, destination, partition, first, last, through, excluded, id, state, key, events, raw_bytes,
  size, etag, first_received, last_received, sealed, ended, attempts, last_error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (destination, first) DO UPDATE SET change = excluded.change, last = excluded.last, through = excluded.through,
  excluded = excluded.excluded, id = excluded.id, state = excluded.state, key = excluded.key, events = excluded.events, raw_bytes = excluded.raw_bytes,
  size = excluded.size, etag = excluded.etag, first_received = excluded.first_received, last_received = excluded.last_received,
  sealed = excluded.sealed, ended = excluded.ended, attempts = excluded.attempts, last_error = excluded.last_error
WHERE excluded.state > batches.state OR batches.state = 3 AND excluded.state = 2`

func (s *store) writeRows(ctx context.Context, tx *sql.Tx, rows []*Row, digestOf func(tenant, bucket, prefix string) [DigestBytes]byte) error {
	if len(rows) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, upsert)
	if err != nil {
		return fmt.Errorf("write batches: %w", err)
	}
	defer insert.Close() // the transaction tells what is wrong
	for _, r := range rows {
		if r.destination, err = s.number(ctx, tx, r, digestOf); err != nil {
			return fmt.Errorf("write a destination: %w", err)
		}
		s.change++
		r.change = s.change
		done, err := insert.ExecContext(ctx, r.change, r.destination, r.Partition, r.first, r.last, r.through, r.excluded, r.ID[:], r.State, r.Key,
			int64(r.Events), int64(r.RawBytes), int64(r.Size), r.ETag, nanos(r.FirstReceived), nanos(r.LastReceived),
			nanos(r.Sealed), nanos(r.Ended), r.Attempts, r.LastError)
		if err != nil {
			return fmt.Errorf("write batch %s: %w", r.Key, err)
		}
		if n, err := done.RowsAffected(); err == nil && n == 0 {
			r.change = 0 // it was known: the log is being read again
		}
	}
	return nil
}

// number is the number of a row's destination, which gets one if it has none.
func (s *store) number(ctx context.Context, tx *sql.Tx, r *Row, digestOf func(tenant, bucket, prefix string) [DigestBytes]byte) (n int64, err error) {
	name := r.Tenant + "\x00" + r.Bucket + "\x00" + r.Prefix // none of the three has such a byte
	if n, ok := s.known[name]; ok {
		return n, nil
	}
	digest := digestOf(r.Tenant, r.Bucket, r.Prefix)
	err = tx.QueryRowContext(ctx, "SELECT destination FROM destinations WHERE digest = ?", digest[:]).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, "INSERT INTO destinations (digest, tenant, bucket, prefix) VALUES (?, ?, ?, ?) RETURNING destination",
			digest[:], r.Tenant, r.Bucket, r.Prefix).Scan(&n)
	}
	if err != nil {
		return 0, err
	}
	if len(s.known) >= knownDestinations {
		clear(s.known)
	}
	s.known[name] = n
	return n, nil
}
