package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schema of the database. Rows lie in the order of their changes: the oldest go first, and
// who follows the changes reads on from the last one he knows. Version 1.
const schema = `
CREATE TABLE meta (version INTEGER NOT NULL, journal BLOB NOT NULL, ledger BLOB NOT NULL, change INTEGER NOT NULL, forgotten INTEGER NOT NULL);
CREATE TABLE partitions (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, sum INTEGER NOT NULL, epoch BLOB, known INTEGER NOT NULL);
CREATE TABLE openings (partition INTEGER NOT NULL, events INTEGER NOT NULL, opened INTEGER NOT NULL, PRIMARY KEY (partition, events)) WITHOUT ROWID;
CREATE TABLE destinations (destination INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, bucket TEXT NOT NULL, prefix TEXT NOT NULL);
CREATE TABLE batches (
  change INTEGER PRIMARY KEY, destination INTEGER NOT NULL, partition INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, through INTEGER NOT NULL, excluded BLOB,
  id BLOB NOT NULL, state INTEGER NOT NULL, key TEXT NOT NULL, events INTEGER NOT NULL, raw_bytes INTEGER NOT NULL,
  size INTEGER NOT NULL, etag TEXT NOT NULL, first_received INTEGER NOT NULL, last_received INTEGER NOT NULL,
  sealed INTEGER NOT NULL, ended INTEGER NOT NULL, attempts INTEGER NOT NULL, last_error TEXT NOT NULL);
CREATE UNIQUE INDEX batches_place ON batches (destination, first);
CREATE INDEX batches_sealed ON batches (sealed);
CREATE INDEX batches_open ON batches (id) WHERE state < 5;
CREATE INDEX batches_open_sealed ON batches (sealed) WHERE state < 5;
`

const schemaVersion = 1

// Sizes of SQLite's parts.
const (
	pageBytes  = 4096
	cacheKiB   = 4096 // of the one connection that writes; those that read have 2 MiB each
	readers    = 4    // connections that read
	walPages   = 1000 // after which what stands in the log goes into the database
	walBytes   = 8 << 20
	busyMillis = 5000
)

// ErrFailed says that the ledger's database can't be read.
var ErrFailed = errors.New("the ledger can't be read")

// errForeign says that a database is not of this journal as it is.
var errForeign = errors.New("the ledger is not of this journal as it is now")

// store is the database while it is open.
type store struct {
	path   string
	file   os.FileInfo // what the path names
	write  *sql.DB     // one connection, the recorder's
	read   *sql.DB
	id     [8]byte // random: of this database
	change int64   // the last one that was given out; the recorder's
	known  map[string]int64
	facts  facts

	// Prepared, for those who ask for receipts: the batch that a place is in or behind, and
	// the batches from one on.
	before, from *sql.Stmt
}

// knownDestinations is how many numbers of destinations are remembered.
const knownDestinations = 20_000

// dsn names the database for a connection.
func dsn(path string, options ...string) string {
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	for _, o := range options {
		name += o + "&"
	}
	return name[:len(name)-1]
}

// openStore opens the database of a journal, or makes it.
func openStore(ctx context.Context, path string, journal [16]byte) (s *store, err error) {
	if err := checkSize(path); err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	s = &store{path: path, known: map[string]int64{}}
	s.write, err = sql.Open("sqlite", dsn(path, "_txlock=immediate", fmt.Sprintf("_busy_timeout=%d", busyMillis), "_auto_vacuum=2",
		fmt.Sprintf("_pragma=page_size(%d)", pageBytes), "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		fmt.Sprintf("_pragma=cache_size(-%d)", cacheKiB), fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", walPages),
		fmt.Sprintf("_pragma=journal_size_limit(%d)", walBytes)))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := s.prepare(ctx, journal); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.write.Close())
	}
	if s.file, err = os.Stat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.write.Close())
	}
	s.read, err = sql.Open("sqlite", dsn(path, "mode=ro", fmt.Sprintf("_busy_timeout=%d", busyMillis)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.write.Close())
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.makeReady(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.close())
	}
	return s, nil
}

// fileMode is that of the database: it names tenants, buckets and keys.
const fileMode = 0o600

