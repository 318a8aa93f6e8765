package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// sendLimits bound what a sender holds and what it asks of the service at once.
type sendLimits struct {
	requestEvents int           // events in a request
	requestBytes  int           // bytes of a request, unless one event alone is larger
	linger        time.Duration // how long a request waits for more events
	requests      int           // requests without an answer; the service allows 65,536
	bytes         int           // bytes of them, unless one event alone is larger
}

// defaultSendLimits keep a service busy over a long way, and the memory small: an
// event of a few bytes takes some hundred of them here, so the number of events,
// requestEvents × requests, is bounded too.
func defaultSendLimits() sendLimits {
	return sendLimits{
		requestEvents: 1000,
		requestBytes:  512 << 10,
		linger:        time.Second,
		requests:      32,
		bytes:         8 << 20,
	}
}

// eventOverhead is counted for what protobuf adds to a payload.
const eventOverhead = 16

// outRequest is a request that has no answer yet.
type outRequest struct {
	message    *destinationsv1.StreamS3Request // its events and number never change once it is cut
	places     places                          // of its events
	bytes      int                             // of its events, with what is around them
	rejections []*destinationsv1.Rejection     // named by the present stream
}

// outbox holds the requests that have no answer yet, in the order of their numbers,
// and bounds them: whoever adds events waits while there is no room. One goroutine
// adds, another takes and rewinds, a third brings the answers.
type outbox struct {
	limits         sendLimits
	bucket, prefix string // of every request

	mu       sync.Mutex    // guards what follows
	changed  chan struct{} // closed, and made anew, when something of it has changed
	filling  *outRequest   // events are added to it; nil = none is begun
	linger   *time.Timer   // cuts filling
	requests []*outRequest // cut and without an answer; numbered settled+1, settled+2, ...
	taken    int           // how many of requests the present stream has taken
	bytes    int           // of requests and filling
	settled  uint64        // up to which sequence everything is answered
	waiting  time.Time     // since when the present stream owes an answer, if taken is not 0
	closed   bool          // nothing more is added
	failed   error         // why nothing more is sent
}

func newOutbox(limits sendLimits, bucket, prefix string) *outbox {
	return &outbox{limits: limits, bucket: bucket, prefix: prefix, changed: make(chan struct{})}
}

// add takes an event when there is room for it. The payload is copied. The error is
// that of fail, or of ctx.
func (o *outbox) add(ctx context.Context, payload []byte, at place) error {
	size := len(payload) + eventOverhead
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.filling != nil && o.filling.bytes+size > o.limits.requestBytes || !o.hasRoomLocked(size) {
		o.cutLocked() // what is to make room must be on its way first
	}
	if err := o.waitLocked(ctx, func() bool { return o.hasRoomLocked(size) }); err != nil {
		return err
	}
	if o.filling == nil {
		o.beginLocked()
	}
	r := o.filling
	r.message.Events = append(r.message.Events, &destinationsv1.S3Event{Payload: bytes.Clone(payload)})
	r.places.add(at)
	r.bytes += size
	o.bytes += size
	if len(r.message.Events) >= o.limits.requestEvents {
		o.cutLocked()
	}
	return nil
}

// hasRoomLocked says whether an event of that size may be added.
func (o *outbox) hasRoomLocked(size int) bool {
	return (o.filling != nil || len(o.requests) < o.limits.requests) &&
		(o.bytes == 0 || o.bytes+size <= o.limits.bytes)
}

// beginLocked begins a request, which is cut after a while even if it is not full.
func (o *outbox) beginLocked() {
	r := &outRequest{message: &destinationsv1.StreamS3Request{Bucket: o.bucket, Prefix: o.prefix}}
	o.filling = r
	o.linger = time.AfterFunc(o.limits.linger, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.filling == r {
			o.cutLocked()
		}
	})
}

// cutLocked gives the request that is being filled its number: from here on it is
// sent as it is, however often.
func (o *outbox) cutLocked() {
	if o.filling == nil {
		return
	}
	o.linger.Stop()
	o.filling.message.Sequence = o.settled + uint64(len(o.requests)) + 1
	o.requests = append(o.requests, o.filling)
	o.filling = nil
	o.broadcastLocked()
}

