package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/open-destinations/destinations/e2e/harness"
)

// folder is the one place where the bench writes.
type folder struct {
	root       string // of the checkout
	path       string
	fileSystem string   // that it lies on, for people
	lock       *os.File // held while the bench runs
}

// openFolder makes the folder .bench in the checkout and locks it. It refuses one
// that is in memory: an fsync costs nothing there.
func openFolder() (*folder, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	f := &folder{root: root, path: filepath.Join(root, ".bench")}
	if err := os.MkdirAll(f.bin(), 0o755); err != nil {
		return nil, fmt.Errorf("make the bench's folder: %w", err)
	}
	if err := f.checkDisk(); err != nil {
		return nil, err
	}
	if err := f.takeLock(); err != nil {
		return nil, err
	}
	// The folder ignores itself, so that nothing in it is ever committed.
	if err := os.WriteFile(f.file(".gitignore"), []byte("*\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write into the bench's folder: %w", err)
	}
	return f, nil
}

// takeLock makes sure that this is the only bench in the checkout. The lock goes
// with the process, however it ends.
func (f *folder) takeLock() error {
	lock, err := os.OpenFile(f.file("lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open the bench's lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("lock %s, which another bench may hold: %w", lock.Name(), err)
	}
	f.lock = lock
	return nil
}

// close lets the next bench begin.
func (f *folder) close() { f.lock.Close() }

// clear removes what a run writes.
func (f *folder) clear() error {
	for _, old := range []string{f.s3(), f.data(), f.serviceLog(), f.policy(), f.stage(), f.access()} {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("remove what a run left: %w", err)
		}
	}
	return nil
}

// file is a path in the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// bin is where the programs are, s3 where the S3 server keeps everything, data the
// service's data folder, access what it knows its callers by; stage has all of that for a
// trial.
func (f *folder) bin() string        { return f.file("bin") }
func (f *folder) s3() string         { return f.file("s3") }
func (f *folder) data() string       { return f.file("data") }
func (f *folder) serviceLog() string { return f.file("service.log") }
func (f *folder) policy() string     { return f.file("policy.json") }
func (f *folder) stage() string      { return f.file("stage") }
func (f *folder) access() string     { return f.file("access") }

// checkDisk finds out what the folder lies on.
func (f *folder) checkDisk() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("find the folder's file system: %w", err)
	}
	path, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return fmt.Errorf("find the folder's file system: %w", err)
	}
	m, err := mountOf(string(mounts), path)
	if err != nil {
		return err
	}
	if slices.Contains([]string{"tmpfs", "ramfs", "rootfs"}, m.kind) {
		return fmt.Errorf("%s is in memory (%s): the bench needs a disk", f.path, m.kind)
	}
	f.fileSystem = m.kind + " on " + m.source
	return nil
}

// mount is where a file system comes from.
type mount struct{ kind, source string }

// mountOf finds the file system of a path in the text of /proc/self/mountinfo: that
// of the longest mount point above it, the last one if there are several.
func mountOf(mountinfo, path string) (found mount, err error) {
	longest := -1
	for line := range strings.Lines(mountinfo) {
		// proc_pid_mountinfo(5): the fifth field is the mount point; behind a field "-"
		// come type and source.
		mounted, about, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(mounted), strings.Fields(about)
		if len(fields) < 5 || len(kind) < 2 {
			continue
		}
		point := strings.ReplaceAll(fields[4], `\040`, " ")
		within := path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")
		if within && len(point) >= longest {
			longest = len(point)
			found = mount{kind: kind[0], source: kind[1]}
		}
	}
	if longest < 0 {
		return mount{}, errors.New("find the folder's file system: no mount point is above " + path)
	}
	return found, nil
}
