package server_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/server"
)

func TestTokenKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	key, made, err := server.LoadTokenKey(dir)
	if err != nil || !made || len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
		t.Fatalf("got %d bytes, made %v, %v; want 32 random ones", len(key), made, err)
	}
	again, made, err := server.LoadTokenKey(dir)
	if err != nil || made || !bytes.Equal(again, key) {
		t.Errorf("second load: got another key, or made %v, %v", made, err)
	}
	info, err := os.Stat(filepath.Join(dir, "token.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v; want 0600", info.Mode(), err)
	}
	other, _, err := server.LoadTokenKey(t.TempDir())
	if err != nil || bytes.Equal(other, key) {
		t.Errorf("another folder: got the same key, or %v", err)
	}
}

func TestTokenKeyIsWholeAfterACrash(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token.key.tmp"), []byte("half"), 0o400); err != nil {
		t.Fatal(err)
	}
	if key, _, err := server.LoadTokenKey(dir); err != nil || len(key) != 32 {
		t.Errorf("got %d bytes, %v; want 32", len(key), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v; want token.key alone", entries, err)
	}
}

func TestTokenKeyIsRefused(t *testing.T) {
	tests := []struct {
		name string
		size int
		mode fs.FileMode
		want string
	}{
		{"too short", 31, 0o600, "31 bytes, must be 32: put a copy of it back"},
		{"too long", 33, 0o600, "33 bytes, must be 32"},
		{"empty", 0, 0o600, "0 bytes"},
		{"readable by the group", 32, 0o640, "mode 0640, must be 0600 or narrower: who has read it can forge receipts; if nobody has, chmod 600 it"},
		{"readable by all", 32, 0o604, "mode 0604"},
		{"executable", 32, 0o700, "mode 0700"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "token.key")
			before := bytes.Repeat([]byte{7}, tt.size)
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			if _, made, err := server.LoadTokenKey(dir); err == nil || made || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got made %v, %v; want %q in it", made, err, tt.want)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the file has changed, or %v", err)
			}
		})
	}
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "token.key"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := server.LoadTokenKey(dir); err == nil {
			t.Error("got nil, want an error")
		}
	})
	t.Run("no such folder", func(t *testing.T) {
		if _, _, err := server.LoadTokenKey(filepath.Join(t.TempDir(), "none")); err == nil {
			t.Error("got nil, want an error")
		}
	})
}
