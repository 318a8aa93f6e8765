package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// tokensMode is the mode of a file of tokens. It holds no secret, but who can write it
// can let himself in.
const tokensMode = 0o600

// TokenStore is a file of tokens that commands change. Several may at once, also while
// a service reads it.
type TokenStore struct{ Path string }

// Create makes a token for a name, and returns it: it is kept nowhere. Zero expires =
// never.
func (s TokenStore) Create(name string, expires time.Time) (secret string, kept Token, err error) {
	if !tokenNamed.MatchString(name) {
		return "", Token{}, errTokenName(name)
	}
	var until *time.Time
	if !expires.IsZero() {
		expires = expires.UTC().Truncate(time.Second)
		until = &expires
	}
	secret, kept = newToken(name, until)
	err = s.change(func(tokens []Token) ([]Token, error) { return append(tokens, kept), nil })
	if err != nil {
		return "", Token{}, err
	}
	return secret, kept, nil
}

// Revoke takes away the token of an id, or all of a name, and returns them.
func (s TokenStore) Revoke(idOrName string) (revoked []Token, err error) {
	if _, err := os.Stat(s.Path); err != nil {
		return nil, err
	}
	err = s.change(func(tokens []Token) ([]Token, error) {
		tokens = slices.DeleteFunc(tokens, func(t Token) bool {
			is := t.ID == idOrName || t.Name == idOrName
			if is {
				revoked = append(revoked, t)
			}
			return is
		})
		if len(revoked) == 0 {
			return nil, fmt.Errorf("no token of the id or name %q", idOrName)
		}
		return tokens, nil
	})
	return revoked, err
}

// List returns the tokens, the oldest first.
func (s TokenStore) List() ([]Token, error) {
	text, err := readFile(s.Path, maxTokensBytes)
	if err != nil {
		return nil, err
	}
	tokens, err := parseTokens(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path, err)
	}
	sortTokens(tokens)
	return tokens, nil
}

// change reads the file, which need not be there, and writes it anew while nobody else
// does.
func (s TokenStore) change(f func([]Token) ([]Token, error)) (err error) {
	lock, err := os.OpenFile(s.Path+".lock", os.O_CREATE|os.O_RDWR, tokensMode)
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	tokens, err := s.List()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if tokens, err = f(tokens); err != nil {
		return err
	}
	return replaceFile(s.Path, encodeTokens(tokens))
}

// replaceFile gives a file another content, durably, so that whoever reads it meanwhile
// gets the one or the other. Who could read it before can do so after.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // of mode 0600
	if err != nil {
		return err
	}
	err = keepAccess(path, f)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		// Commit point: the change counts from the rename on.
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// keepAccess gives what is to replace a file its owner and mode. A service that could not
// read the file any more would keep to what it said before: what is revoked would count.
func keepAccess(path string, of *os.File) error {
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if is, ok := before.Sys().(*syscall.Stat_t); ok {
		if err := of.Chown(int(is.Uid), int(is.Gid)); err != nil {
			return fmt.Errorf("%s: who owns it could not read it any more, so it stays as it is; be its owner or root: %w", path, err)
		}
	}
	return of.Chmod(before.Mode().Perm())
}
