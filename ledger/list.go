package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"
)

// Filter says which batches are meant.
type Filter struct {
	Tenant, Bucket string     // empty = every one
	Prefix         *string    // nil = every prefix
	Since, Until   time.Time  // by the time of sealing, the latter excluded; zero = no bound
	States         []RowState // none = all

	// Admits says whether somebody may see what is of a destination; nil = everything. It is no
	// part of what a cursor is given for.
	Admits func(tenant, bucket, prefix string) bool
}

// admits reports whether a row is meant.
func (f *Filter) admits(r *Row) bool {
	return (f.Tenant == "" || r.Tenant == f.Tenant) && (f.Bucket == "" || r.Bucket == f.Bucket) && (f.Prefix == nil || r.Prefix == *f.Prefix) &&
		(f.Since.IsZero() || !r.Sealed.Before(f.Since)) && (f.Until.IsZero() || r.Sealed.Before(f.Until)) &&
		(len(f.States) == 0 || slices.Contains(f.States, r.State)) && (f.Admits == nil || f.Admits(r.Tenant, r.Bucket, r.Prefix))
}

// sum stands for the filter in cursors.
func (f *Filter) sum() uint64 {
	h := fnv.New64a()
	prefix := "every"
	if f.Prefix != nil {
		prefix = "=" + *f.Prefix
	}
	fmt.Fprintf(h, "%q %q %q %d %d %v", f.Tenant, f.Bucket, prefix, nanos(f.Since), nanos(f.Until), f.States) // never fails
	return h.Sum64()
}

// ErrCursorInvalid says that a cursor or page token was not given for what it is used for, or is
// of what the ledger does not have any more.
var ErrCursorInvalid = errors.New("it is not one that was given for the same filter")

// cursor is a place in the database that somebody goes on from.
type cursor struct {
	ledger [8]byte // which database
	filter uint64
	change int64
	sealed int64 // of a list: the last row's
	first  place // the same
}

const cursorBytes = 8 + 8 + 3*8

func (c *cursor) encode() string {
	b := append(make([]byte, 0, cursorBytes), c.ledger[:]...)
	b = binary.BigEndian.AppendUint64(b, c.filter)
	for _, n := range [...]int64{c.change, c.sealed, int64(c.first)} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads a cursor that this database has given for a filter.
func (s *store) decodeCursor(text string, of *Filter) (cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != cursorBytes {
		return cursor{}, ErrCursorInvalid
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }
	c := cursor{ledger: [8]byte(b), filter: at(8), change: int64(at(16)), sealed: int64(at(24)), first: place(at(32))}
	switch {
	case c.ledger != s.id:
		return cursor{}, fmt.Errorf("%w: the ledger was begun anew since", ErrCursorInvalid)
	case c.filter != of.sum():
		return cursor{}, ErrCursorInvalid
	}
	return c, nil
}

// scanAtOnce is how many rows are looked at for a page: of a rare bucket a page may have few.
const scanAtOnce = 20_000

// List lists batches, the newest first, at most limit. Where next is not empty there may be more; a page can
// have few rows and not be the last.
func (l *Ledger) List(ctx context.Context, of Filter, limit int, after string) (rows []*Row, next string, err error) {
	err = l.using(ctx, "list deliveries", func(s *store) error {
		at := cursor{ledger: s.id, filter: of.sum(), change: math.MaxInt64, sealed: math.MaxInt64, first: math.MaxInt64}
		if after != "" {
			if at, err = s.decodeCursor(after, &of); err != nil {
				return err
			}
		}
		if !of.Until.IsZero() {
			at.sealed = min(at.sealed, of.Until.UnixNano())
		}
		scanned, more := 0, false
		visit := func(r *Row) bool {
			if !of.Since.IsZero() && r.Sealed.Before(of.Since) {
				return false // as are all that follow
			}
			if len(rows) == limit || scanned == scanAtOnce {
				more = true
				return false
			}
			scanned++
			at.change, at.sealed, at.first = r.change, r.Sealed.UnixNano(), r.first
			if of.admits(r) {
				rows = append(rows, r)
			}
			return true
		}
		if err := s.list(ctx, &of, l.params.DigestOf, at, visit); err != nil {
			return err
		}
		if more {
			next = at.encode()
		}
		return nil
	})
	return rows, next, err
}

// list visits rows from a cursor on: of one destination by their events, else by the time
// at which they were sealed, which is the same order.
func (s *store) list(ctx context.Context, of *Filter, digestOf func(tenant, bucket, prefix string) [DigestBytes]byte, at cursor, visit func(*Row) bool) error {
	if of.Tenant != "" && of.Bucket != "" && of.Prefix != nil {
		digest := digestOf(of.Tenant, of.Bucket, *of.Prefix)
		var destination int64
		err := s.read.QueryRowContext(ctx, "SELECT destination FROM destinations WHERE digest = ?", digest[:]).Scan(&destination)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.rows(ctx, visit, "JOIN destinations d USING (destination) WHERE b.destination = ? AND b.first < ? ORDER BY b.first DESC", destination, at.first)
	}
	index, only := "batches_sealed", ""
	if len(of.States) > 0 && !slices.Contains(of.States, RowDelivered) {
		index, only = "batches_open_sealed", "b.state < 5 AND "
	}
	return s.rows(ctx, visit, "INDEXED BY "+index+" JOIN destinations d USING (destination) WHERE "+only+
		"b.sealed <= ? AND (b.sealed < ? OR b.change < ?) ORDER BY b.sealed DESC, b.change DESC", at.sealed, at.sealed, at.change)
}

// LastDelivered is when the last object of a destination was delivered; zero if that is not known.
func (l *Ledger) LastDelivered(ctx context.Context, tenant, bucket, prefix string) (at time.Time, err error) {
	err = l.using(ctx, "look for the last delivery", func(s *store) error {
		visit := func(r *Row) bool {
			at = r.Ended
			return false
		}
		digest := l.params.DigestOf(tenant, bucket, prefix)
		return s.rows(ctx, visit, "JOIN destinations d USING (destination) WHERE d.digest = ? AND b.state = 5 ORDER BY b.first DESC LIMIT 1", digest[:])
	})
	return at, err
}
