package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Start is where a replay of a partition begins: the lowest offset of each log
// that is still needed.
type Start struct {
	// Events is an offset of the events log.
	Events uint64
	// Control is an offset of the control log.
	Control uint64
}

const (
	startName     = "start"
	startMagic    = "DSTSTRT\x01"
	startSlot     = 4096 // bytes from one slot to the other: never in one page
	startFileSize = 2 * startSlot
	startSize     = 60
)

// startRecord is what stands in a slot of the start file.
type startRecord struct {
	Partition uint32
	Journal   [16]byte
	Sequence  uint64 // counts the writes; the slot is its lowest bit
	Start     Start
}

func (s startRecord) encode() []byte {
	b := make([]byte, 0, startSize)
	b = append(b, startMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, s.Partition)
	b = append(b, s.Journal[:]...)
	b = binary.LittleEndian.AppendUint64(b, s.Sequence)
	b = binary.LittleEndian.AppendUint64(b, s.Start.Events)
	b = binary.LittleEndian.AppendUint64(b, s.Start.Control)
	return binary.LittleEndian.AppendUint32(b, castagnoli(0, b))
}

func decodeStartRecord(b []byte) (startRecord, error) {
	le := binary.LittleEndian
	switch {
	case len(b) < startSize || string(b[:8]) != startMagic:
		return startRecord{}, errors.New("start: not a start record")
	case castagnoli(0, b[:56]) != le.Uint32(b[56:]):
		return startRecord{}, errors.New("start: checksum does not match")
	case le.Uint32(b[8:]) != formatVersion:
		return startRecord{}, fmt.Errorf("start: format version %d, want %d", le.Uint32(b[8:]), formatVersion)
	}
	return startRecord{
		Partition: le.Uint32(b[12:]),
		Journal:   [16]byte(b[16:32]),
		Sequence:  le.Uint64(b[32:]),
		Start:     Start{Events: le.Uint64(b[40:]), Control: le.Uint64(b[48:])},
	}, nil
}

// startFile keeps the start in two slots that are written in turn, in place:
// a full disk must not keep a journal from releasing what fills it. A slot that
// a crash has torn leaves the other one, which is older, and nothing was
// removed before the torn one was durable.
type startFile struct {
	file File
	last startRecord // guarded by Partition.mu
}

// createStart makes the start file of a new partition: start 0, 0.
func createStart(f File, first startRecord) error {
	if err := f.Allocate(startFileSize); err != nil {
		return err
	}
	s := startFile{file: f, last: first}
	return s.write(first.Start)
}

// readStart returns the newer slot that verifies.
func readStart(f File, want startRecord) (startFile, error) {
	switch size, err := f.Size(); {
	case err != nil:
		return startFile{}, err
	case size < startFileSize: // a release would have to find space for the rest
		return startFile{}, fmt.Errorf("start: %d bytes, want %d", size, startFileSize)
	}
	var newest startRecord
	var bad []error
	for slot := range int64(2) {
		b := make([]byte, startSize)
		n, err := f.ReadAt(b, slot*startSlot)
		if err != nil && !errors.Is(err, io.EOF) {
			return startFile{}, err
		}
		rec, err := decodeStartRecord(b[:n])
		if err == nil && (rec.Journal != want.Journal || rec.Partition != want.Partition) {
			err = fmt.Errorf("start: of journal %x, partition %d", rec.Journal, rec.Partition)
		}
		if err != nil {
			bad = append(bad, err)
		} else if rec.Sequence >= newest.Sequence {
			newest = rec
		}
	}
	if len(bad) == 2 {
		return startFile{}, errors.Join(bad...)
	}
	return startFile{file: f, last: newest}, nil
}

// errStartSync marks a failed sync, after which the file is not touched again.
var errStartSync = errors.New("sync start")

// write makes a start durable.
func (s *startFile) write(start Start) error {
	rec := s.last
	rec.Sequence++
	rec.Start = start
	if _, err := s.file.WriteAt(rec.encode(), int64(rec.Sequence%2)*startSlot); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errStartSync, err)
	}
	s.last = rec
	return nil
}
