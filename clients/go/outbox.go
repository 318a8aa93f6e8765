package destinations

import (
	"sync"
	"time"
)

// outbox holds the requests that have no answer: one that is filling, those that wait
// for a stream, and those that the senders have. Everything in it, the senders' lists
// too, is guarded by mu.
type outbox struct {
	mu      sync.Mutex
	filling *request
	due     bool        // filling has waited for its delay
	delay   *time.Timer // of filling
	queue   []*request  // without a number, in order
	live    []*request  // all without an answer, in order
	begun   uint64      // ordinal of the last request
	senders []*sender

	// Of the present target.
	senderID  []byte
	sequence  uint64 // the last number that was given
	settled   uint64 // up to which all are answered
	numbered  int    // requests that have a number and no answer
	held      bool   // no request gets a number: the target changes, or the end is near
	draining  bool   // a sender that has nothing to do is to end
	everyDone bool   // nothing is added any more
	failed    error  // of the client

	accepted, rejected uint64
	reconnects         uint64
	lastError          error
}

// add puts an event for which there is room into the request that is filling.
func (c *Client) add(e *outEvent, weight int64) (*Receipt, error) {
	o := &c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.failed != nil:
		return nil, o.failed
	case o.everyDone:
		return nil, ErrClosed
	}
	if o.filling != nil && !o.filling.fits(e, c.options.BatchBytes) {
		c.fullLocked()
	}
	if o.filling == nil {
		c.beginLocked()
	}
	receipt := o.filling.add(e, weight)
	if o.filling.bytes >= c.options.BatchBytes {
		c.fullLocked()
	}
	return receipt, nil
}

// beginLocked begins a request.
func (c *Client) beginLocked() {
	o := &c.outbox
	o.begun++
	r := &request{ordinal: o.begun, done: make(chan struct{}), events: c.spares.get()}
	o.filling, o.due = r, false
	o.live = append(o.live, r)
	if o.delay == nil {
		o.delay = time.AfterFunc(c.options.BatchDelay, c.delayOver)
		return
	}
	o.delay.Reset(c.options.BatchDelay)
}

// delayOver sends what is filling, unless there is more than enough to send without
// it. A timer that came too late for its request does that to the next one, which is
// no harm.
func (c *Client) delayOver() {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	if c.outbox.filling != nil {
		c.outbox.due = true
		c.dispatchLocked()
	}
}

// fullLocked ends the filling of a request.
func (c *Client) fullLocked() {
	c.enqueueLocked()
	c.dispatchLocked()
}

func (c *Client) enqueueLocked() {
	o := &c.outbox
	o.delay.Stop()
	o.queue = append(o.queue, o.filling)
	o.filling, o.due = nil, false
}

// dispatchLocked gives the requests that wait to the senders. With its number a
// request is what it is: from here on it is sent as it was cut, however often.
func (c *Client) dispatchLocked() {
	o := &c.outbox
	for {
		if len(o.queue) == 0 && o.due {
			c.enqueueLocked()
		}
		if len(o.queue) == 0 || o.held || o.numbered >= mostRequests || o.sequence-o.settled >= mostAhead {
			return
		}
		s := c.chooseLocked()
		if s == nil {
			return
		}
		r := o.queue[0]
		o.queue[0] = nil
		o.queue = o.queue[1:]
		o.sequence++
		r.sequence, r.questions = o.sequence, c.questions
		o.numbered++
		s.takeLocked(r)
	}
}

// chooseLocked is the sender whose stream has the least to do, and begins another one
// if that is much; nil if none has a stream now.
func (c *Client) chooseLocked() *sender {
	o := &c.outbox
	var best *sender
	opening := false
	for _, s := range o.senders {
		switch {
		case !s.open:
			opening = true
			s.wake()
		case best == nil || s.bytes < best.bytes:
			best = s
		}
	}
	busy := best == nil || best.bytes >= streamFull
	if busy && !opening && len(o.senders) < c.options.MaxStreams {
		c.startLocked()
	}
	return best
}

// settleLocked takes note of the answer of a request.
func (c *Client) settleLocked(r *request) {
	o := &c.outbox
	o.numbered--
	switch {
	case r.err != nil:
		o.rejected += uint64(r.count)
	default:
		o.rejected += uint64(len(r.rejections))
		o.accepted += uint64(r.count - len(r.rejections))
	}
	c.resolve(r)
	for len(o.live) > 0 && o.live[0].isDone() {
		o.settled = max(o.settled, o.live[0].sequence)
		o.live[0] = nil
		o.live = o.live[1:]
	}
}

// resolve lets everybody know, and gives the room back.
func (c *Client) resolve(r *request) {
	close(r.done)
	c.room.Release(r.weight)
	if r.sends == 1 {
		c.spares.put(r.events) // it was answered, so it has left
	}
	r.events = nil
}

func (r *request) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// unansweredLocked counts what has no answer.
func (o *outbox) unansweredLocked() (events int, bytes int64) {
	for _, r := range o.live {
		if !r.isDone() {
			events += r.count
			bytes += int64(r.bytes)
		}
	}
	return events, bytes
}
