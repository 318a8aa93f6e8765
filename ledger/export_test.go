package ledger

import "context"

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

// Tend has the recorder do now what it does now and then, between two of its steps.
func (l *Ledger) Tend() { l.tendNow <- struct{}{} }

// WatcherRows is how many rows may wait for a watcher.
const WatcherRows = watcherRows
