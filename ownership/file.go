package ownership

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/open-destinations/destinations/journal"
)

const (
	fileName  = "confirmed"
	asideName = fileName + ".set-aside" // the last one that did not verify
	tmpSuffix = ".tmp"
	fileHead  = "destinations confirmed buckets\n"
	formatOne = "format 1\n"
	sumMark   = "sha256 "

	// maxFileBytes is the size of the largest file that is read: more than all that may be
	// confirmed takes.
	maxFileBytes = 64 << 20
)

// owned is a bucket of a tenant.
type owned struct{ tenant, bucket string }

// confirmed are the buckets that were, and since when. It is never changed once it is
// published.
type confirmed map[owned]time.Time

// errDamaged is wrapped by what says that a file is not as it was written.
var errDamaged = errors.New("damaged")

// encode is the file of what is confirmed.
func (c confirmed) encode() []byte {
	var b strings.Builder
	b.WriteString(fileHead + formatOne)
	lines := make([]string, 0, len(c))
	for of, since := range c {
		lines = append(lines, fmt.Sprintf("%s %s %s\n", of.tenant, of.bucket, since.UTC().Format(time.RFC3339)))
	}
	slices.Sort(lines)
	for _, line := range lines {
		b.WriteString(line)
	}
	return fmt.Appendf(nil, "%s%s%x\n", b.String(), sumMark, sha256.Sum256([]byte(b.String())))
}

// decode accepts exactly what encode writes. An error wraps errDamaged, unless the file is
// whole and of another format.
func decode(text []byte) (confirmed, error) {
	at := strings.LastIndex(string(text), "\n"+sumMark) + 1
	body, sum := string(text[:at]), string(text[at:])
	if at == 0 || sum != fmt.Sprintf("%s%x\n", sumMark, sha256.Sum256([]byte(body))) {
		return nil, fmt.Errorf("%w: its checksum does not match", errDamaged)
	}
	rest, is := strings.CutPrefix(body, fileHead)
	if !is {
		return nil, fmt.Errorf("%w: it does not begin with %q", errDamaged, fileHead)
	}
	lines, is := strings.CutPrefix(rest, formatOne)
	if !is {
		format, _, _ := strings.Cut(rest, "\n")
		return nil, fmt.Errorf("%q: want %q; another version of the service has written it", format, strings.TrimSpace(formatOne))
	}
	c := confirmed{}
	for line := range strings.Lines(lines) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%w: line %q", errDamaged, line)
		}
		since, err := time.Parse(time.RFC3339, fields[2])
		if err != nil {
			return nil, fmt.Errorf("%w: line %q: %w", errDamaged, line, err)
		}
		c[owned{fields[0], fields[1]}] = since
	}
	if string(c.encode()) != string(text) {
		return nil, fmt.Errorf("%w: not as it was written", errDamaged)
	}
	return c, nil
}

// file is the file of what is confirmed. One goroutine uses it at a time.
type file struct {
	fs  journal.FS
	dir string
}

// load reads the file; nothing is confirmed without one. One that is damaged is set aside:
// damage says why then.
func (f *file) load() (c confirmed, damage, err error) {
	path := filepath.Join(f.dir, fileName)
	text, err := f.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return confirmed{}, nil, nil
	}
	if err == nil {
		c, err = decode(text)
	}
	switch {
	case errors.Is(err, errDamaged):
		return confirmed{}, err, f.setAside(path)
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w; if it can't be had back, move it away: then every bucket has to be confirmed again", path, err)
	}
	return c, nil, nil
}

func (f *file) read(path string) (text []byte, err error) {
	from, err := f.fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	size, err := from.Size()
	if err != nil {
		return nil, err
	}
	if size > maxFileBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errDamaged, size, maxFileBytes)
	}
	text = make([]byte, size)
	n, err := from.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return text[:n], nil
}

func (f *file) setAside(path string) error {
	if err := f.fs.Rename(path, filepath.Join(f.dir, asideName)); err != nil {
		return fmt.Errorf("%s is damaged, and can't be set aside: %w", path, err)
	}
	if err := f.fs.SyncDir(f.dir); err != nil {
		return fmt.Errorf("%s was damaged and set aside: sync %s: %w", path, f.dir, err)
	}
	return nil
}

// save writes the file anew. After an error the one before counts, or this one: c was right
// in any case.
func (f *file) save(c confirmed) error {
	path := filepath.Join(f.dir, fileName)
	tmp := path + tmpSuffix
	if err := f.fs.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an unfinished %s: %w", tmp, err)
	}
	if err := f.write(tmp, c.encode()); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := f.fs.Rename(tmp, path); err != nil {
		return fmt.Errorf("rename %s: %w", tmp, err)
	}
	// Commit point: a crash before this leaves the file as it was, or as it is now.
	if err := f.fs.SyncDir(f.dir); err != nil {
		return fmt.Errorf("sync %s: %w", f.dir, err)
	}
	return nil
}

func (f *file) write(path string, text []byte) error {
	to, err := f.fs.Create(path)
	if err != nil {
		return err
	}
	err = to.Allocate(int64(len(text)))
	if err == nil {
		_, err = to.WriteAt(text, 0)
	}
	if err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}

// with is c and one more bucket.
func (c confirmed) with(of owned, since time.Time) confirmed {
	more := make(confirmed, len(c)+1)
	maps.Copy(more, c)
	more[of] = since
	return more
}

// ofTenant is how many buckets of a tenant there are.
func (c confirmed) ofTenant(name string) (n int) {
	for of := range c {
		if of.tenant == name {
			n++
		}
	}
	return n
}
