package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// The control log keeps a preallocated file, so that it can begin a segment on
// a full disk: what drains the journal is written there.

// blank opens a file of zeros under a temporary name: the spare, if the log has
// one of that size, or else a new one. After an error the name is not there.
func (l *Log) blank(name string, size int64) (File, error) {
	fsys := l.part.j.fs
	if l.kind == ControlLog {
		f, err := l.takeSpare(name, size)
		if f != nil || err != nil {
			return f, err
		}
	}
	f, err := fsys.Create(name)
	if err != nil {
		return nil, err
	}
	if err := f.Allocate(size); err != nil {
		return nil, errors.Join(err, f.Close(), fsys.Remove(name))
	}
	return f, nil
}

// takeSpare moves the spare to name, so that it is never mistaken for one again
// once something stands in it. It returns nil without error if there is none.
func (l *Log) takeSpare(name string, size int64) (File, error) {
	fsys, spare := l.part.j.fs, filepath.Join(l.part.dir, spareName)
	f, err := fsys.Open(spare)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if have, err := f.Size(); err != nil || have != size {
		return nil, errors.Join(err, f.Close(), fsys.Remove(spare))
	}
	if err := fsys.Rename(spare, name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ensureSpare makes a spare for the control log unless it has one. Want of
// space is no error: it is tried again after the next release and the next roll.
func (l *Log) ensureSpare() error {
	if l.kind != ControlLog {
		return nil
	}
	fsys, spare := l.part.j.fs, filepath.Join(l.part.dir, spareName)
	f, err := fsys.Open(spare)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = l.makeSpare(spare)
	}
	if broken := l.part.j.Err(); broken != nil {
		return broken // whatever the cause, a failed sync is final
	}
	if lacksRoom(err) {
		l.part.j.log.Warn("no room for a spare control segment", "folder", l.part.dir, "error", err)
		return nil
	}
	if err != nil {
		return l.part.j.fail(fmt.Errorf("make spare: %w", err))
	}
	return nil
}

func (l *Log) makeSpare(spare string) error {
	fsys, tmp := l.part.j.fs, spare+tmpSuffix
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	if err := f.Allocate(l.size); err != nil {
		return errors.Join(err, f.Close(), fsys.Remove(tmp))
	}
	if err := f.Sync(); err != nil {
		// Out of a sync even ENOSPC is final: what was promised is gone.
		return l.part.j.fail(fmt.Errorf("sync spare: %w", err))
	}
	if err := errors.Join(f.Close(), fsys.Rename(tmp, spare)); err != nil {
		return err
	}
	if err := fsys.SyncDir(l.part.dir); err != nil {
		return l.part.j.fail(fmt.Errorf("sync folder %s: %w", l.part.dir, err))
	}
	return nil
}
