package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// forgetAtOnce is how many rows are forgotten in a transaction, and forgetTimes how many of
	// those follow each other before what was read is written again.
	forgetAtOnce = 2000
	forgetTimes  = 50
	// vacuumPages is how many free pages a file that is too large gives back at once.
	vacuumPages = 4096
	// tidyEvery is how often destinations that have no batch are forgotten.
	tidyEvery = time.Hour
)

// tend forgets what has been kept for long enough or has no room. An error is logged: it is tried
// again.
func (l *Ledger) tend(ctx context.Context) {
	if l.store == nil {
		return
	}
	err := l.forget(ctx)
	l.begins(true)
	if err == nil {
		err = l.store.shrink(ctx, l.config.SizeBytes)
	}
	if err == nil && time.Since(l.tidied) > tidyEvery {
		l.begins(true)
		l.tidied = time.Now()
		err = l.store.tidy(ctx, time.Now().Add(-l.config.Retention))
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	l.log.Warn("what the ledger has kept for long enough could not be removed; it is tried again", "error", err)
	if isDamage(err) {
		l.suspect.Store(true)
	}
}

// forget removes the oldest deliveries.
func (l *Ledger) forget(ctx context.Context) error {
	for range forgetTimes {
		l.begins(true)
		used, _, err := l.store.pages(ctx)
		if err != nil {
			return err
		}
		cutoff := time.Now().Add(-l.config.Retention).UnixNano()
		if used*pageBytes > l.config.SizeBytes/16*15 {
			cutoff = math.MaxInt64 // the oldest go, however old they are, and whatever a clock said then
		}
		n, known, err := l.store.forget(ctx, cutoff)
		if err != nil {
			return fmt.Errorf("forget deliveries: %w", err)
		}
		l.store.facts.forget(known)
		for partition, to := range known {
			f := l.followers[partition]
			f.known = max(f.known, to)
			if p := l.pending.partitions[partition]; p != nil {
				p.known = max(p.known, to)
			}
		}
		l.counts.forgotten.Add(uint64(n))
		if n < forgetAtOnce {
			return nil
		}
	}
	return nil
}

// pages is how many pages are used, and how many are free.
func (s *store) pages(ctx context.Context) (used, free int64, err error) {
	if err = s.write.QueryRowContext(ctx, "PRAGMA page_count").Scan(&used); err == nil {
		err = s.write.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("count pages: %w", err)
	}
	return used - free, free, nil
}

// forget removes the oldest deliveries that were made before cutoff, but not many at once. It
// returns how many, and by partition up to where it may have removed something.
func (s *store) forget(ctx context.Context, cutoff int64) (n int, known map[int]place, err error) {
	known = map[int]place{}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		var upTo int64
		n, upTo, err = oldest(ctx, tx, cutoff, known)
		if err != nil || n == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM batches WHERE change <= ? AND state = ?", upTo, RowDelivered); err != nil {
			return err
		}
		for partition, to := range known {
			if _, err := tx.ExecContext(ctx, "UPDATE partitions SET known = max(known, ?) WHERE partition = ?", to, partition); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE meta SET forgotten = max(forgotten, ?)", upTo)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return n, known, nil
}

// oldest looks for the oldest deliveries.
func oldest(ctx context.Context, tx *sql.Tx, cutoff int64, known map[int]place) (n int, upTo int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT change, partition, last, ended FROM batches WHERE state = ? ORDER BY change LIMIT ?", RowDelivered, forgetAtOnce)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close() // Err tells what is wrong
	for rows.Next() {
		var change, ended int64
		var partition int
		var last place
		if err := rows.Scan(&change, &partition, &last, &ended); err != nil {
			return 0, 0, err
		}
		if ended >= cutoff {
			break
		}
		n, upTo = n+1, change
		known[partition] = max(known[partition], last+1)
	}
	return n, upTo, rows.Err()
}

// shrink lets a file that is larger than it may be give free pages back.
func (s *store) shrink(ctx context.Context, most int64) error {
	used, free, err := s.pages(ctx)
	if err != nil || free == 0 || (used+free)*pageBytes <= most/16*15 {
		return err
	}
	rows, err := s.write.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
	if err != nil {
		return fmt.Errorf("give free pages back: %w", err)
	}
	for rows.Next() { // each step gives one back
	}
	return errors.Join(rows.Err(), rows.Close())
}

// tidy forgets destinations that have no batch, and who took partitions over long ago.
func (s *store) tidy(ctx context.Context, before time.Time) error {
	clear(s.known)
	defer s.facts.forget(nil)
	_, err := s.write.ExecContext(ctx, "DELETE FROM destinations WHERE NOT EXISTS (SELECT 1 FROM batches b WHERE b.destination = destinations.destination)")
	if err == nil {
		_, err = s.write.ExecContext(ctx, "DELETE FROM openings WHERE opened < ?", before.UnixNano())
	}
	if err != nil {
		return fmt.Errorf("forget destinations: %w", err)
	}
	return nil
}
