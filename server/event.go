package server

import (
	"fmt"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
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
	maxPayloadBytes int

	request uint64 // that is being checked, counted in the stream from 1
}

// check returns where the event goes and its line, or the first problem it has, in
// the order bucket, prefix, id, payload, and then that its destination takes no
// more: what is wrong with the event has to be cured in any case. An event that names no bucket
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
	if n := len(event.id); n > maxIDBytes {
		return nil, nil, &problem{destinationsv1.RejectionCode_REJECTION_CODE_ID_TOO_LONG, "id", "id: " + bytesOver(n, maxIDBytes)}
	}
	line, p := c.checkPayload(event.payload)
	if p == nil {
		p = c.admit(to)
	}
	return to, line, p
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
