package destinations

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
)

// Client sends events to one service. It is safe for concurrent use.
type Client struct {
	// Send is what events are sent with. It may be copied.
	Send Sender

	options Options
	room    *semaphore.Weighted // in the buffer
	outbox  outbox
	spares  spares // guarded by the outbox's mu

	ended context.Context // ends when no event is taken any more, with the reason
	end   context.CancelCauseFunc

	turn    chan struct{} // of size 1: held by SetTarget and Close
	left    error         // what Close says; immutable once closed is closed
	closed  chan struct{}
	sending sync.WaitGroup // the senders; added to under the outbox's mu
	asking  sync.WaitGroup // the questions; the same

	former []*grpc.ClientConn // of other targets, for the receipts that they gave; guarded by turn

	// Of the present target; changed under turn and the outbox's mu.
	conn       *grpc.ClientConn
	questions  *questions
	senderCtx  context.Context
	stopSender context.CancelFunc
}

// Sender is $.send.
type Sender struct{ client *Client }

// Connect makes a client of the service at target, such as "localhost:50051", as gRPC
// names it. It does not wait for a connection. The target must be one service: another
// one has another journal, and what is sent again there would be delivered twice. The
// error names the option that is wrong. The client must be closed.
func Connect(target string, options Options) (*Client, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	conn, err := dial(target, options)
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: options,
		room:    semaphore.NewWeighted(options.MaxBufferedBytes),
		turn:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	c.Send.client = c
	c.ended, c.end = context.WithCancelCause(context.Background())
	c.renewLocked(conn)
	return c, nil
}

// renewLocked makes the client a new sender, of a new target.
func (c *Client) renewLocked(conn *grpc.ClientConn) {
	c.conn, c.questions = conn, &questions{client: c, conn: conn}
	c.senderCtx, c.stopSender = context.WithCancel(context.Background())
	o := &c.outbox
	o.senderID, o.sequence, o.settled = make([]byte, 16), 0, 0
	rand.Read(o.senderID) // never fails
}

// begin runs f in a goroutine that Close waits for; false if the client is closed.
func (c *Client) begin(f func()) bool {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	if c.ended.Err() != nil {
		return false
	}
	c.asking.Go(f)
	return true
}

// S3 puts an event into the buffer, and returns when it is there. The error says that it
// is not: *SerializationError, *RejectedError, *BufferFullError, ErrClosed,
// *ClientFailedError, or the context's while it waited for room. What becomes of the event
// then is told by the receipt, which need not be looked at.
//
// If the context has a span of OpenTelemetry, the event carries its trace context.
func (s Sender) S3(ctx context.Context, event S3Event) (*Receipt, error) {
	c := s.client
	e, err := c.prepare(ctx, event)
	if err != nil {
		return nil, err
	}
	weight := min(int64(e.bytes()), c.options.MaxBufferedBytes)
	if !c.room.TryAcquire(weight) {
		if err := c.awaitRoom(ctx, weight); err != nil {
			return nil, err
		}
	}
	receipt, err := c.add(&e, weight)
	if err != nil {
		c.room.Release(weight)
	}
	return receipt, err
}

// awaitRoom waits for room as the options say.
func (c *Client) awaitRoom(ctx context.Context, weight int64) error {
	full := &BufferFullError{Limit: c.options.MaxBufferedBytes, Event: weight}
	switch c.options.WhenFull {
	case Fail:
		if c.ended.Err() != nil {
			return context.Cause(c.ended)
		}
		return full
	case Block:
		full.Waited = c.options.BlockTimeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.options.BlockTimeout, full)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ended, func() { cancel(context.Cause(c.ended)) })()
	if c.room.Acquire(ctx, weight) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Flush waits until everything that was sent before it is answered. Rejections do not
// fail it: they are the receipts' and Options.OnRejected's. The error is the context's,
// which loses nothing, or says that the client has failed.
func (c *Client) Flush(ctx context.Context) error {
	o := &c.outbox
	o.mu.Lock()
	last := o.begun
	if o.filling != nil {
		o.due = true
		c.dispatchLocked()
	}
	o.mu.Unlock()
	for {
		r, err := o.oldest(func(r *request) bool { return r.ordinal <= last })
		if r == nil {
			return err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// oldest is the first request without an answer that is of a kind; nil if there is none.
// The error is why the client has failed.
func (o *outbox) oldest(of func(*request) bool) (*request, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return nil, o.failed
	}
	for _, r := range o.live {
		if !of(r) {
			return nil, nil
		}
		if !r.isDone() {
			return r, nil
		}
	}
	return nil, nil
}

// Close takes no more events, waits for the answers until the context ends, or for
// Options.CloseTimeout if it has no deadline, and ends the streams. What is left then is
// an *UnansweredError. A second Close waits for the first and says the same.
func (c *Client) Close(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.CloseTimeout)
		defer cancel()
	}
	c.outbox.mu.Lock()
	c.outbox.everyDone = true
	c.end(ErrClosed)
	c.outbox.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
	case <-c.closed:
		return c.left
	}
	select {
	case <-c.closed: // both were ready
	default:
		c.left = c.close(ctx)
		close(c.closed)
	}
	<-c.turn
	return c.left
}

