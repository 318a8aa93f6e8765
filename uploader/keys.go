package uploader

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// keyDomain stands first in what is hashed, so that the digest of a key can
// never be mistaken for a digest made for another purpose or by another layout.
const keyDomain = "destinations object key v1"

// keyTimeLayout is the part of a key between the prefix and the identifier.
const keyTimeLayout = "2006/01/02/15/2006-01-02-15-04-05"

// KeyParams is what an object's identifier is made of: where its events stand
// in which journal, where they go, and the chance that was decided with them.
type KeyParams struct {
	JournalID   [16]byte // random identity of the journal
	Partition   uint32   // partition of the log
	FirstOffset uint64   // offset of the record that holds the first event of the batch
	FirstIndex  uint32   // index of that event in its record
	Tenant      string   // tenant of the destination
	Bucket      string   // bucket of the destination
	Prefix      string   // prefix of the destination: completed with "/", or empty
	Nonce       [16]byte // random bytes of the seal: copies of one journal differ by it
}

// Identifier returns the identifier of an object: 64 lower-case hexadecimal
// digits, the SHA-256 of an unambiguous encoding of p.
//
// The encoding is, in this order, with all integers big-endian: the text
// "destinations object key v1"; JournalID (16 bytes); Partition (4); FirstOffset
// (8); FirstIndex (4); Tenant, Bucket and Prefix, each as its length in bytes
// (8) and its bytes; Nonce (16). Fields of variable size carry their length, so
// no two different KeyParams are encoded alike.
func Identifier(p KeyParams) string {
	digest := sha256.Sum256(p.encode())
	return hex.EncodeToString(digest[:])
}

// encode returns the bytes that Identifier documents.
func (p KeyParams) encode() []byte {
	b := make([]byte, 0, 128+len(p.Tenant)+len(p.Bucket)+len(p.Prefix))
	b = append(b, keyDomain...)
	b = append(b, p.JournalID[:]...)
	b = binary.BigEndian.AppendUint32(b, p.Partition)
	b = binary.BigEndian.AppendUint64(b, p.FirstOffset)
	b = binary.BigEndian.AppendUint32(b, p.FirstIndex)
	for _, s := range [...]string{p.Tenant, p.Bucket, p.Prefix} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, p.Nonce[:]...)
}

// Key returns the key of an object:
//
//	PREFIX YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
//
// prefix is written as it is: the caller has completed it with "/" or left it
// empty. closed is the time at which the object's batch was closed, shown in
// UTC with its fraction of a second cut off. identifier comes from [Identifier].
// The key is 101 bytes longer than the prefix; S3 takes keys of at most 1,024.
func Key(prefix string, closed time.Time, identifier string) string {
	return prefix + closed.UTC().Format(keyTimeLayout) + "-" + identifier + ".gz"
}
