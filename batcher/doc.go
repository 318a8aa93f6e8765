// Package batcher turns the journal into objects: it reads the events of each
// partition, collects them by destination, decides which of them become one
// object, and has it uploaded.
//
// Each partition has one shard, a goroutine that owns everything that is known of
// the partition and shares nothing but messages. A shard is a fold over two logs:
// its state follows from what it has read, and a restart reads again.
//
//	events log   -> open batches -> (window, size, memory, flush) -> Seal decided
//	control log  -> Seal read back -> upload -> Delivered decided -> read back -> gone
//
// What a shard decides it appends to the control log, and lets it take effect when
// it reads it there. These rules make an event appear in exactly one object; the
// numbers are those of the invariants in ARCHITECTURE.md:
//
//	5  What has been decided is read before anything is decided: a shard appends
//	   Opened and reads the control log up to it before it does anything else.
//	6  A Seal counts where it is read back, if its writer's Opened is the last one
//	   before it. Nothing goes to S3 before that.
//	7  An event at a position below `through` of a Seal that counts is decided: it
//	   is a member of that batch or an earlier one, and never of an open one.
//	8  A batch's key depends on its Seal alone. S3 is asked to create it only if it
//	   is not there, so a second upload of a batch makes no second object.
//	9  One append to the control log is under way at a time, so decisions stand in
//	   the order in which they were made.
//	10 No Seal that reaches past a Snapshot stands below its offset of the control
//	   log, where a replay from it begins to read.
//	11 The journal is released only below a Snapshot at or below the low watermark,
//	   whose State was durable before it was decided.
//
//	15 A batch is parked when its file was durable before its Parked: from where that
//	   is read back the log need not keep its events. The file goes when a Delivered or
//	   Discarded of the batch has been read back.
//
// A destination is active: its events go into memory as the shard reads them; or
// blocked: nothing of it is uploaded, its bytes are in the journal alone, and the
// shard counts what it reads and decides what of it is a duplicate; or behind: it works,
// and some of its events have passed the shard.
//
//	active -> (refused by S3, or failing for BlockAfter: Blocked read back) -> blocked
//	active -> (has to wait for the endpoint or the credentials)             -> blocked
//	active -> (read again after a restart, and memory is short)             -> behind
//	blocked -> (a probe works: Freed read back, or what it waits for works)  -> behind
//	behind -> (a pass has read what the shard had not taken)                -> active
//
// A pass is one reading of the events log for all destinations of the partition that are
// behind, on the shard's goroutine and beside its own reading. It gives what was sealed
// back to its batches, collects the rest but for the duplicates that the shard has
// decided, and hands a destination over when nothing of it is left between the pass and the
// shard: at the latest where they meet, between two records. So no event is taken
// twice or left out. A Seal that a pass makes has the pass's position as its through.
//
// What destinations share, the credentials and the endpoint of each region, has one state for all
// shards, with one probe. Nothing of it stands in the journal.
//
// What is kept for blocked destinations alone is parked when it is too large a part of
// the journal: a pass reads their events, seals what it collects, and each batch is
// written as a finished object into a file, by a goroutine that is not the shard. It is
// uploaded from there, in order with the others, when its destination works again.
// After too long a time, or if S3 refuses it alone, a parked batch is dead: kept, and not
// tried until somebody redrives or discards it.
//
// What was sent again is told by tables of senders and ids, which the fold feeds with
// every event once, in a replay as in the run before. They judge by log time, the
// latest time of receipt that was read, so it does not matter when that is. A
// replay begins with the tables that the State of its Snapshot holds: of newer ones an
// event would be a duplicate of itself. What they say counts for events that no Seal
// has decided; a Seal's members are what it says, whatever a later process remembers.
package batcher
