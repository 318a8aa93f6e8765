package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/open-destinations/destinations/e2e/harness"
)

// folder is the one place where the demo writes.
type folder struct {
	root string // of the checkout
	path string
	lock *os.File // held while the demo runs

	removed []string // what an earlier run had left
}

// openFolder makes the folder ("" = .demo in the checkout), locks it, and removes
// what an earlier run left in it, save the programs.
func openFolder(dir string) (*folder, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = filepath.Join(root, ".demo")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("find the demo's folder: %w", err)
	}
	f := &folder{root: root, path: dir}
	if err := os.MkdirAll(f.bin(), 0o755); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	if err := f.takeLock(); err != nil {
		return nil, err
	}
	// The folder ignores itself, so that nothing in it is ever committed.
	if err := os.WriteFile(f.file(".gitignore"), []byte("*\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write into the demo's folder: %w", err)
	}
	if err := f.removeOld(); err != nil {
		return nil, fmt.Errorf("remove what an earlier run left: %w", err)
	}
	return f, nil
}

// removeOld removes what an earlier run left.
func (f *folder) removeOld() error {
	old := []string{f.data(), f.s3(), f.serviceLog()}
	for _, bucket := range buckets {
		old = append(old, f.policy(bucket))
	}
	for _, path := range old {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		f.removed = append(f.removed, short(path))
	}
	return nil
}

// takeLock makes sure that this is the only run in the checkout. The lock goes
// with the process, however it ends.
func (f *folder) takeLock() error {
	name := f.file("lock")
	lock, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open the demo's lock: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner, _ := os.ReadFile(name)
		lock.Close()
		return fmt.Errorf("a demo is running already (process %s): stop it with Ctrl-C in its terminal, or with kill %[1]s",
			strings.TrimSpace(string(owner)))
	}
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(lock, os.Getpid())
	}
	if err != nil {
		lock.Close()
		return fmt.Errorf("lock %s: %w", name, err)
	}
	f.lock = lock
	return nil
}

// close lets the next run begin.
func (f *folder) close() { f.lock.Close() }

// file is a path in the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// bin is where the programs are.
func (f *folder) bin() string { return f.file("bin") }

// s3 is where the S3 server keeps everything.
func (f *folder) s3() string { return f.file("s3") }

// data is the service's data folder.
func (f *folder) data() string { return f.file("data") }

// serviceLog is what the service logs to.
func (f *folder) serviceLog() string { return f.file("service.log") }

// policy is the file with a bucket's policy.
func (f *folder) policy(bucket string) string { return f.file(bucket + ".policy.json") }
