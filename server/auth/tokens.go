package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync/atomic"
	"time"
)

const tokensVersion = 1

// maxTokensBytes is the size of the largest file of tokens that is read: some 50,000.
const maxTokensBytes = 16 << 20

// tokenNamed is what a token may be called.
var tokenNamed = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// tokensFile is the file as JSON.
type tokensFile struct {
	Version int     `json:"version"`
	Tokens  []Token `json:"tokens"`
}

// parseTokens reads a file of tokens. An empty one has none.
func parseTokens(text []byte) ([]Token, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	var file tokensFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	if file.Version != tokensVersion {
		return nil, fmt.Errorf("version %d, must be %d", file.Version, tokensVersion)
	}
	seen := map[string]bool{}
	for i, t := range file.Tokens {
		id, err := hex.DecodeString(t.ID)
		switch {
		case err != nil || len(id) != idBytes || hex.EncodeToString(id) != t.ID:
			return nil, fmt.Errorf("token %d: id %q: must be %d hexadecimal digits", i+1, t.ID, 2*idBytes)
		case seen[t.ID]:
			return nil, fmt.Errorf("token %d: id %s stands here twice", i+1, t.ID)
		case !tokenNamed.MatchString(t.Name):
			return nil, fmt.Errorf("token %s: %w", t.ID, errTokenName(t.Name))
		case len(t.Hash) != sha256.Size || len(t.Salt) != saltBytes:
			return nil, fmt.Errorf("token %s: must have a salt of %d and a sha256 of %d bytes", t.ID, saltBytes, sha256.Size)
		}
		seen[t.ID] = true
	}
	return file.Tokens, nil
}

func errTokenName(name string) error {
	return fmt.Errorf(`name %q: must be 1 to 100 letters, digits, ".", "_" and "-", and begin with a letter or digit`, name)
}

// encodeTokens is the file of some tokens.
func encodeTokens(tokens []Token) []byte {
	if tokens == nil {
		tokens = []Token{}
	}
	text, err := json.MarshalIndent(tokensFile{Version: tokensVersion, Tokens: tokens}, "", "  ")
	if err != nil {
		panic("auth: invariant: tokens are JSON: " + err.Error())
	}
	return append(text, '\n')
}

// Tokens are the opaque tokens that count, from a file that may change.
type Tokens struct {
	known atomic.Pointer[map[string]Token] // by id
}

// load takes the text of a file.
func (t *Tokens) load(text []byte) error {
	tokens, err := parseTokens(text)
	if err != nil {
		return err
	}
	known := make(map[string]Token, len(tokens))
	for _, token := range tokens {
		known[token.ID] = token
	}
	t.known.Store(&known)
	return nil
}

// verify judges a token. Its errors wrap [ErrCredential].
func (t *Tokens) verify(_ context.Context, shown string) (credential, error) {
	id, secret, err := parseToken(shown)
	if err != nil {
		return credential{}, err
	}
	token, err := t.find(id, secret)
	if err != nil {
		return credential{}, err
	}
	return credential{principal: "token:" + token.Name, still: func() (expires time.Time, err error) {
		again, err := t.find(id, secret)
		switch {
		case err != nil:
			return expires, err
		case again.Name != token.Name:
			return expires, fmt.Errorf("%w: token %s has another name now", ErrCredential, id)
		case again.Expires != nil:
			expires = *again.Expires
		}
		return expires, nil
	}}, nil
}

// nobodys is compared with when there is no token of an id, so that this takes as
// long.
var nobodys = Token{Salt: make([]byte, saltBytes), Hash: make([]byte, sha256.Size)}

func (t *Tokens) find(id string, secret []byte) (Token, error) {
	token, known := (*t.known.Load())[id]
	if !known {
		token = nobodys
	}
	switch is := token.is(secret); {
	case !known:
		return Token{}, fmt.Errorf("%w: token %s is unknown or revoked", ErrCredential, id)
	case !is:
		return Token{}, fmt.Errorf("%w: another secret than that of token %s", ErrCredential, id)
	case token.Expired(time.Now()):
		return Token{}, fmt.Errorf("%w: token %s has expired", ErrCredential, id)
	}
	return token, nil
}

// sortTokens puts tokens into the order in which they are shown and written.
func sortTokens(tokens []Token) {
	slices.SortStableFunc(tokens, func(a, b Token) int { return a.Created.Compare(b.Created) })
}
