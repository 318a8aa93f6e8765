package uploader

import (
	"encoding/hex"
	"io"
	"strconv"
	"time"
)

// Content is the bytes of an object. Both methods may be called by several
// goroutines at once and any number of times, and always tell of the same bytes:
// a part is read for its checksum, to be sent, and again for every further
// attempt. A request that was given up may still read for a moment after
// [Uploader.Upload] has returned; such a read may fail but must not crash.
type Content interface {
	io.ReaderAt
	// Size returns the size in bytes. It never changes.
	Size() int64
}

// Object is one object to be stored. It is not changed by this package and must
// not be changed while it is being uploaded.
type Object struct {
	Tenant   string   // whose it is; "" is nobody in particular
	Bucket   string   // the customer's bucket
	Key      string   // from Key; nothing else is ever stored under it
	Body     Content  // the bytes
	Metadata Metadata // stored with the object

	// Text is set for what is no batch but a few lines that the bucket's people read, and nobody
	// else: it is stored as such, without Metadata, and with no ACL that would let others.
	Text bool
}

// contentType says what the bytes are.
func (o *Object) contentType() string {
	if o.Text {
		return textType
	}
	return contentType
}

// metadata is what is stored with the object, by name.
func (o *Object) metadata() map[string]string {
	if o.Text {
		return nil
	}
	return o.Metadata.headers()
}

// Metadata tells what an object holds. It is stored with the object as
//
//	x-amz-meta-events          number of events, decimal
//	x-amz-meta-raw-bytes       size before compression in bytes, decimal
//	x-amz-meta-first-received  receipt time of the earliest event, RFC 3339 with nanoseconds, UTC
//	x-amz-meta-last-received   receipt time of the latest event, likewise
//	x-amz-meta-raw-sha256      SHA-256 of the bytes before compression, lower-case hexadecimal
type Metadata struct {
	Events        uint64    // number of events (lines)
	RawBytes      uint64    // bytes before compression
	FirstReceived time.Time // receipt time of the earliest event
	LastReceived  time.Time // receipt time of the latest event
	RawSHA256     [32]byte  // SHA-256 of the bytes before compression
}

// headers returns m under the names that follow "x-amz-meta-".
func (m *Metadata) headers() map[string]string {
	return map[string]string{
		"events":         strconv.FormatUint(m.Events, 10),
		"raw-bytes":      strconv.FormatUint(m.RawBytes, 10),
		"first-received": m.FirstReceived.UTC().Format(time.RFC3339Nano),
		"last-received":  m.LastReceived.UTC().Format(time.RFC3339Nano),
		"raw-sha256":     hex.EncodeToString(m.RawSHA256[:]),
	}
}

// Result tells how an object got into its bucket.
type Result struct {
	// ETag is the entity tag that S3 gave the object, without its quotation
	// marks. "" means unknown: S3 did not tell (Existed).
	ETag string
	// Existed is true if S3 answered that there is an object under the key
	// (412). Only an earlier attempt for the same object, of this process or
	// one before it, can have stored it.
	Existed bool
	// Size is the size in bytes of the stored object. 0 means unknown (Existed).
	Size int64
	// Attempts counts the tries of the whole object: how often PutObject was
	// sent or a multipart upload begun. Repeated parts are not counted. It is
	// filled in when Upload fails, too.
	Attempts int
	// Multipart is true if the object went up in parts.
	Multipart bool
	// Leftover is true if a multipart upload under this key may have been left
	// behind, as [Leftover] tells of an error. It is filled in when Upload fails,
	// too.
	Leftover bool
	// Duration is the time from the call of Upload to its return.
	Duration time.Duration
	// Calls are the requests to S3 that carried or concerned the object, by their ends;
	// the first 127 and the last one if there were more. Beside them there may have been
	// one for the bucket's region. They are filled in when Upload fails, too.
	Calls []Call
	// CallsOmitted is how many requests are not in Calls.
	CallsOmitted int
}
