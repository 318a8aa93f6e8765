package journal_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/journal"
)

// besides knows what the small files, or the spools, of partition 0 must be.
type besides struct {
	number int                 // of the last one that was written
	may    map[string][]string // what each may hold; absent is "absent"
	seen   map[string]string   // what each held when it was read last
}

const absent = "absent"

// content is what the n-th file holds: up to 900 bytes.
func content(n int) string { return fmt.Sprintf("%06d|%s", n, strings.Repeat("y", n*n*71%893)) }

// wrote notes how a write has ended.
func (b *besides) wrote(name, what string, err error) {
	switch {
	case err == nil:
		b.may[name] = []string{what}
	case errors.Is(err, journal.ErrFull) && !errors.Is(err, journal.ErrBroken):
		// Nothing has changed.
	default:
		b.may[name] = append(b.before(name), what)
	}
}

// removed notes a removal, which a crash may undo.
func (b *besides) removed(name string) { b.may[name] = append(b.before(name), absent) }

func (b *besides) before(name string) []string {
	if may := b.may[name]; may != nil {
		return slices.Clone(may)
	}
	return []string{absent}
}

// settle notes that what was found after an Open stays.
func (b *besides) settle() {
	for name := range b.may {
		if what, ok := b.seen[name]; ok {
			b.may[name] = []string{what}
		} else {
			delete(b.may, name)
		}
	}
}

// writeBesides writes a file of a new name, one anew that is there, and a spool,
// gives a spool up, and removes what was written some time ago.
func (w *world) writeBesides(t *testing.T, p *journal.Partition) error {
	t.Helper()
	files, spools := &w.side[0], &w.side[1]
	files.number++
	n := files.number
	var errs []error
	for _, name := range []string{fmt.Sprintf("state-%06d", n), "latest"} {
		err := p.WriteFile(name, []byte(content(n)))
		files.wrote(name, content(n), err)
		errs = append(errs, err)
	}
	old := fmt.Sprintf("state-%06d", n-2)
	files.removed(old)
	errs = append(errs, p.RemoveFile(old))

	spools.number++
	name := fmt.Sprintf("batch-%06d", n)
	err := writeSpool(p, name, content(n), true)
	spools.wrote(name, content(n), err)
	errs = append(errs, err, writeSpool(p, fmt.Sprintf("given-up-%06d", n), content(n), false))
	old = fmt.Sprintf("batch-%06d", n-2)
	spools.removed(old)
	return errors.Join(append(errs, p.RemoveSpool(old))...)
}

// writeSpool writes a spool in three pieces, and keeps it or gives it up.
func writeSpool(p *journal.Partition, name, what string, keep bool) error {
	s, err := p.CreateSpool(name)
	if err != nil {
		return err
	}
	for piece := range slices.Chunk([]byte(what), len(what)/3+1) {
		if _, err := s.Write(piece); err != nil {
			return errors.Join(err, s.Abort())
		}
	}
	if !keep {
		return s.Abort()
	}
	return errors.Join(s.Commit(), s.Abort())
}

// checkBesides reads all files and spools. It returns errors of the disk, and fails
// the test for everything else.
func (w *world) checkBesides(t *testing.T, p *journal.Partition) error {
	t.Helper()
	names, err := p.Files()
	if err != nil {
		return err
	}
	if err := w.side[0].check(t, names, p.ReadFile); err != nil {
		return err
	}
	if names, err = p.Spools(); err != nil {
		return err
	}
	return w.side[1].check(t, names, func(name string) ([]byte, error) { return readSpool(p, name) })
}

func readSpool(p *journal.Partition, name string) ([]byte, error) {
	s, err := p.OpenSpool(name)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
}

func (b *besides) check(t *testing.T, names []string, read func(string) ([]byte, error)) error {
	t.Helper()
	b.seen = map[string]string{}
	for _, name := range names {
		if b.may[name] == nil {
			t.Fatalf("%s was never written", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.may)) {
		what, err := read(name)
		listed := slices.Contains(names, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what = []byte(absent)
		case err != nil:
			return err
		default:
			b.seen[name] = string(what)
		}
		if !slices.Contains(b.may[name], string(what)) || listed != (err == nil) {
			t.Fatalf("%s (listed: %t) holds %.20q, it may hold %.20q", name, listed, what, b.may[name])
		}
	}
	return nil
}
