package auth

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	store := TokenStore{Path: filepath.Join(t.TempDir(), "tokens.json")}
	until := time.Now().Add(time.Hour)
	secret, kept, err := store.Create("ci", until)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Create("ops", time.Time{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(store.Path)
	info, statErr := os.Stat(store.Path)
	if err != nil || statErr != nil || info.Mode().Perm() != tokensMode {
		t.Fatalf("got %v, %v, mode %v, want %#o", err, statErr, info.Mode(), tokensMode)
	}
	if _, random, _ := parseToken(secret); bytes.Contains(text, []byte(secret[len(tokenPrefix)+2*idBytes+1:])) || bytes.Contains(text, random) {
		t.Error("the secret stands in the file")
	}
	list, err := store.List()
	if err != nil || len(list) != 2 || list[0].ID != kept.ID || list[0].Name != "ci" || list[1].Expires != nil || !list[0].Expires.Equal(until.Truncate(time.Second)) {
		t.Fatalf("got %+v, %v", list, err)
	}
	if _, err := store.Revoke("nobody"); err == nil {
		t.Error("revoking a token that there is not: got no error")
	}
	nowhere := TokenStore{Path: filepath.Join(t.TempDir(), "nothing")}
	if _, err := nowhere.Revoke("ci"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("revoking in a file that there is not: got %v", err)
	}
	for _, name := range []string{kept.ID, "ops"} {
		if revoked, err := store.Revoke(name); err != nil || len(revoked) != 1 {
			t.Errorf("revoke %s: got %+v, %v", name, revoked, err)
		}
	}
	if list, err := store.List(); err != nil || len(list) != 0 {
		t.Errorf("got %+v, %v, want none", list, err)
	}
	if _, _, err := store.Create("a b", time.Time{}); err == nil || !strings.Contains(err.Error(), `name "a b"`) {
		t.Errorf("a bad name: got %v", err)
	}
}

// Commands that run at the same time lose nothing.
func TestTokensAreMadeTogether(t *testing.T) {
	store := TokenStore{Path: filepath.Join(t.TempDir(), "tokens.json")}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, _, err := store.Create("ci", time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if list, err := store.List(); err != nil || len(list) != 8 {
		t.Errorf("got %d tokens, %v, want 8", len(list), err)
	}
}

func TestTokensAreKnownByTheirSecret(t *testing.T) {
	past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	good, kept := newToken("ci", &future)
	old, keptOld := newToken("ci", &past)
	stranger, _ := newToken("ci", nil)
	tokens := &Tokens{}
	if err := tokens.load(encodeTokens([]Token{kept, keptOld})); err != nil {
		t.Fatal(err)
	}
	c, err := tokens.verify(context.Background(), good)
	if err != nil || c.principal != "token:ci" {
		t.Errorf("got %+v, %v", c, err)
	}
	if expires, err := c.still(); err != nil || !expires.Equal(future) {
		t.Errorf("got %v, %v, want %v", expires, err, future)
	}
	secretOf := func(token string) string { return token[len(tokenPrefix)+2*idBytes:] }
	for name, token := range map[string]string{
		"expired":          old,
		"unknown":          stranger,
		"another's secret": good[:len(tokenPrefix)+2*idBytes] + secretOf(stranger),
		"another's id":     stranger[:len(tokenPrefix)+2*idBytes] + secretOf(good),
		"short":            good[:len(good)-1],
		"empty":            "",
		"with a line end":  good[:len(good)-1] + "\n",
	} {
		_, err := tokens.verify(context.Background(), token)
		if !errors.Is(err, ErrCredential) || token != "" && strings.Contains(err.Error(), secretOf(token)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := tokens.load(encodeTokens(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.still(); !errors.Is(err, ErrCredential) {
		t.Errorf("revoked: got %v", err)
	}
}

func TestWrongFilesOfTokensAreRefused(t *testing.T) {
	_, kept := newToken("ci", nil)
	good := string(encodeTokens([]Token{kept}))
	for text, want := range map[string]string{
		strings.Replace(good, `"version": 1`, `"version": 2`, 1):     "version 2",
		strings.Replace(good, `"name"`, `"who"`, 1):                  "unknown field",
		strings.Replace(good, kept.ID, strings.ToUpper("ABCDEF"), 1): "hexadecimal digits",
		strings.Replace(good, `"name": "ci"`, `"name": ""`, 1):       "name",
		string(encodeTokens([]Token{kept, kept})):                    "twice",
		good + good: "more than one",
		strings.Replace(good, `"salt": "`, `"salt": "AAAA`, 1): "salt",
		"[]": "cannot unmarshal",
	} {
		if _, err := parseTokens([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// Whatever a stranger shows is refused, or is what newToken would have written.
func FuzzParseToken(f *testing.F) {
	token, _ := newToken("ci", nil)
	f.Add(token)
	f.Add(tokenPrefix)
	f.Add(strings.Repeat("_", tokenLength))
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, err := parseToken(token)
		if err != nil {
			if !errors.Is(err, ErrCredential) {
				t.Errorf("got %v", err)
			}
			return
		}
		if again := tokenPrefix + id + "_" + secretEncoding.EncodeToString(secret); again != token {
			t.Errorf("got %q from %q", again, token)
		}
	})
}
