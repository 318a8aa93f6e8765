package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Beside its logs a partition keeps files of its caller's: small ones, which are
// written whole, and spools, which are large and grow. What both have in common
// stands here.

const (
	parkedName     = "parked"      // folder of the spools
	fileSpareName  = "files.spare" // the space that a small file takes on a full disk
	maxFileName    = 200
	fileMagic      = "DSTFILE\x01"
	fileHeaderSize = 24 // of the trailer, without its checksum
	fileTrailer    = fileHeaderSize + 4
)

// checkFileName refuses a name that is not a plain one, or that is the journal's
// own. It keeps a mistake of the caller's from being taken for one of the disk's.
func checkFileName(name string) error {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if name == "" || len(name) > maxFileName || name[0] == '.' ||
		strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || !isCallersFile(name) {
		return fmt.Errorf("journal: %q is no name for a file: 1 to %d of a-z A-Z 0-9 - _ . and not one of the journal's own", name, maxFileName)
	}
	return nil
}

// isCallersFile tells, for a name in a partition's folder, the caller's files from
// the journal's own.
func isCallersFile(name string) bool {
	return name != startName && name != parkedName &&
		!strings.HasSuffix(name, segmentSuffix) && !strings.HasSuffix(name, tmpSuffix) &&
		!strings.HasSuffix(name, ".spare")
}

// refusal returns why nothing may be read or changed beside the logs, or nil.
func (p *Partition) refusal() error {
	if err := p.events.refusal(); err != nil {
		return err
	}
	if p.j.closing.Load() {
		return ErrClosed
	}
	return nil
}

// changeError says what an error means that is not one of a sync: want of space may
// be tried again, everything else is final.
func (p *Partition) changeError(what string, err error) error {
	if broken := p.j.Err(); broken != nil {
		return broken
	}
	if lacksRoom(err) {
		return full(fmt.Errorf("%s: %w", what, err))
	}
	return p.j.fail(fmt.Errorf("%s: %w", what, err))
}

// readError says what an error of reading a file means: the bytes were durable, so
// whoever does not give them back is damaged.
func (p *Partition) readError(path string, offset int64, err error) error {
	if lacksRoom(err) {
		return full(err) // no descriptor: the caller may try again
	}
	var damage *CorruptError
	if !errors.As(err, &damage) {
		damage = &CorruptError{File: path, Offset: offset, Err: err}
	}
	return p.damage(damage)
}

// fileSalt begins the checksum of a file's trailer, so that a file which was moved
// or renamed does not verify.
func fileSalt(journal [16]byte, partition int, name string) uint32 {
	b := make([]byte, 0, 20+maxFileName)
	b = append(b, journal[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(partition))
	b = append(b, name...)
	return castagnoli(0, b)
}

// encodeTrailer is what stands behind the data of a file.
func encodeTrailer(salt uint32, data []byte) []byte {
	b := make([]byte, 0, fileTrailer)
	b = append(b, fileMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, castagnoli(0, data))
	return binary.LittleEndian.AppendUint32(b, castagnoli(salt, b))
}

// decodeTrailer returns the checksum of the data of a file of that size.
func decodeTrailer(salt uint32, b []byte, size int64) (uint32, error) {
	le := binary.LittleEndian
	switch {
	case len(b) < fileTrailer || string(b[:8]) != fileMagic:
		return 0, errors.New("file: it does not end as one that was written whole")
	case castagnoli(salt, b[:fileHeaderSize]) != le.Uint32(b[fileHeaderSize:]):
		return 0, errors.New("file: checksum of its trailer does not match")
	case le.Uint32(b[8:]) != formatVersion:
		return 0, fmt.Errorf("file: format version %d, want %d", le.Uint32(b[8:]), formatVersion)
	case le.Uint64(b[12:]) != uint64(size-fileTrailer):
		return 0, fmt.Errorf("file: %d bytes of data, its trailer says %d", size-fileTrailer, le.Uint64(b[12:]))
	}
	return le.Uint32(b[20:]), nil
}
