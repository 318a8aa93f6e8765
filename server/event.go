package server

import (
	"fmt"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// maxIDBytes is the size of the longest id of an event.
const maxIDBytes = 128

// problem is why an event is rejected. The reason, for people, begins with the
// field and never holds the payload.
type problem struct {
	code   destinationsv1.RejectionCode
	field  string
	reason string
}

// checker checks the events of a stream.
type checker struct {
	directory       *directory
	admission       Admission
	ownership       Ownership
	maxPayloadBytes int

	request uint64                      // that is being checked, counted in the stream from 1
	grant   *auth.Grant                 // of the caller, as it is now
	denied  func(bucket, prefix string) // is told of a destination that it does not reach
}

// check returns where the event goes and its line, or the first problem it has, in
// the order bucket, prefix, that the caller may not go there, id, payload, and then that
// its destination takes no more: what is wrong with the event has to be cured in any case. An event that names no bucket
// inherits the request's, and the request's prefix unless it sets one; an event
// that names a bucket inherits nothing.
func (c *checker) check(request *incoming, event *event) (*destination, []byte, *problem) {
	bucket, prefix := event.bucket, event.prefix
	if len(bucket) == 0 {
		bucket = request.bucket
		if !event.hasPrefix {
			prefix = request.prefix
		}
	}
	to := c.directory.lookUp(bucket, prefix)
	if to.problem != nil {
		return nil, nil, to.problem
	}
	if to.grant != c.grant {
		c.judge(to)
	}
	if to.denied != nil {
		return nil, nil, to.denied
	}
	if n := len(event.id); n > maxIDBytes {
		return nil, nil, &problem{destinationsv1.RejectionCode_REJECTION_CODE_ID_TOO_LONG, "id", "id: " + bytesOver(n, maxIDBytes)}
	}
	line, p := c.checkPayload(event.payload)
	if p == nil {
		p = c.admit(to)
	}
	return to, line, p
}

// judge asks the caller's grant whether he may go to a destination: once for as long as
// it is the same.
func (c *checker) judge(to *destination) {
	to.grant, to.denied = c.grant, nil
	if !c.grant.Covers(to.bucket, to.prefix) {
		to.denied = &problem{destinationsv1.RejectionCode_REJECTION_CODE_DESTINATION_NOT_GRANTED, "bucket", "bucket: " + notGranted(to.bucket, to.prefix).Error()}
		c.directory.bytes += len(to.denied.reason)
		c.denied(to.bucket, to.prefix)
	}
}

func (c *checker) checkPayload(payload []byte) ([]byte, *problem) {
	const field = "payload"
	if len(payload) == 0 {
		return nil, payloadEmpty
	}
	if n := len(payload); n > c.maxPayloadBytes {
		return nil, &problem{destinationsv1.RejectionCode_REJECTION_CODE_PAYLOAD_TOO_LARGE, field, "payload: " + bytesOver(n, c.maxPayloadBytes)}
	}
	line, err := toLine(payload)
	if err != nil {
		return nil, &problem{destinationsv1.RejectionCode_REJECTION_CODE_PAYLOAD_LINE_BREAK, field, fmt.Sprintf("payload: %v", err)}
	}
	return line, nil
}

// payloadEmpty is one for all, since such a payload costs the sender next to nothing.
var payloadEmpty = &problem{destinationsv1.RejectionCode_REJECTION_CODE_PAYLOAD_EMPTY, "payload", "payload: 0 bytes, at least 1"}

func checkBucket(bucket string) *problem {
	reason := "bucket: none, neither in the event nor in its request"
	if bucket != "" {
		err := CheckBucket(bucket)
		if err == nil {
			return nil
		}
		reason = "bucket: " + err.Error()
	}
	return &problem{destinationsv1.RejectionCode_REJECTION_CODE_BUCKET_INVALID, "bucket", reason}
}

func prefixProblem(err error) *problem {
	return &problem{destinationsv1.RejectionCode_REJECTION_CODE_PREFIX_INVALID, "prefix", "prefix: " + err.Error()}
}
