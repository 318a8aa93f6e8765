package ledger

import (
	"context"
	"time"
)

// RefusesMore lets the database have no more pages than it has, as on a disk that is full; false
// takes that back.
func (l *Ledger) RefusesMore(t interface{ Fatal(...any) }, refuses bool) {
	l.use.Lock()
	defer l.use.Unlock()
	most := "1073741823"
	if refuses {
		most = "1" // it becomes what there is
	}
	if _, err := l.store.write.ExecContext(context.Background(), "PRAGMA max_page_count = "+most); err != nil {
		t.Fatal(err)
	}
}

// Hangs lets the recorder's next step not end before goOn is called, as on a disk that does not
// answer; hung says that it is there.
func (l *Ledger) Hangs() (hung func() bool, goOn func()) {
	l.use.RLock() // like somebody whose question hangs
	l.suspect.Store(true)
	poke(l.kick)
	return func() bool { return !l.suspect.Load() }, l.use.RUnlock
}

// Ages lets what the recorder is at have begun earlier.
func (l *Ledger) Ages(by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.working = l.mu.working.Add(-by)
}

// Tend has the recorder do now what it does now and then, between two of its steps.
func (l *Ledger) Tend() { l.tendNow <- struct{}{} }

// WatcherRows is how many rows may wait for a watcher.
const WatcherRows = watcherRows
