package journal

import (
	"fmt"
	"strings"
)

// What the black-box tests need to take a folder's bytes apart.

// Layout of the files.
const (
	SegmentHeaderSize = segmentHeaderSize
	BlockHeaderSize   = blockHeaderSize
	StartSlot         = startSlot
)

// Identity returns the identity of a folder whose partitions are still to be
// made, so that a test knows the id of the journal that Open will make of it.
func Identity(id [16]byte, partitions int) []byte {
	return identity{ID: id, Partitions: partitions, Hash: Hash}.encode()
}

// Decoders of the parts of a folder.
var (
	DecodeSegmentHeader = decodeSegmentHeader
	DecodeBlockHeader   = decodeBlockHeader
	DecodeStart         = decodeStartRecord
	NextRecord          = nextRecord
)

// Salt is what block checksums of the segment begin with.
func (h segmentHeader) Salt() uint32 { return h.salt() }

// Size is the length of the block in the file.
func (h blockHeader) Size() int64 { return h.size() }

// IdentityOfVersion is an identity as another format version might write it.
func IdentityOfVersion(version int, b []byte) []byte {
	text, _, _ := strings.Cut(string(b), "crc32c ")
	text = strings.Replace(text, "format 1\n", fmt.Sprintf("format %d\n", version), 1)
	return fmt.Appendf(nil, "%scrc32c %08x\n", text, castagnoli(0, []byte(text)))
}

// GuardAs is what OS().Guard is for a process of that user.
func GuardAs(dir string, user int) (narrowed int, err error) { return guard(dir, user) }

// Load is what Next does once it has seen that the record is not released.
func (r *Reader) Load() error { return r.load() }
