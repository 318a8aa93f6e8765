package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// columns are those of a Row, with the destination's.
const columns = `b.change, b.destination, b.partition, b.first, b.last, b.through, b.excluded, b.id, b.state, b.key, b.events, b.raw_bytes,
  b.size, b.etag, b.first_received, b.last_received, b.sealed, b.ended, b.attempts, b.last_error, d.tenant, d.bucket, d.prefix`

// scanner is a row of an answer of the database.
type scanner interface{ Scan(dest ...any) error }

// scan reads a Row that was selected by columns.
func scan(from scanner) (*Row, error) {
	r := new(Row)
	var id []byte
	var first, last, sealed, ended int64
	err := from.Scan(&r.change, &r.destination, &r.Partition, &r.first, &r.last, &r.through, &r.excluded, &id, &r.State, &r.Key, &r.Events, &r.RawBytes,
		&r.Size, &r.ETag, &first, &last, &sealed, &ended, &r.Attempts, &r.LastError, &r.Tenant, &r.Bucket, &r.Prefix)
	if err != nil {
		return nil, err
	}
	copy(r.ID[:], id)
	r.FirstReceived, r.LastReceived, r.Sealed, r.Ended = timeAt(first), timeAt(last), timeAt(sealed), timeAt(ended)
	return r, nil
}

// rows calls visit with each row that a query finds, until it returns false.
func (s *store) rows(ctx context.Context, visit func(*Row) bool, query string, args ...any) error {
	found, err := s.read.QueryContext(ctx, "SELECT "+columns+" FROM batches b "+query, args...)
	return eachRow(found, err, visit)
}

// eachRow calls visit with each row of an answer, until it returns false.
func eachRow(found *sql.Rows, err error, visit func(*Row) bool) error {
	if err != nil {
		return err
	}
	defer found.Close() // Err tells what is wrong
	for found.Next() {
		r, err := scan(found)
		if err != nil {
			return err
		}
		if !visit(r) {
			return nil
		}
	}
	return found.Err()
}

// open is the row of a batch that is not delivered; nil if there is none.
func (s *store) open(ctx context.Context, id []byte) (found *Row, err error) {
	err = s.rows(ctx, func(r *Row) bool { found = r; return false },
		"JOIN destinations d USING (destination) WHERE b.id = ? AND b.state < 5", id)
	if err != nil {
		return nil, fmt.Errorf("look for a batch: %w", err)
	}
	return found, nil
}

// progress is how far every partition has been read.
func (s *store) progress(ctx context.Context) (map[int]*progress, error) {
	rows, err := s.write.QueryContext(ctx, "SELECT partition, next, sum, epoch, known FROM partitions")
	if err != nil {
		return nil, fmt.Errorf("read the places: %w", err)
	}
	defer rows.Close() // Err tells what is wrong
	found := map[int]*progress{}
	for rows.Next() {
		var partition int
		p := new(progress)
		if err := rows.Scan(&partition, &p.next, &p.sum, &p.epoch, &p.known); err != nil {
			return nil, fmt.Errorf("read the places: %w", err)
		}
		found[partition] = p
	}
	return found, rows.Err()
}

// using lets do read the database, which is not exchanged meanwhile.
func (l *Ledger) using(ctx context.Context, what string, do func(s *store) error) error {
	l.use.RLock()
	defer l.use.RUnlock()
	if l.store == nil {
		return fmt.Errorf("%w: it has no database now", ErrFailed)
	}
	err := do(l.store)
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err())
	}
	if isDamage(err) {
		l.suspect.Store(true)
		poke(l.kick)
	}
	if errors.Is(err, ErrFailed) || errors.Is(err, ErrCursorInvalid) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrFailed, what, err)
}

// found is what the database has of a span.
type found struct {
	known                  bool // the destination
	destination            int64
	tenant, bucket, prefix string

	opened   int64 // when the partition was taken over last before the first event came; 0 = not known
	rows     []*Row
	omitted  uint64 // rows that are delivered, beyond those in rows
	open     uint64 // the same that are not
	dead     bool   // one was discarded
	leftOut  bool   // one of rows leaves out some of the span: duplicates, or events that were set aside
	decided  bool   // every event of the span is in one of the rows, or a duplicate, or its row was forgotten
	complete bool   // no row was forgotten
}

// look reads what the database has of a span: at most so many rows, and the number of the others.
func (s *store) look(ctx context.Context, partition int, of *Span, most int) (f found, err error) {
	// Each is a few pages; what can be interrupted costs a goroutine.
	ctx = context.WithoutCancel(ctx)
	f.complete, f.opened = s.facts.of(partition, of.First)
	a, err := s.address(ctx, of.Digest)
	if err != nil || a == nil {
		return f, err
	}
	f.known, f.destination, f.tenant, f.bucket, f.prefix = true, a.number, a.tenant, a.bucket, a.prefix
	return f, s.lookAt(ctx, &f, [2]place{of.First.packed(), of.Last.packed()}, most)
}

// lookAt reads the rows of a span: batches of one destination lie one behind the other, but for
// events that were set aside, which lie within others and decide nothing: they have no through.
func (s *store) lookAt(ctx context.Context, f *found, of [2]place, most int) error {
	first, last := of[0], of[1]
	from := first
	err := s.before.QueryRowContext(ctx, f.destination, first).Scan(&from)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var wrong error
	rows, err := s.from.QueryContext(ctx, f.destination, from)
	err = eachRow(rows, err, func(r *Row) bool {
		if r.first > last {
			f.decided = f.decided || r.through > 0 // a later batch was begun when all of these had been sealed
			return !f.decided
		}
		f.decided = f.decided || r.through > last
		holds, leftOut, err := r.holds(first, last)
		if err != nil {
			wrong = err
			return false
		}
		f.leftOut = f.leftOut || leftOut
		f.dead = f.dead || holds && r.State == RowDiscarded
		switch {
		case !holds:
		case len(f.rows) < most:
			r.Tenant, r.Bucket, r.Prefix = f.tenant, f.bucket, f.prefix
			f.rows = append(f.rows, r)
		case r.State == RowDelivered:
			f.omitted++
		case r.State != RowDiscarded:
			f.open++
		}
		return true
	})
	return errors.Join(err, wrong)
}

// covered reports whether one batch that has ended holds the whole span. What it leaves out may
// have been set aside, of which there may be no row any more.
func (f *found) covered(of *Span) bool {
	return len(f.rows) == 1 && !f.leftOut && f.rows[0].State >= RowDiscarded && f.rows[0].first <= of.First.packed() && of.Last.packed() <= f.rows[0].last
}

// final reports whether nothing that could be asked of anybody would change the answer.
func (f *found) final(of *Span) bool {
	if len(f.rows) == 0 && f.omitted == 0 && !f.dead || f.open > 0 {
		return false
	}
	for _, r := range f.rows {
		if r.State < RowDiscarded {
			return false
		}
	}
	return f.covered(of) || f.complete && f.decided
}