func (c *Client) close(ctx context.Context) error {
	err := c.Flush(ctx)
	o := &c.outbox
	o.mu.Lock()
	o.draining, o.held = true, true
	for _, s := range o.senders {
		s.wake()
	}
	o.mu.Unlock()
	if err == nil {
		c.awaitSenders(ctx)
	}
	c.stopSender()
	c.sending.Wait()
	c.asking.Wait()
	left := c.giveUp()
	if failed := (*ClientFailedError)(nil); left == nil && errors.As(err, &failed) {
		left = failed
	}
	for _, conn := range append(c.former, c.conn) {
		left = errors.Join(left, conn.Close())
	}
	return left
}

// awaitSenders lets the streams end as streams should.
func (c *Client) awaitSenders(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.sending.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-time.After(endTimeout):
	}
}

// giveUp fails what has no answer. No sender may run any more.
func (c *Client) giveUp() error {
	o := &c.outbox
	o.mu.Lock()
	var unanswered UnansweredError
	unanswered.Events, unanswered.Bytes = o.unansweredLocked()
	if unanswered.Events == 0 {
		o.mu.Unlock()
		return nil
	}
	left := c.dropLocked(&unanswered)
	o.mu.Unlock()
	c.tell(left)
	return &unanswered
}

// dropLocked fails everything that has no answer.
func (c *Client) dropLocked(err error) (dropped []*request) {
	o := &c.outbox
	for _, r := range o.live {
		if !r.isDone() {
			r.err, r.sends = err, 0
			c.resolve(r)
			dropped = append(dropped, r)
		}
	}
	o.live, o.queue, o.filling, o.due = nil, nil, nil, false
	for _, s := range o.senders {
		s.sent, s.next, s.bytes = nil, 0, 0
	}
	return dropped
}

// tell calls OnRejected for each event of failed requests.
func (c *Client) tell(failed []*request) {
	if c.options.OnRejected == nil {
		return
	}
	for _, r := range failed {
		r.tellFailures(c.options.OnRejected)
	}
}

// fail ends the client: what it sends is refused, and would be again.
func (c *Client) fail(why error) {
	failed := refusal(why)
	o := &c.outbox
	o.mu.Lock()
	if o.failed != nil {
		o.mu.Unlock()
		return
	}
	o.failed = failed
	o.held = true
	c.end(failed)
	dropped := c.dropLocked(failed)
	o.mu.Unlock()
	c.stopSender()
	c.tell(dropped)
}

// SetTarget sends to another service from now on. Requests that the present one was
// given are answered by it first, and it can be asked of their receipts until Close; other
// events wait in the buffer and go to the new one. If the context ends before, the present
// target stays.
func (c *Client) SetTarget(ctx context.Context, target string) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := context.Cause(c.ended); err != nil {
		return err
	}
	conn, err := dial(target, c.options)
	if err != nil {
		return err
	}
	if err := c.settleAll(ctx); err != nil {
		return errors.Join(err, conn.Close())
	}
	c.stopSender()
	c.sending.Wait()
	o := &c.outbox
	o.mu.Lock()
	c.former = append(c.former, c.conn)
	c.renewLocked(conn)
	o.senders, o.held = nil, false
	c.dispatchLocked()
	o.mu.Unlock()
	return nil
}

// settleAll lets no more requests have numbers and waits until those that have one are
// answered. After an error all is as before.
func (c *Client) settleAll(ctx context.Context) error {
	o := &c.outbox
	o.mu.Lock()
	o.held = true
	o.mu.Unlock()
	for {
		r, err := o.oldest(func(r *request) bool { return r.sequence > 0 })
		if r == nil && err == nil {
			return nil
		}
		if err == nil {
			select {
			case <-r.done:
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			case <-c.ended.Done():
				err = context.Cause(c.ended)
			}
		}
		o.mu.Lock()
		o.held = o.failed != nil
		c.dispatchLocked()
		o.mu.Unlock()
		return err
	}
}