// close says that nothing more is added.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cutLocked()
	o.closed = true
	o.broadcastLocked()
}

// fail ends the adding: nothing more is sent.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = err
	o.broadcastLocked()
}

// take returns the next request that the present stream is to send, with what its
// sender has settled by now; io.EOF behind the last of all.
func (o *outbox) take(ctx context.Context) (*destinationsv1.StreamS3Request, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.waitLocked(ctx, func() bool { return o.taken < len(o.requests) || o.closed })
	if err != nil {
		return nil, err
	}
	if o.taken == len(o.requests) {
		return nil, io.EOF
	}
	message := o.requests[o.taken].message
	if o.taken == 0 {
		o.waiting = time.Now()
	}
	o.taken++
	message.Settled = o.settled
	return message, nil
}

// rewind begins a new stream, which takes everything that has no answer again. It
// returns how many requests that are, and up to which all is settled.
func (o *outbox) rewind() (unanswered int, settled uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.requests[:o.taken] {
		r.rejections = nil // those of a new answer count
	}
	o.taken = 0
	return len(o.requests), o.settled
}

// answer takes an answer and returns the requests that it settles, each with all of
// its rejections. An error is an answer that breaks the rules of the API.
func (o *outbox) answer(a *destinationsv1.StreamS3Response) ([]*outRequest, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, rejection := range a.GetRejections() {
		r := o.takenLocked(rejection.GetSequence())
		if r == nil || int(rejection.GetRequestIndex()) >= len(r.message.Events) {
			return nil, fmt.Errorf("the service rejects event %d of request %d, which it was not sent or has answered",
				rejection.GetRequestIndex(), rejection.GetSequence())
		}
		r.rejections = append(r.rejections, rejection)
	}
	if a.GetSequence() < o.settled || a.GetSequence() > o.settled && o.takenLocked(a.GetSequence()) == nil {
		return nil, fmt.Errorf("the service answers up to request %d, which it was not sent or has answered", a.GetSequence())
	}
	o.waiting = time.Now()
	n := int(a.GetSequence() - o.settled)
	done := slices.Clone(o.requests[:n])
	o.requests = slices.Delete(o.requests, 0, n)
	o.taken -= n
	o.settled = a.GetSequence()
	for _, r := range done {
		o.bytes -= r.bytes
	}
	o.broadcastLocked()
	return done, nil
}

// dropLargest takes the event out of the largest request of the present stream, which is
// sent as an empty one then: it has its number. False if that has several events, which
// make no request that is larger than others have to be.
func (o *outbox) dropLargest() (at place, dropped bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var largest *outRequest
	for _, r := range o.requests {
		if largest == nil || r.bytes > largest.bytes {
			largest = r
		}
	}
	if largest == nil || len(largest.message.Events) != 1 {
		return place{}, false
	}
	at, _ = largest.places.find(0)
	o.bytes -= largest.bytes
	largest.message.Events, largest.places, largest.bytes = nil, places{}, 0
	o.broadcastLocked()
	return at, true
}

// silence is for how long the present stream has owed an answer; 0 if it owes none.
func (o *outbox) silence() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.taken == 0 {
		return 0
	}
	return time.Since(o.waiting)
}

// takenLocked is the request of that number, if the present stream has taken it and
// it has no answer; nil if not.
func (o *outbox) takenLocked(sequence uint64) *outRequest {
	if sequence <= o.settled || sequence-o.settled > uint64(o.taken) {
		return nil
	}
	return o.requests[sequence-o.settled-1]
}

// waitLocked waits until ok. The lock is free meanwhile.
func (o *outbox) waitLocked(ctx context.Context, ok func() bool) error {
	for {
		switch {
		case o.failed != nil:
			return o.failed
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ok():
			return nil
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		o.mu.Lock()
	}
}

// broadcastLocked wakes everyone who waits.
func (o *outbox) broadcastLocked() {
	close(o.changed)
	o.changed = make(chan struct{})
}
