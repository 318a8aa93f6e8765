package batcher_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// slowDisk is a disk whose syncs of segments take time, so that much is under way at
// any moment, and that says when records are about to be released. There may be few file
// descriptors: whoever reads the events log has to wait for one then.
type slowDisk struct {
	*journaltest.FS
	sync      atomic.Int64 // nanoseconds
	control   atomic.Int64 // likewise, of the control log, if that is more
	parked    atomic.Int64 // likewise, of a write to the file of a parked batch
	scarce    atomic.Int64 // of so many that are asked for there is one; 0 = there are enough
	asked     atomic.Int64
	looking   atomic.Int64 // the test is reading
	onRelease func()
}

func (d *slowDisk) Create(name string) (journal.File, error) { return d.wrap(name)(d.FS.Create(name)) }
func (d *slowDisk) Open(name string) (journal.File, error) {
	if n := d.scarce.Load(); n > 0 && strings.HasPrefix(filepath.Base(name), "events-") && d.looking.Load() == 0 && d.asked.Add(1)%n != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return d.wrap(name)(d.FS.Open(name))
}

func (d *slowDisk) wrap(name string) func(journal.File, error) (journal.File, error) {
	return func(f journal.File, err error) (journal.File, error) {
		if err != nil {
			return nil, err
		}
		base := filepath.Base(name)
		return &slowFile{
			File: f, disk: d, isStart: base == "start", isParked: filepath.Base(filepath.Dir(name)) == "parked", isControl: strings.HasPrefix(base, "control"), // also as it is made ahead
			isLog: strings.HasPrefix(base, "events-") || strings.HasPrefix(base, "control"),
		}, nil
	}
}

type slowFile struct {
	journal.File
	disk                      *slowDisk
	isStart, isLog, isControl bool
	isParked                  bool
}

func (f *slowFile) WriteAt(b []byte, off int64) (int, error) {
	if f.isStart {
		f.disk.onRelease()
	}
	if n := f.disk.parked.Load(); f.isParked && n > 0 {
		pass(time.Duration(n))
	}
	return f.File.WriteAt(b, off)
}

func (f *slowFile) Sync() error {
	n := f.disk.sync.Load()
	if f.isControl {
		n = max(n, f.disk.control.Load())
	}
	if f.isLog && n > 0 {
		pass(time.Duration(n))
	}
	return f.File.Sync()
}
