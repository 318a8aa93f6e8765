package batcher_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// slowDisk is a disk whose syncs of segments take time, so that much is under way at
// any moment, and that says when records are about to be released.
type slowDisk struct {
	*journaltest.FS
	sync      atomic.Int64 // nanoseconds
	onRelease func()
}

func (d *slowDisk) Create(name string) (journal.File, error) { return d.wrap(name)(d.FS.Create(name)) }
func (d *slowDisk) Open(name string) (journal.File, error)   { return d.wrap(name)(d.FS.Open(name)) }

func (d *slowDisk) wrap(name string) func(journal.File, error) (journal.File, error) {
	return func(f journal.File, err error) (journal.File, error) {
		if err != nil {
			return nil, err
		}
		base := filepath.Base(name)
		return &slowFile{
			File: f, disk: d, isStart: base == "start",
			isLog: strings.HasPrefix(base, "events-") || strings.HasPrefix(base, "control-"),
		}, nil
	}
}

type slowFile struct {
	journal.File
	disk           *slowDisk
	isStart, isLog bool
}

func (f *slowFile) WriteAt(b []byte, off int64) (int, error) {
	if f.isStart {
		f.disk.onRelease()
	}
	return f.File.WriteAt(b, off)
}

func (f *slowFile) Sync() error {
	if n := f.disk.sync.Load(); f.isLog && n > 0 {
		pass(time.Duration(n))
	}
	return f.File.Sync()
}
