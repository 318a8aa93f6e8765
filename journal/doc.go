// Package journal is a partitioned, append-only, durable log on a local disk.
//
// A [Journal] is a data folder with a fixed number of partitions, and a
// [Partition] is two logs: one for events, which may be large, and one for
// control records, which are small and have space of their own. A [Log] takes
// records, opaque bytes, gives each the next offset, and answers an append once
// a sync has covered it. One sync serves all appends that wait for it. What lies
// below the start of a partition is released by whole segments.
//
// # Files
//
//	<dir>/LOCK             locked (flock) while a process has the folder open; its id
//	<dir>/IDENTITY         what never changes about the folder; text
//	<dir>/0000/            partition 0, and so on
//	  start                where a replay begins
//	  events-<number>.seg  segments of the events log
//	  control-<number>.seg segments of the control log
//	  control.spare        the next control segment's space, all zeros
//	  files.spare          the next small file's space, all zeros
//	  parked/<name>        spools, under names of the caller's
//	  *.tmp, parked/*.tmp  unfinished; removed by the next Open
//	  <name>               small files, under names of the caller's
//
// Anything else in <dir> belongs to others and is left alone. A number has 20
// digits and grows with each segment that is made; numbers may be left out. All
// integers are little-endian, and every checksum is a CRC32C (Castagnoli).
//
// IDENTITY is one line for each of: the format version, the journal's random
// id, the number of partitions, the name of the hash that spreads destinations
// over them, the S3 endpoint, and the state, making or ready; then the checksum
// of these lines. It is replaced by a rename. It says ready once every partition
// is whole, and no append is taken before. Absent beside partitions, damaged, of
// another version, or with another setting than [Config] has, it refuses the
// start.
//
// start has two slots, at bytes 0 and 4096, which are written in turn and in
// place, so that a release needs no space. The higher sequence that verifies
// counts. A file too short for both is damage.
//
//	0        8         12          16         32        40      48       56    60
//	+--------+---------+-----------+----------+---------+-------+--------+-----+
//	| magic  | version | partition | journal  |sequence |events |control | crc |
//	+--------+---------+-----------+----------+---------+-------+--------+-----+
//
// # Segment
//
// A segment is a header and then blocks, each at a multiple of 8 bytes. The file
// is allocated ahead: zeros where the magic of a block would be are the end.
//
//	0        8         12     16          20  24        40       48     56     60    64
//	+--------+---------+------+-----------+---+---------+--------+------+------+-----+
//	| magic  | version | kind | partition | 0 | journal | number | base | seed | crc |
//	+--------+---------+------+-----------+---+---------+--------+------+------+-----+
//
// In it,
//
//   - kind: 1 events, 2 control. With partition, journal and number it must
//     agree with where the file lies: a file that was moved does not pass.
//   - base: offset of the first record.
//   - seed: the chain value at the end of the segment before it.
//
// A block:
//
//	0       4        8       12        16      24       32     36     40       44    48
//	+-------+--------+-------+---------+-------+--------+------+------+--------+-----+---------+-----+
//	| magic | length | count | attempt | first | synced | prev | body | bridge | sum | records | pad |
//	+-------+--------+-------+---------+-------+--------+------+------+--------+-----+---------+-----+
//
// In it,
//
//   - length: bytes of the records, without the padding to 8.
//   - count: records in it. A block without any is a proof; see synced.
//   - attempt: writes to this segment that had failed for want of space. Blocks
//     of such a write may stand in the file, whole, behind where the next one
//     ends. They do not continue its chain, because the number differs even
//     where the records are the same.
//   - first: offset of the first record.
//   - synced: up to which byte this segment was known to be synced when the
//     block was written. All below is proven: it was on stable storage.
//   - prev: the chain value before the block: the sum of the block before it, or
//     the segment's seed.
//   - body: CRC32C of records and padding.
//   - bridge: 0, except in a segment that was mended.
//   - sum: CRC32C of the bytes before it, begun with that of (journal,
//     partition, kind, number). It is the chain value after the block. A header
//     verifies by itself, even if nothing around it can be read, and only in the
//     segment it was written to. Since no sender knows the journal's id, no
//     payload can look like one.
//
// A record is its length as an unsigned varint, and its bytes. A block is closed
// at 1 MiB of records unless one alone is larger; a record never spans blocks,
// nor a block segments.
//
// # Commit
//
// The committer of a log takes all that waits, writes the blocks, and syncs the
// file; then the commit point moves and the appends are answered. If several waited,
// it lets [Config.CommitInterval] pass before it takes the next. When nothing
// has come for [Config.ProofDelay] it writes one proof, which it does not sync:
// the proof matters only if it gets to the disk. When a segment cannot hold the
// next record it is synced, with its proof, before the next one is made: under
// a temporary name, synced, renamed, folder synced. So a segment that has a
// successor is proven from end to end.
//
// Want of space (also of the quota, and of file descriptors) is [ErrFull] to
// those that wait and changes nothing. Any other failed write and any failed
// sync, also one for want of space, is final: the journal answers [ErrBroken]
// from then on, and only the next Open decides what is in the log.
//
// # Beside the logs
//
// What the records of a partition refer to, and is too large for one, its caller
// keeps beside them. A small file ([Partition.WriteFile]) is replaced as a whole. It
// is data, and a trailer:
//
//	0       8         12       20     24    28
//	+-------+---------+--------+------+-----+
//	| magic | version | length | data | sum |
//	+-------+---------+--------+------+-----+
//
// In it,
//
//   - length: bytes of the data.
//   - data: CRC32C of the data.
//   - sum: CRC32C of the bytes before it, begun with that of (journal, partition,
//     name): a file that was moved or renamed does not pass.
//
// A spool ([Partition.CreateSpool]) is the caller's bytes and nothing else; whoever
// refers to it says what they must be. Both are made under a temporary name, synced,
// renamed, folder synced; then they are there, and what says so may be appended to a
// log. A removal is not synced: who reads the logs knows what is not needed, and
// removes it again.
//
// Spools count towards the quota, which refuses events and not them. Small files have
// space of their own, because without one nothing can be released: files.spare is as
// large as the largest of them, and as a control segment at least. On a full disk it
// becomes the file. While it is missing no events segment is begun.
//
// # Recovery
//
// Before Open returns, for each partition:
//
//  1. The folder and that of the spools are listed and synced, and the start is
//     read.
//  2. Of each log, the segments before the last one whose base is at or below
//     the start are set aside: they are not needed, and not judged.
//  3. Of the others the headers are read. One that has a successor is not read
//     further: a reader follows it from block to block to where the successor's
//     base and seed say that it ends. All of it is proven, so what does not verify
//     before that is damage, and closes the partition when it is found. What stands
//     behind it is not part of the log. So a backlog costs a start nothing.
//  4. The last segment is followed as far as it goes. Its proven end is the
//     highest synced of any block in it; and of any header that verifies by
//     itself in the bytes behind, wherever it stands. Should that lie above
//     where the chain stops, there is damage at that place: what is missing was
//     on the disk once. So is a file that ends in the middle of a block: it had its
//     full length before the first one was written, and recovery cuts only between
//     two. Otherwise the rest is a torn tail. (A file that somebody has cut exactly
//     between two blocks can't be told from a sound one: that may end there because it
//     is full, or because recovery has cut it on a disk without room for its
//     successor. How long it was would have to stand in its header, which this
//     version's does not hold: a note beside it needs room just then.)
//  5. Damage in any of that, or bytes that the disk does not give: the
//     partition is closed with a *[CorruptError], and nothing in its folder is
//     changed. The other partitions are recovered.
//  6. Unfinished files are removed. The start is written once more, into the
//     other slot: that it was read is no proof that it is durable. Then the segments
//     that were set aside are removed.
//  7. Records above the proven end of the last segment are copied into a new
//     one, which is synced and named as at a roll. Then the old one is cut at
//     its proven end and synced. That they can be read is no proof: after a
//     failed sync the system may go on showing what never got to the disk.
//  8. If there is no room to copy them, or nothing but a proof stands there, the
//     same bytes are written once more where they are, what is behind them is
//     cut off, and the file is synced. Then a new segment is begun, if there is
//     room; without room the log can be read, and appends answer [ErrFull].
//  9. The old segment is removed if no record is left in it. The new one takes
//     its place in the chain, since it has the same base and seed.
//
// So each Open begins a new segment. A crash anywhere in it leaves a folder from
// which the next Open gets the same records: until the new segment's name is
// durable the old one is as it was, and from then on it ends where the new one
// begins, whether or not it has been cut.
//
// The control log is settled first, and takes its spare, or a smaller segment,
// where the disk is full; then the spare of the small files is made. What stands
// beside the logs is counted and otherwise read only by who asks for it: a small
// file that does not verify, or bytes of a spool that the disk does not give, close
// the partition then.
//
// # Mending
//
// Open never passes over damage. [Folder.Survey] looks at it without changing
// anything, and finds what can be read behind it: each block that verifies by itself
// says which records it holds, so what is lost in between is known by offset.
// [Folder.Mend] then writes each damaged segment anew: header, the blocks that
// verify, and empty records where some are lost. No offset changes, because records
// of either log and the files beside them speak of offsets.
//
// The blocks of a mended segment have other chain values, but the segment behind it
// says with which one it must end, and all blocks from there on depend on it. So its
// last block, which holds no record, has in its bridge the four bytes that lead its
// sum to that value. A mended segment thus replaces the damaged one by one rename,
// whatever happens to the others.
//
// # What is assumed of the disk
//
//   - What a successful sync has covered is there after a crash. After a failed
//     one anything may be, whatever can be read.
//   - A write that is under way when the power fails may leave any mixture of
//     old bytes, new bytes and zeros where it writes, in any order, but harms no
//     byte beside them; and writing a byte that is there already does not harm
//     it.
//   - A rename is atomic: after a crash the file has one of its names.
//   - Names and file contents get to the disk in any order unless synced.
//   - Bits may rot, and files may be lost or mixed up, and this is told, except
//     for records answered less than [Config.ProofDelay] before a crash, which
//     look like a torn tail when they are damaged as well. Checksums are no
//     defence against somebody who can write to the folder.
package journal
