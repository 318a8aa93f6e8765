package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".seg"
	tmpSuffix     = ".tmp"
	spareName     = "control.spare"
)

// isUnfinished says of a name that Open would remove the file.
func isUnfinished(name string) bool { return strings.HasSuffix(name, tmpSuffix) }

// segment is one file of a log.
type segment struct {
	header segmentHeader // immutable
	name   string        // immutable: the path
	salt   uint32        // immutable: of header
	end    tip           // guarded by Log.mu: committed records end here; see seal
	size   int64         // guarded by Log.mu: bytes of the file, as the quota counts them
}

// head is the boundary before the segment's first block.
func (h segmentHeader) head() tip {
	return tip{pos: segmentHeaderSize, sum: h.Seed, next: h.Base}
}

// seal ends a segment where its successor says. All before that was synced before the
// successor was made. Its position is known only to who reads up to there, and that of
// end is no more than a bound of it.
func (s *segment) seal(successor segmentHeader) {
	s.end = tip{pos: s.size, sum: successor.Seed, next: successor.Base}
}

// empty says that the segment ends without a record.
func (s *segment) empty() bool { return s.end.next == s.header.Base }

// segmentName returns the path of a segment.
func segmentName(dir string, k Kind, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%020d%s", k, number, segmentSuffix))
}

// segmentNumber is the reverse of segmentName, for a name without the folder.
func segmentNumber(name string, k Kind) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, k.String()+"-")
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// segmentNumbers returns the numbers of a log's segments in a folder, in order.
func segmentNumbers(names []string, k Kind) []uint64 {
	var numbers []uint64
	for _, name := range names {
		if n, ok := segmentNumber(name, k); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// readSegmentHeader returns the header of an open segment, checked against what
// its name and its folder say. A failed check is a *CorruptError.
func readSegmentHeader(f File, name string, want segmentHeader) (segmentHeader, error) {
	b := make([]byte, segmentHeaderSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return segmentHeader{}, &CorruptError{File: name, Err: err}
	}
	h, err := decodeSegmentHeader(b[:n])
	if err != nil {
		return segmentHeader{}, &CorruptError{File: name, Err: err}
	}
	want.Base, want.Seed = h.Base, h.Seed
	if h != want {
		return segmentHeader{}, &CorruptError{File: name, Err: fmt.Errorf(
			"segment header: of journal %x, partition %d, %s log, number %d; want %x, %d, %s, %d",
			h.Journal, h.Partition, h.Kind, h.Number, want.Journal, want.Partition, want.Kind, want.Number)}
	}
	return h, nil
}
