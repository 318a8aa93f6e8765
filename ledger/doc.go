// Package ledger knows what was delivered, when and where: one row a batch, never one
// an event, in an SQLite database beside the journal.
//
// # How it is filled
//
// One goroutine, the recorder, reads the control log of every partition with readers of its own,
// up to the commit point, and writes what it has read together with the place up to which it has
// read in one transaction. So a crash at any moment leaves rows and places that belong to each
// other, and what is read again is what was not written. It obeys the rules of the log: a
// Seal, Parked, Dead, Redriven or Discarded counts if the last Opened before it is its
// writer's; a Delivered is true whoever wrote it, and repeats all that its Seal said.
//
// Nothing waits for the ledger: shards append to their control logs as if it were not there. Only
// the release of segments asks for [Ledger.Passed], without waiting either. A ledger that can't be
// written, by an error or because its disk has not answered for a minute, holds segments until
// those are a tenth of the journal's quota, or for some seconds while the disk is full; then it is left behind, which is logged and counted, and what it has missed is
// answered with [Delivery.DetailsExpired].
//
// # What it is worth
//
// The ledger is never needed to deliver anything, nor to tell what is undelivered: that the shards
// know. A file that is missing, damaged or of another journal is set aside, and the ledger begins
// again where the journal begins. From the place on that it knows all of, which each partition's
// row says, what it does not have does not exist; below, it may have been forgotten.
package ledger
