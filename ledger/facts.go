package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// facts are what every question about a receipt begins with, kept out of the database: a
// hundred of them a second are to cost next to nothing.
type facts struct {
	mu           sync.RWMutex                        // guards all that follows
	known        map[int]place                       // as in progress, by partition; of what is written
	openings     map[int][]opening                   // by partition, ascending
	destinations map[[DigestBytes]byte]*knownAddress // some of those in the database
	forgotten    int                                 // how often they were let go of
}

// knownAddress is a destination with its number in the database.
type knownAddress struct {
	number                 int64
	tenant, bucket, prefix string
}

// loadFacts reads them out of the database.
func (s *store) loadFacts(ctx context.Context) error {
	f := &s.facts
	f.known, f.openings, f.destinations = map[int]place{}, map[int][]opening{}, map[[DigestBytes]byte]*knownAddress{}
	all, err := s.progress(ctx)
	if err != nil {
		return err
	}
	for partition, p := range all {
		f.known[partition] = p.known
	}
	rows, err := s.write.QueryContext(ctx, "SELECT partition, events, opened FROM openings ORDER BY events")
	if err != nil {
		return fmt.Errorf("read the openings: %w", err)
	}
	defer rows.Close() // Err tells what is wrong
	for rows.Next() {
		var o opening
		if err := rows.Scan(&o.partition, &o.events, &o.opened); err != nil {
			return fmt.Errorf("read the openings: %w", err)
		}
		f.openings[o.partition] = append(f.openings[o.partition], o)
	}
	return rows.Err()
}

// learn takes what was written.
func (f *facts) learn(c *changes) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for partition, p := range c.partitions {
		f.known[partition] = p.known
	}
	for _, o := range c.openings {
		f.openings[o.partition] = append(f.openings[o.partition], o)
	}
}

// forget takes note of up to where something may have been removed, and lets go of the addresses,
// whose numbers may be.
func (f *facts) forget(known map[int]place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for partition, to := range known {
		f.known[partition] = max(f.known[partition], to)
	}
	clear(f.destinations)
	f.forgotten++
}

// of is what is known of a receipt's place: whether nothing of it was forgotten, and when the partition
// was opened last before an event came there; 0 = not known.
func (f *facts) of(partition int, first Place) (complete bool, opened int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	known, ok := f.known[partition]
	for _, o := range slices.Backward(f.openings[partition]) {
		if o.events <= first.Offset {
			opened = o.opened
			break
		}
	}
	return ok && first.packed() >= known, opened
}

// address looks a destination up; nil if the database does not have it.
func (s *store) address(ctx context.Context, digest [DigestBytes]byte) (*knownAddress, error) {
	f := &s.facts
	f.mu.RLock()
	a, forgotten := f.destinations[digest], f.forgotten
	f.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	a = &knownAddress{}
	err := s.read.QueryRowContext(ctx, "SELECT destination, tenant, bucket, prefix FROM destinations WHERE digest = ?", digest[:]).
		Scan(&a.number, &a.tenant, &a.bucket, &a.prefix)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forgotten != forgotten {
		return a, nil // it may have been removed since it was read
	}
	if len(f.destinations) >= knownDestinations {
		clear(f.destinations)
	}
	f.destinations[digest] = a
	return a, nil
}
