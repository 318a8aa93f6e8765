package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A token is base64url, without padding, of (integers are big endian)
//
//	1  format version: 1
//	1  length of the tenant, and the tenant
//	16 the destination's digest
//	4  partition
//	8  offset, and 4 place in the record, of the first event
//	8  offset, and 4 place in the record, of the last event
//	8  receipt time of the first event: Unix time in nanoseconds
//	16 the first bytes of HMAC-SHA256(key, label, journal id, all of the above)
//
// The journal's id binds it to the journal whose positions it holds. The receipt
// time tells apart what a data folder that was restored from a backup wrote at
// positions that it had used before.
const (
	tokenVersion = 1
	tokenLabel   = "destinations receipt token\x00"
	macBytes     = 16
	fixedBytes   = 1 + 1 + digestBytes + 4 + 12 + 12 + 8 + macBytes
)

// tokenEncoding refuses what it would not have written itself.
var tokenEncoding = base64.RawURLEncoding.Strict()

// errTokenInvalid is all that is said of a token that this journal has not given.
var errTokenInvalid = errors.New("token is not one of this service's")

// Position is an event's place in a partition's events log.
type Position struct {
	Offset uint64 // of its record
	Index  uint32 // its place in the record
}

// Token is what a receipt's token says: whose events, and which.
type Token struct {
	Tenant      string            // at most 255 bytes
	Destination [digestBytes]byte // the first 16 bytes of the SHA-256 that [Partition] describes
	Partition   uint32
	First, Last Position  // of the first and the last event; others' are in between
	Received    time.Time // when the service had received the first event; never before the service has begun
}

// tokens makes tokens and reads them.
type tokens struct {
	key     []byte
	journal [16]byte
	began   time.Time // when this was made
}

func newTokens(key []byte, journal [16]byte) *tokens {
	return &tokens{key: key, journal: journal, began: time.Now()}
}

// received is a receipt time as a token has it. Who takes a partition over writes down when, and a
// token of what came behind that has to be later, also if the clock is set back meanwhile.
func (k *tokens) received(at time.Time) time.Time { return laterOf(at, k.began, at.Sub(k.began)) }

// laterOf is the later of what the clock says and of how long after began it is; without
// the readings of the monotonic clock, which would make them one.
func laterOf(at, began time.Time, after time.Duration) time.Time {
	at, steady := at.Round(0), began.Round(0).Add(after)
	if steady.After(at) {
		return steady
	}
	return at
}

// encodedTokenBytes is how long the encoded token is.
func encodedTokenBytes(t Token) int { return tokenEncoding.EncodedLen(fixedBytes + len(t.Tenant)) }

func (k *tokens) encode(t Token) string {
	b := make([]byte, 0, fixedBytes+len(t.Tenant))
	b = append(b, tokenVersion, byte(len(t.Tenant)))
	b = append(b, t.Tenant...)
	b = append(b, t.Destination[:]...)
	b = binary.BigEndian.AppendUint32(b, t.Partition)
	for _, p := range [...]Position{t.First, t.Last} {
		b = binary.BigEndian.AppendUint64(b, p.Offset)
		b = binary.BigEndian.AppendUint32(b, p.Index)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Received.UnixNano()))
	return tokenEncoding.EncodeToString(append(b, k.mac(b)...))
}

func (k *tokens) mac(b []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write([]byte(tokenLabel))
	h.Write(k.journal[:])
	h.Write(b)
	return h.Sum(nil)[:macBytes]
}

// decode reads a token that encode has made with the same key and journal. Its
// errors wrap errTokenInvalid.
func (k *tokens) decode(s string) (Token, error) {
	b, err := tokenEncoding.DecodeString(s)
	// The decoder passes over line breaks, which no token has.
	if err != nil || len(b) < fixedBytes || tokenEncoding.EncodedLen(len(b)) != len(s) {
		return Token{}, fmt.Errorf("%w: malformed", errTokenInvalid)
	}
	b, mac := b[:len(b)-macBytes], b[len(b)-macBytes:]
	if !hmac.Equal(mac, k.mac(b)) {
		return Token{}, fmt.Errorf("%w: not authentic", errTokenInvalid)
	}
	if version := b[0]; version != tokenVersion {
		return Token{}, fmt.Errorf("%w: version %d", errTokenInvalid, version)
	}
	tenantBytes := int(b[1])
	if len(b) != fixedBytes-macBytes+tenantBytes {
		return Token{}, fmt.Errorf("%w: malformed", errTokenInvalid)
	}
	t := Token{Tenant: string(b[2 : 2+tenantBytes])}
	b = b[2+tenantBytes:]
	t.Destination = [digestBytes]byte(b)
	t.Partition = binary.BigEndian.Uint32(b[16:])
	t.First = Position{Offset: binary.BigEndian.Uint64(b[20:]), Index: binary.BigEndian.Uint32(b[28:])}
	t.Last = Position{Offset: binary.BigEndian.Uint64(b[32:]), Index: binary.BigEndian.Uint32(b[40:])}
	t.Received = time.Unix(0, int64(binary.BigEndian.Uint64(b[44:])))
	return t, nil
}
