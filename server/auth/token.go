package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// A token is dst_ID_SECRET: 16 hexadecimal digits that name it, and 32 random bytes as
// base64url without padding. Its beginning lets scanners for leaked secrets find it.
const (
	tokenPrefix = "dst_"
	idBytes     = 8
	secretBytes = 32
	saltBytes   = 16
	tokenLength = len(tokenPrefix) + 2*idBytes + 1 + 43
)

var secretEncoding = base64.RawURLEncoding.Strict()

// Token is what is kept of a token: enough to know it again, not to make it.
type Token struct {
	ID      string     `json:"id"`   // 16 hexadecimal digits
	Name    string     `json:"name"` // its principal is token:NAME
	Salt    []byte     `json:"salt"`
	Hash    []byte     `json:"sha256"` // SHA-256 of the salt and the secret
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // nil = never
}

// newToken makes a token, and what is kept of it.
func newToken(name string, expires *time.Time) (secret string, kept Token) {
	id, random, salt := make([]byte, idBytes), make([]byte, secretBytes), make([]byte, saltBytes)
	for _, b := range [][]byte{id, random, salt} {
		rand.Read(b) // never fails: it ends the process instead
	}
	kept = Token{
		ID: hex.EncodeToString(id), Name: name, Salt: salt, Hash: hashOf(salt, random),
		Created: time.Now().UTC().Truncate(time.Second), Expires: expires,
	}
	return tokenPrefix + kept.ID + "_" + secretEncoding.EncodeToString(random), kept
}

// hashOf is quick on purpose: 32 random bytes can't be guessed however quick it is, and
// a slow hash would let strangers spend the service's CPU.
func hashOf(salt, secret []byte) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(secret)
	return h.Sum(nil)
}

// parseToken takes a token apart, and refuses what newToken would not have written.
func parseToken(token string) (id string, secret []byte, err error) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(token) != tokenLength || rest[2*idBytes] != '_' {
		return "", nil, fmt.Errorf("%w: not a token of this service", ErrCredential)
	}
	id = rest[:2*idBytes]
	if strings.Trim(id, "0123456789abcdef") != "" {
		return "", nil, fmt.Errorf("%w: not a token of this service", ErrCredential)
	}
	secret, err = secretEncoding.DecodeString(rest[2*idBytes+1:])
	if err != nil || len(secret) != secretBytes {
		return "", nil, fmt.Errorf("%w: not a token of this service", ErrCredential)
	}
	return id, secret, nil
}

// isOpaque reports whether a bearer token is meant to be one of these.
func isOpaque(bearer string) bool { return strings.HasPrefix(bearer, tokenPrefix) }

// is reports whether the secret is that of the token, in a time that does not depend
// on where they differ.
func (t *Token) is(secret []byte) bool {
	return subtle.ConstantTimeCompare(t.Hash, hashOf(t.Salt, secret)) == 1
}

// Expired reports whether the token counts no more at a time.
func (t *Token) Expired(at time.Time) bool { return t.Expires != nil && !at.Before(*t.Expires) }
