package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// world knows what the logs of partition 0 must hold, over any number of lives
// of the journal.
type world struct {
	logs  [2]expected // events, control
	start journal.Start
	asked journal.Start // the highest start that a Release was called with
	side  [2]besides    // small files, spools
}

// expected is what a log must hold.
type expected struct {
	number int               // of the last record that was appended
	known  map[uint64]string // records that were acknowledged, or read after a recovery
}

func newWorld() *world {
	w := &world{}
	for i := range w.logs {
		w.logs[i].known = map[uint64]string{}
		w.side[i].may = map[string][]string{}
	}
	return w
}

func (w *world) clone() *world {
	c := *w
	for i := range c.logs {
		c.logs[i].known = maps.Clone(w.logs[i].known)
		c.side[i].may = maps.Clone(w.side[i].may)
	}
	return &c
}

// payload is the n-th record that was ever appended to a log: 7 to 700 bytes.
func payload(n int) []byte {
	return fmt.Appendf(nil, "%06d|%s", n, strings.Repeat("x", n*n*53%693))
}

// life opens the journal, checks it, appends, releases and closes it. It
// returns the first error, having answered for everything up to there.
func (w *world) life(t *testing.T, cfg journal.Config) error {
	t.Helper()
	return w.lifeUntil(t, cfg, func(*journal.Journal) {})
}

// lifeUntil is life with something to look at before the journal is closed.
func (w *world) lifeUntil(t *testing.T, cfg journal.Config, end func(*journal.Journal)) error {
	t.Helper()
	j, err := journal.Open(cfg)
	if err != nil {
		return err
	}
	err = w.work(t, j.Partition(0))
	end(j)
	return errors.Join(err, j.Close())
}

func (w *world) work(t *testing.T, p *journal.Partition) error {
	t.Helper()
	if err := w.check(t, p); err != nil {
		return err
	}
	w.settle()
	for round := range 3 {
		err := w.append(p, 4)
		if round == 1 {
			err = errors.Join(err, w.writeBesides(t, p))
		}
		if err != nil {
			return err
		}
		if round != 1 {
			continue
		}
		s := journal.Start{Events: p.Events().Committed() - 3, Control: p.Control().Committed() - 3}
		w.asked = s
		if err := p.Release(s); err != nil {
			return err
		}
		w.start = s
	}
	return w.check(t, p)
}

// settle notes that what stands beside the logs after an Open stays.
func (w *world) settle() {
	for i := range w.side {
		w.side[i].settle()
	}
}

// append has n appends under way in each log at a time, and notes which were
// acknowledged.
func (w *world) append(p *journal.Partition, n int) error {
	var errs []error
	for i, l := range []*journal.Log{p.Events(), p.Control()} {
		e := &w.logs[i]
		var under []*journal.Append
		first := e.number + 1
		for range n {
			e.number++
			under = append(under, l.Append(payload(e.number)))
		}
		for k, a := range under {
			offset, err := a.Wait(context.Background())
			if err == nil {
				e.known[offset] = string(payload(first + k))
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// check reads both logs: every record that is known must be at its offset, all
// must have been appended, in that order. What was read is known from then on.
// It returns errors of the disk, and fails the test for everything else.
func (w *world) check(t *testing.T, p *journal.Partition) error {
	t.Helper()
	if err := p.Err(); err != nil {
		return err
	}
	s := p.Start()
	if s.Events < w.start.Events || s.Events > w.asked.Events ||
		s.Control < w.start.Control || s.Control > w.asked.Control {
		t.Fatalf("start %+v, want from %+v to %+v", s, w.start, w.asked)
	}
	for i, l := range []*journal.Log{p.Events(), p.Control()} {
		start := []uint64{s.Events, s.Control}[i]
		if err := w.logs[i].check(t, l, start); err != nil {
			return err
		}
	}
	return w.checkBesides(t, p)
}

func (e *expected) check(t *testing.T, l *journal.Log, start uint64) error {
	t.Helper()
	r, err := l.NewReader(start)
	if err != nil {
		return err
	}
	defer r.Close()
	last := 0
	for {
		rec, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(rec[:6]))
		if n <= last || n > e.number || string(rec) != string(payload(n)) {
			t.Fatalf("offset %d holds %q, after record %d of %d", offset, rec, last, e.number)
		}
		if want, ok := e.known[offset]; ok && want != string(rec) {
			t.Fatalf("offset %d holds %q, want %q", offset, rec, want)
		}
		last, e.known[offset] = n, string(rec)
	}
	if len(e.known) > 0 {
		if highest := slices.Max(slices.Collect(maps.Keys(e.known))); highest >= r.Offset() {
			t.Fatalf("log ends at %d, and offset %d was acknowledged", r.Offset(), highest)
		}
	}
	return nil
}

// revive opens what a crash has left, which must work, and lives twice on it.
func (w *world) revive(t *testing.T, cfg journal.Config, fs *journaltest.FS) {
	t.Helper()
	cfg.FS = fs
	for range 2 {
		if err := w.life(t, cfg); err != nil {
			t.Fatalf("life after the crash: %v", err)
		}
	}
}
