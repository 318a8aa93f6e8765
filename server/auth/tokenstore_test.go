package auth_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// Who revokes a token as another user than the service's must not take the file away from
// it: the service would go on with what it knows, the revoked token included.
func TestATokenFileKeepsItsOwnerAndMode(t *testing.T) {
	store := auth.TokenStore{Path: filepath.Join(t.TempDir(), "tokens.json")}
	_, kept, err := store.Create("ci", time.Time{})
	must(t, err)
	owner := os.Getuid()
	if owner == 0 { // who else can give a file away?
		owner = 1234
		must(t, os.Chown(store.Path, owner, owner))
	}
	must(t, os.Chmod(store.Path, 0o640))
	for what, change := range map[string]func() error{
		"create": func() error { _, _, err := store.Create("x", time.Time{}); return err },
		"revoke": func() error { _, err := store.Revoke(kept.ID); return err },
	} {
		must(t, change())
		info, err := os.Stat(store.Path)
		must(t, err)
		if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != owner || info.Mode() != fs.FileMode(0o640) {
			t.Errorf("after %s: got owner %d, mode %v, want %d, %v", what, uid, info.Mode(), owner, fs.FileMode(0o640))
		}
	}
}
