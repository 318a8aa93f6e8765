package traffic

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Params says what a client is like.
type Params struct {
	Target string         // address of the service
	CA     *x509.CertPool // authorities that the service is known by; nil = it speaks no TLS
	Number int            // of the client, from 0; less than MaxClients
	Corpus *Corpus
	Seed   uint64 // of what it decides at random

	Stream bool // it sends over StreamS3; if not, over SendS3, one call behind the other
	IDs    bool // its events have ids; if not, it is a sender that says what it has settled

	RequestEvents int     // events in a request
	Outstanding   int     // requests without an answer; in a SendS3 at most so many
	Rate          float64 // events a second; 0 = as many as are answered

	Show grpc.DialOption // that shows who the client is; nil = nothing does

	// Forget is the part of the answers that the client does not take: it breaks the
	// call off as if the connection had been cut before the answer came.
	Forget float64

	Receipts bool // its receipts are kept, for Tally.CheckReceipts
}

// Client is a program that sends events. Run is its life; what it did is for others
// to read when that is over, but for the methods that say otherwise.
type Client struct {
	p      Params
	random *mathrand.Rand
	conn   *grpc.ClientConn
	api    destinationsv1.DestinationsClient
	sender []byte // nil if events have ids
	began  time.Time

	stopping sync.Once
	stopped  chan struct{} // closed by Stop
	progress atomic.Uint64 // settled, for people who watch

	// Owned by Run.
	unanswered []*request
	settled    uint64  // sequence up to which everything is answered
	begun      uint64  // sequence of the last request that was made
	sentAt     []int64 // by sequence-1: when a request was first sent, Unix nanoseconds
	stats      Stats
	rejected   map[uint64]bool // numbers of events
	receipts   []receipt
}

// request is a request that has no answer yet. But for the times it never changes.
type request struct {
	sequence uint64
	events   []*destinationsv1.S3Event
	sends    int       // how often it was sent
	sent     time.Time // the last time
}

// NewClient makes a client. Run must follow: it lets go of what NewClient has taken.
func NewClient(p Params) (*Client, error) {
	if p.Number < 0 || p.Number >= MaxClients || p.RequestEvents < 1 || p.Outstanding < 1 {
		return nil, fmt.Errorf("client %d with %d requests of %d events outstanding: not possible", p.Number, p.Outstanding, p.RequestEvents)
	}
	// Whoever restarts the service wants to be met at once.
	eager := grpc.WithConnectParams(grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.5, Jitter: 0.5, MaxDelay: 200 * time.Millisecond},
		MinConnectTimeout: 5 * time.Second,
	})
	if p.Show == nil {
		p.Show = grpc.EmptyDialOption{}
	}
	conn, err := grpc.NewClient(p.Target, grpc.WithTransportCredentials(harness.Transport(p.CA)), grpc.WithDisableRetry(), eager, p.Show)
	if err != nil {
		return nil, fmt.Errorf("client %d: %w", p.Number, err)
	}
	c := &Client{
		p:        p,
		random:   mathrand.New(mathrand.NewPCG(p.Seed, uint64(p.Number))),
		conn:     conn,
		api:      destinationsv1.NewDestinationsClient(conn),
		stopped:  make(chan struct{}),
		rejected: map[uint64]bool{},
		stats:    newStats(),
	}
	if !p.IDs {
		c.sender = make([]byte, 16)
		rand.Read(c.sender) // never fails
	}
	return c, nil
}

// Run sends until Stop, and then until everything that was sent has its answer. An
// error is that of ctx, or of a service that breaks the rules of its API.
func (c *Client) Run(ctx context.Context) error {
	defer c.conn.Close()
	c.began = time.Now()
	for failures := 0; !c.over(); {
		before := c.settled
		err := c.call(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if broken := (*brokenRule)(nil); errors.As(err, &broken) {
			return fmt.Errorf("client %d: %w", c.p.Number, err)
		}
		if err == nil || c.settled > before {
			failures = 0
		}
		if err == nil {
			continue
		}
		failures++
		if !c.pause(ctx, c.noteEnd(err), failures) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// call sends over one call until it ends.
func (c *Client) call(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.p.Stream {
		return c.stream(ctx, cancel)
	}
	return c.send(ctx)
}

// Stop lets the client begin no more requests.
func (c *Client) Stop() { c.stopping.Do(func() { close(c.stopped) }) }

// Progress is how many events have an answer. It may be asked while the client runs.
func (c *Client) Progress() uint64 { return c.progress.Load() * uint64(c.p.RequestEvents) }

// over says that nothing more is to be done.
func (c *Client) over() bool { return c.isStopped() && len(c.unanswered) == 0 }

func (c *Client) isStopped() bool {
	select {
	case <-c.stopped:
		return true
	default:
		return false
	}
}

// due is when the next request may be begun; zero is at once.
func (c *Client) due() time.Time {
	if c.p.Rate == 0 {
		return time.Time{}
	}
	each := float64(time.Second) * float64(c.p.RequestEvents) / c.p.Rate
	return c.began.Add(time.Duration(float64(c.begun) * each))
}

// begin makes the next request; nil if it may not be begun now.
func (c *Client) begin() *request {
	if len(c.unanswered) >= c.p.Outstanding || c.isStopped() || c.due().After(time.Now()) {
		return nil
	}
	first := c.begun * uint64(c.p.RequestEvents)
	c.begun++
	r := &request{sequence: c.begun, events: make([]*destinationsv1.S3Event, c.p.RequestEvents)}
	for i := range r.events {
		r.events[i] = c.event(first + uint64(i))
	}
	c.unanswered = append(c.unanswered, r)
	return r
}

// event makes the event of a number.
func (c *Client) event(number uint64) *destinationsv1.S3Event {
	to := c.p.Corpus.destination(c.p.Number, number)
	e := &destinationsv1.S3Event{
		Bucket: to.Bucket, Prefix: &to.Prefix,
		Payload: c.p.Corpus.appendPayload(nil, c.p.Number, number),
	}
	if c.p.IDs {
		e.Id = eventID(e.Payload)
	}
	return e
}

// sending notes that a request is about to be sent.
func (c *Client) sending(r *request) {
	r.sent = time.Now()
	if r.sends++; r.sends == 1 {
		c.sentAt = append(c.sentAt, r.sent.UnixNano())
	} else {
		c.stats.Resent += uint64(len(r.events))
	}
}

// pause waits before the next call: as long as the service has asked for, or a
// little and then longer. It is false if ctx ends first.
func (c *Client) pause(ctx context.Context, asked time.Duration, failures int) bool {
	const least, most = 10 * time.Millisecond, 500 * time.Millisecond
	wait := asked
	if wait == 0 {
		wait = time.Duration(float64(min(least<<min(failures, 10), most)) * (0.5 + c.random.Float64()/2))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
