package ledger

import "testing"

// What is read while the ledger can't be written may be overtaken: the journal releases it, and a
// batch that was open then has its end in what is gone. It must not stay open for ever.
func TestWhatWasOpenIsForgottenWhereAPartitionBeginsAgain(t *testing.T) {
	c := newChanges()
	for i, r := range []*Row{{State: RowSealed}, {State: RowDead}, {State: RowDelivered}, {State: RowSealed, Partition: 1}} {
		r.ID[0] = byte(i)
		c.put(r)
	}
	c.begin(0)
	if len(c.rows) != 2 || c.rows[0].State != RowDelivered || c.rows[1].Partition != 1 || len(c.byID) != 2 || !c.begun[0] || c.begun[1] {
		t.Errorf("got %d rows, %v, begun %v", len(c.rows), c.byID, c.begun)
	}
	c.put(&Row{State: RowSealed}) // it is read again
	if len(c.rows) != 3 {
		t.Error("what is read again is not written")
	}
}
