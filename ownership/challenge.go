package ownership

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Place is a destination: the prefix is completed with "/", or empty.
type Place struct{ Tenant, Bucket, Prefix string }

// Challenge is an object by which a tenant shows that it can read a bucket.
type Challenge struct {
	// Key is the prefix, "_destinations-challenge-" and 32 hexadecimal digits: the first
	// bytes of HMAC-SHA256(secret, "destinations challenge name v1", tenant, bucket, prefix).
	Key string
	// content is "destinations-challenge-1-" and 64 hexadecimal digits: likewise of
	// "destinations challenge content v1". It is never logged, nor in an error.
	content string
}

const (
	// baseName begins with what readers of a prefix pass over.
	baseName    = "_destinations-challenge-"
	contentWord = "destinations-challenge-1-"

	secretLabel  = "destinations challenge key v1"
	nameLabel    = "destinations challenge name v1\x00"
	contentLabel = "destinations challenge content v1\x00"

	nameBytes   = 16
	secretBytes = 32
)

// secretFrom is what challenges are made with, derived from a key that is used for
// something else, too.
func secretFrom(key []byte) ([]byte, error) {
	secret, err := hkdf.Key(sha256.New, key, nil, secretLabel, secretBytes)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the challenges: %w", err)
	}
	return secret, nil
}

// keyOf is the key of a place's challenge.
func keyOf(secret []byte, p Place) string {
	return p.Prefix + baseName + hex.EncodeToString(sumOf(secret, nameLabel, p)[:nameBytes])
}

func challengeOf(secret []byte, p Place) Challenge {
	return Challenge{Key: keyOf(secret, p), content: contentWord + hex.EncodeToString(sumOf(secret, contentLabel, p))}
}

// sumOf is a MAC over a place, whose parts each stand behind their length.
func sumOf(secret []byte, label string, p Place) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(label)) // never fails, as hash.Hash says
	for _, part := range [...]string{p.Tenant, p.Bucket, p.Prefix} {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// is reports, in a time that does not depend on how much of it is right, whether a text
// is the content, with or without white space around it.
func (c Challenge) is(text string) bool {
	return hmac.Equal([]byte(strings.TrimSpace(text)), []byte(c.content))
}