// makePrivate makes the file of a database for its owner alone, whatever the umask, if there
// is none: SQLite would let everybody read it. What SQLite makes beside it gets the same mode;
// what others have made (a copy) is narrowed.
func makePrivate(path string) error {
	made, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return err
	}
	if err := errors.Join(made.Chmod(fileMode), made.Close()); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		info, err := os.Lstat(path + suffix)
		if err == nil && info.Mode().IsRegular() {
			err = os.Chmod(path+suffix, fileMode)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// makeReady makes what questions about receipts need.
func (s *store) makeReady(ctx context.Context) (err error) {
	if err := s.loadFacts(ctx); err != nil {
		return err
	}
	s.before, err = s.read.PrepareContext(ctx, "SELECT first FROM batches WHERE destination = ? AND first <= ? AND through > 0 ORDER BY first DESC LIMIT 1")
	if err != nil {
		return err
	}
	s.from, err = s.read.PrepareContext(ctx, "SELECT "+columns+" FROM batches b JOIN destinations d USING (destination) WHERE b.destination = ? AND b.first >= ? ORDER BY b.first")
	return err
}

// checkSize refuses a database that somebody has cut: SQLite finds that out only where it reads.
func checkSize(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	defer f.Close() // only read from: nothing to lose
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	head := make([]byte, 100)
	if _, err := f.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%w: %s has %d bytes", errDamaged, path, info.Size())
	}
	pages := int64(head[28])<<24 | int64(head[29])<<16 | int64(head[30])<<8 | int64(head[31])
	if want := pages * pageBytes; string(head[:15]) != "SQLite format 3" || info.Size() < want {
		return fmt.Errorf("%w: %s has %d bytes of %d", errDamaged, path, info.Size(), want)
	}
	return nil
}

// errDamaged says that a file is no database, or not all of one.
var errDamaged = errors.New("the ledger's file is damaged")

// prepare makes the tables of a new database, and checks those of an old one.
func (s *store) prepare(ctx context.Context, journal [16]byte) error {
	var tables int
	if err := s.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return s.create(ctx, journal)
	}
	var version int
	var of, id []byte
	err := s.write.QueryRowContext(ctx, "SELECT version, journal, ledger, change FROM meta").Scan(&version, &of, &id, &s.change)
	switch {
	case err != nil:
		return err
	case version != schemaVersion:
		return fmt.Errorf("%w: version %d", errForeign, version)
	case string(of) != string(journal[:]):
		return fmt.Errorf("%w: it is of journal %x", errForeign, of)
	}
	copy(s.id[:], id)
	return nil
}

func (s *store) create(ctx context.Context, journal [16]byte) error {
	rand.Read(s.id[:]) // never fails
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing after a commit
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES (?, ?, ?, 0, 0)", schemaVersion, journal[:], s.id[:]); err != nil {
		return err
	}
	return tx.Commit()
}

// unmoved reports whether the path still names the file that is open: who removes it or puts
// another one in its place would have the rows written where nobody finds them.
func (s *store) unmoved() bool {
	now, err := os.Stat(s.path)
	return err == nil && os.SameFile(s.file, now)
}

// close closes the database. Who reads it closes last, and can't write: so SQLite does not first
// move its log into the database, which takes as long as the disk takes, at the end of a
// shutdown that has a limit. The next start finds the log.
func (s *store) close() error { return errors.Join(s.write.Close(), s.read.Close()) }

// setAside moves a database out of the way. The one that was set aside before it is removed, so
// that they never are more than one.
func setAside(path string) (to string, err error) {
	old, err := filepath.Glob(path + ".set-aside-*")
	if err != nil {
		return "", err
	}
	for _, name := range old {
		err = errors.Join(err, os.Remove(name))
	}
	to = path + ".set-aside-" + time.Now().UTC().Format("20060102T150405Z")
	if moved := os.Rename(path, to); moved != nil && !errors.Is(moved, os.ErrNotExist) {
		return "", errors.Join(err, moved)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if gone := os.Remove(path + suffix); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return to, err
}

// isDamage reports whether an error says that the database is not what was written.
func isDamage(err error) bool {
	if errors.Is(err, errDamaged) || errors.Is(err, errForeign) {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT:
		return true // also a table that is not there, and what no row of ours can be
	case sqlite3.SQLITE_IOERR:
		return e.Code() == sqlite3.SQLITE_IOERR_SHORT_READ || e.Code() == sqlite3.SQLITE_IOERR_CORRUPTFS
	case sqlite3.SQLITE_READONLY:
		return e.Code() == sqlite3.SQLITE_READONLY_DBMOVED
	}
	return false
}

// probeBytes is what is written to find out whether a disk has room.
const probeBytes = 256 << 10

// isFull reports whether the database at a path can't be written because the disk has no room.
// SQLite says so only where it writes to the database itself, not of the files beside it.
func isFull(err error, path string) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case !ok:
		return lacksRoom(err)
	case e.Code()&0xff == sqlite3.SQLITE_FULL:
		return true
	}
	probe := path + ".probe"
	err = os.WriteFile(probe, make([]byte, probeBytes), 0o600)
	return lacksRoom(errors.Join(err, os.Remove(probe)))
}

func lacksRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
