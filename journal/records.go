package journal

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// Record is a record of a log, or what is damaged in place of some.
type Record struct {
	// Offset is the record's, or that of the first one that is lost.
	Offset uint64
	// Data is the record; valid until the next one.
	Data []byte
	// Lost is nil unless records that belong here are damaged.
	Lost *Lost
}

// Records reads the records of a log in order, from an offset on; those below the
// start of the log may be gone. It goes on behind damage. Beside a service it ends
// about where the log ended when it was called, may show records that are not durable
// yet, and leaves out what is released in the meantime. An error ends it.
func (f *Folder) Records(partition int, k Kind, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := f.eachRecord(partition, k, from, func(r Record) error {
			if r.Offset < from && (r.Lost == nil || r.Lost.To <= from) {
				return nil
			}
			if !yield(r, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Record{}, err)
		}
	}
}

// errEnough ends a walk because nobody wants to know more.
var errEnough = errors.New("enough")

func (f *Folder) eachRecord(partition int, k Kind, from uint64, visit func(Record) error) error {
	dir := f.partitionDir(partition)
	names, err := f.fs.List(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	var l LogSurvey
	if err := f.readHeaders(&l, f.parts(partition, k, names)); err != nil {
		return err
	}
	// The start after the headers: a service moves it before it removes a segment, so
	// what was gone by then lies below it.
	start, damage := f.start(partition)
	at := &start.Events
	if k == ControlLog {
		at = &start.Control
	}
	if damage != nil {
		if at = nil; from > 0 {
			at = &from // what is missing behind it is told, if the log begins above
		}
	}
	l.from(at)
	for i := range l.parts {
		err := f.walk(l.parts, i, func(p piece) error { return eachOf(p, visit) })
		if err != nil && !(isAbsent(err) && f.lock == nil) {
			return err
		}
	}
	return nil
}

// eachOf visits the records of a piece.
func eachOf(p piece, visit func(Record) error) error {
	if p.lost != nil {
		return visit(Record{Offset: p.lost.From, Lost: p.lost})
	}
	for i := range uint64(p.count) {
		var rec []byte
		rec, p.recs, _ = nextRecord(p.recs) // the block was verified
		if err := visit(Record{Offset: p.first + i, Data: rec}); err != nil {
			return err
		}
	}
	return nil
}

// Remains returns what looks like the first of the records that are lost, one after
// the other, from where the damage is: with a flipped bit it is most of them. Nothing
// vouches for a single one; they are for people to look at.
func (f *Folder) Remains(l *Lost) (records []Record) {
	file, err := f.fs.Open(l.Damage.File)
	if err != nil || l.Until <= l.Damage.Offset+blockHeaderSize {
		return nil
	}
	defer file.Close() // only read from: nothing to lose
	b := make([]byte, l.Until-l.Damage.Offset-blockHeaderSize)
	n, err := (&patient{File: file}).ReadAt(b, l.Damage.Offset+blockHeaderSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	b = b[:n]
	for at := l.From; at < l.To && len(b) > 0; at++ {
		var rec []byte
		if rec, b, err = nextRecord(b); err != nil {
			break
		}
		records = append(records, Record{Offset: at, Data: rec})
	}
	return records
}
