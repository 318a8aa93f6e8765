package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// identify reads the folder's identity, or makes the folder. A folder is being
// made until its identity says that it is ready; a crash in between is taken up
// again. Once it is ready, every part of it must be there.
func (j *Journal) identify() error {
	names, err := j.fs.List(j.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list data folder: %w", err)
	}
	if slices.Contains(names, identityName+tmpSuffix) {
		if err := j.fs.Remove(filepath.Join(j.cfg.Dir, identityName+tmpSuffix)); err != nil {
			return fmt.Errorf("remove unfinished identity: %w", err)
		}
	}
	id, err := readIdentity(j.fs, j.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		id, err = j.newIdentity(names)
	}
	if err != nil {
		return err
	}
	if err := id.match(j.cfg); err != nil {
		return err
	}
	j.id = id.ID
	// What is read may be in memory only, if a sync failed in an earlier run.
	if err := j.fs.SyncDir(j.cfg.Dir); err != nil {
		return fmt.Errorf("sync data folder: %w", err)
	}
	if id.Ready {
		return nil
	}
	return j.makePartitions(id)
}

func readIdentity(fsys FS, dir string) (identity, error) {
	f, err := fsys.Open(filepath.Join(dir, identityName))
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, lostIdentity(err)
	}
	if err != nil {
		return identity{}, err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return identity{}, err
	}
	id, err := decodeIdentity(b[:n])
	var other *MismatchError
	if err != nil && !errors.As(err, &other) {
		err = lostIdentity(err)
	}
	return id, err
}

// lostIdentity says what helps where the identity is missing or damaged.
func lostIdentity(err error) error {
	return fmt.Errorf("%w; put %s back from a copy of the data folder, however old: it never changes, and the logs beside it are untouched",
		err, identityName)
}

// newIdentity gives a folder without partitions an identity.
func (j *Journal) newIdentity(names []string) (identity, error) {
	for _, name := range names {
		if isPartition(name) {
			return identity{}, lostIdentity(fmt.Errorf("%s is missing, and there is a partition %s: %w",
				identityName, name, fs.ErrNotExist))
		}
	}
	id := identity{Partitions: j.cfg.Partitions, Hash: Hash, Endpoint: j.cfg.Endpoint}
	rand.Read(id.ID[:]) // never fails
	if err := j.fs.SyncDir(filepath.Dir(j.cfg.Dir)); err != nil {
		return identity{}, fmt.Errorf("sync parent of data folder: %w", err)
	}
	return id, j.writeIdentity(id)
}

// partitionName is the name of a partition's folder.
func partitionName(i int) string { return fmt.Sprintf("%04d", i) }

func isPartition(name string) bool {
	return len(name) == 4 && strings.Trim(name, "0123456789") == ""
}

// writeIdentity replaces the identity. Commit point: the sync of the folder.
func (j *Journal) writeIdentity(id identity) error {
	name := filepath.Join(j.cfg.Dir, identityName)
	err := j.writeFile(name, func(f File) error {
		text := id.encode()
		if err := f.Allocate(int64(len(text))); err != nil {
			return err
		}
		if _, err := f.WriteAt(text, 0); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", identityName, err)
	}
	return nil
}

// writeFile makes a file under a temporary name and then gives it its own.
// What write puts into it must be synced by it.
func (j *Journal) writeFile(name string, write func(File) error) error {
	f, err := j.fs.Create(name + tmpSuffix)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	if err := j.fs.Rename(name+tmpSuffix, name); err != nil {
		return err
	}
	return j.fs.SyncDir(filepath.Dir(name))
}

// makePartitions makes what a new folder lacks, and then says that it is ready.
func (j *Journal) makePartitions(id identity) error {
	for i := range j.cfg.Partitions {
		if err := newPartition(j, i).make(); err != nil {
			return fmt.Errorf("make partition %d: %w", i, err)
		}
	}
	// The partitions first: a ready folder that lacks one is damaged.
	if err := j.fs.SyncDir(j.cfg.Dir); err != nil {
		return fmt.Errorf("sync data folder: %w", err)
	}
	id.Ready = true
	return j.writeIdentity(id)
}

// make makes the files of a partition: an empty segment for each log, and then
// the start, which says that the partition is whole. Without it nothing there
// was ever used.
func (p *Partition) make() error {
	fsys := p.j.fs
	if err := fsys.MkdirAll(p.dir); err != nil {
		return err
	}
	names, err := fsys.List(p.dir)
	if err != nil {
		return err
	}
	if slices.Contains(names, startName) {
		return nil
	}
	for _, name := range names {
		if err := fsys.Remove(filepath.Join(p.dir, name)); err != nil {
			return err
		}
	}
	for _, l := range []*Log{p.events, p.control} {
		// No larger than its header: recovery begins one to write to.
		seg, err := l.begin(birth{size: segmentHeaderSize})
		if err != nil {
			return err
		}
		l.reserve(-seg.size, true) // recovery counts it
		if err := l.w.file.Close(); err != nil {
			return err
		}
	}
	return p.j.writeFile(filepath.Join(p.dir, startName), func(f File) error {
		return createStart(f, p.startRecord())
	})
}

// startRecord is what every start record of the partition says about itself.
func (p *Partition) startRecord() startRecord {
	return startRecord{Partition: uint32(p.index), Journal: p.j.id}
}
