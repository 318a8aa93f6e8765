package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	tokenKeyName  = "token.key"
	tokenKeyBytes = 32
	tokenKeyMode  = 0o600
)

// LoadTokenKey returns the key of the receipts' tokens, 32 random bytes, which
// stands in dir/token.key with mode 0600; it makes the file if there is none,
// durably, and says so: tokens that were given before can't be read with it. dir
// must exist and be locked by the caller. A file that is not a regular one, has
// another size, or that others than its owner may use, is refused and left alone.
func LoadTokenKey(dir string) (key []byte, made bool, err error) {
	path := filepath.Join(dir, tokenKeyName)
	key, err = readTokenKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeTokenKey(path)
		return key, err == nil, err
	}
	return key, false, err
}

// CheckTokenKey says why [LoadTokenKey] would refuse the file of dir, if it would. It
// makes none.
func CheckTokenKey(dir string) error {
	_, err := readTokenKey(filepath.Join(dir, tokenKeyName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func readTokenKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("token key: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("token key %s: not a regular file", path)
	case info.Mode().Perm()&^tokenKeyMode != 0:
		return nil, fmt.Errorf("token key %s: mode %#o, must be %#o or narrower: who has read it can forge receipts; if nobody has, chmod %o it, else remove it, and another is made (receipts given before become unreadable)",
			path, info.Mode().Perm(), fs.FileMode(tokenKeyMode), tokenKeyMode)
	case info.Size() != tokenKeyBytes:
		return nil, fmt.Errorf("token key %s: %d bytes, must be %d: put a copy of it back; or move it away, then a new one is made, and the receipts that were given before can't be read any more",
			path, info.Size(), tokenKeyBytes)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	return key, nil
}

// makeTokenKey makes the file under another name first, so that whatever stops it
// leaves either no key or a whole one.
func makeTokenKey(path string) ([]byte, error) {
	key := make([]byte, tokenKeyBytes)
	rand.Read(key) // never fails: it ends the process instead
	temporary := path + ".tmp"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("token key: %w", err)
	}
	if err := writeDurably(temporary, key); err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	// Commit point: a crash before this leaves no key, or this one; no token has
	// been made with it.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	return key, nil
}

func writeDurably(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, tokenKeyMode)
	if err != nil {
		return err
	}
	err = f.Chmod(tokenKeyMode) // a umask may have left less
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
