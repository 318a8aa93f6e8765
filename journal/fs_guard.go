//go:build unix

package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// What a data folder and what is in it may be: for their owner alone.
const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// Bits of a mode with which somebody else than the owner can change, or do, anything.
const (
	othersWrite fs.FileMode = 0o022
	others      fs.FileMode = 0o077
)

// Guard implements [FS].
func (*osFS) Guard(dir string) (narrowed int, err error) {
	return guard(dir, os.Geteuid())
}

// guard is Guard for a process of that user.
func guard(dir string, user int) (narrowed int, err error) {
	g := &guarding{root: dir, user: user}
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	// Who can't enter the folder can't have changed what is below it, whatever its modes.
	g.entered = info.Mode().Perm()&others != 0
	if err := g.judge(dir, info); err != nil {
		return g.narrowed, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !isOurs(e.Name()) {
			continue
		}
		if err := g.walk(filepath.Join(dir, e.Name())); err != nil {
			return g.narrowed, err
		}
	}
	return g.narrowed, err
}

// isOurs tells what the journal has put into a data folder from what others keep there.
func isOurs(name string) bool {
	return isPartition(name) || name == lockName || name == identityName || name == identityName+tmpSuffix
}

// guarding is the state of a guard.
type guarding struct {
	root     string // the data folder
	user     int    // who the process runs as
	entered  bool   // others than the owner could enter the root
	narrowed int    // modes that were changed
}

// walk judges a file, or a folder with all that is in it. A partition's folder may be a
// link to another disk; further below there are none of ours.
func (g *guarding) walk(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // recovery says what that means
	}
	if err != nil {
		return err
	}
	if err := g.judge(path, info); err != nil || !info.IsDir() {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			continue
		}
		if err := g.walk(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// judge refuses what others may have changed, and takes from others what they could read.
func (g *guarding) judge(path string, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != g.user {
		return fmt.Errorf("%s belongs to user %d, and this process runs as user %d: run it as the owner of the data folder, or give all of that to one user (chown -R %d %s)",
			path, stat.Uid, g.user, g.user, quoted(g.root))
	}
	if g.entered && mode&othersWrite != 0 {
		return fmt.Errorf("%s can be written by others than its owner (mode %#o): what is in it may not be what was acknowledged; make sure that it is, and then take that right from them (chmod -R go-rwx %s)",
			path, mode, quoted(g.root))
	}
	want := fileMode
	if info.IsDir() {
		want = folderMode
	}
	if mode&others == 0 {
		return nil
	}
	g.narrowed++
	return os.Chmod(path, mode&want)
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\n'\"\\$`*?[]{}()<>|&;!#~") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
