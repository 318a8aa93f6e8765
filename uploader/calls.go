package uploader

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// maxCalls is how many requests of one Upload are remembered: with more of them, as of a
// very large object, the first ones and the last one.
const maxCalls = 128

// Call is one request to S3.
type Call struct {
	Op        string // S3's name of the request, as in [Error]
	Part      int32  // of an UploadPart, from 1; else 0
	UploadID  string // of a multipart upload; "" = none, or not known yet
	Region    string // that it was sent to
	RequestID string // S3's id of the request; may be ""
	Began     time.Time
	Ended     time.Time
	Err       *Error // nil = S3 has done what was asked for
}

// called notes a request that has ended. It may be called by those that send parts.
func (t *transfer) called(c Call, answer middleware.Metadata, err *Error) {
	c.Ended, c.Err = time.Now(), err
	c.RequestID, _ = awsmiddleware.GetRequestIDMetadata(answer)
	if err != nil {
		c.RequestID = err.RequestID
	}
	t.calls.Lock()
	defer t.calls.Unlock()
	if t.calls.count++; len(t.calls.all) == maxCalls {
		t.calls.all[maxCalls-1] = c
		return
	}
	t.calls.all = append(t.calls.all, c)
}
