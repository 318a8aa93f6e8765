package journal_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// took is how long the answer to an append takes by the bubble's clock, in which
// nothing but waiting takes time.
func took(t *testing.T, a *journal.Append) time.Duration {
	t.Helper()
	before := time.Now()
	if _, err := a.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return time.Since(before)
}

func TestCommitIntervalHoldsUpOnlyWhereSeveralAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := journaltest.NewFS()
		cfg := small(fs)
		cfg.SegmentBytes, cfg.ProofDelay, cfg.CommitInterval = 1<<20, time.Hour, 2*time.Millisecond
		l := open(t, cfg).Partition(0).Events()
		for i := range 10 {
			if d := took(t, l.Append(record(uint64(i)))); d != 0 {
				t.Fatalf("append %d of one who appends alone waited %v", i, d)
			}
		}

		entered, release := gate(fs, nil)
		alone := l.Append(record(10))
		<-entered
		together := []*journal.Append{l.Append(record(11)), l.Append(record(12))}
		close(release)
		for _, a := range append(together, alone) {
			if d := took(t, a); d != 0 {
				t.Fatalf("an append behind a commit of one waited %v", d)
			}
		}
		before := fs.Count(journaltest.Sync)
		last := []*journal.Append{l.Append(record(13)), l.Append(record(14)), l.Append(record(15))}
		if d := took(t, last[0]); d != cfg.CommitInterval {
			t.Errorf("an append behind a commit of two waited %v, want %v", d, cfg.CommitInterval)
		}
		for _, a := range last[1:] {
			if d := took(t, a); d != 0 {
				t.Errorf("an append of the same commit waited %v more", d)
			}
		}
		synctest.Wait()
		if got := fs.Count(journaltest.Sync) - before; got != 1 {
			t.Errorf("got %d syncs, want 1", got)
		}
		<-time.After(cfg.CommitInterval)
		if d := took(t, l.Append(record(16))); d != 0 {
			t.Errorf("an append that came later waited %v", d)
		}
	})
}
