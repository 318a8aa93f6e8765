package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	// outstanding is how many requests of a stream may have no answer.
	outstanding = 32

	// drainTimeout bounds the wait for the last answers when the sending is over.
	drainTimeout = time.Minute
)

// loadParams says what to send.
type loadParams struct {
	Target   string
	Show     grpc.DialOption // that shows who the streams are; nil = nothing does
	Corpus   *corpus
	Spread   spread
	Duration time.Duration
	Rate     int // events a second over all streams; 0 = as many as are taken
}

// load is what was sent, and what became of it.
type load struct {
	began   time.Time
	streams [streams]streamLog
	acked   atomic.Uint64 // events so far, for people to watch
}

// streamLog is what one stream sent. It belongs to its stream until run returns.
type streamLog struct {
	sent      []int64         // when, Unix nanoseconds; sent[i] is the request of sequence i+1
	latencies []time.Duration // from the send to the answer, of the requests that have one: the first of sent
	planned   []time.Duration // the same from the time at which the rate wanted it sent
	lastAck   time.Time
}

// run sends for a while and returns when every request has its answer, or a stream
// has failed. What was sent is in l also beside an error.
func (l *load) run(ctx context.Context, p loadParams) error {
	ctx, cancel := context.WithTimeout(ctx, p.Duration+drainTimeout)
	defer cancel()
	var all [streams]*stream
	for i := range all {
		s, err := openStream(ctx, i, p)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		all[i] = s
	}
	// A stream that fails ends the sending of the others, but they get their answers.
	sending, stop := context.WithCancel(ctx)
	defer stop()
	l.began = time.Now()
	var running errgroup.Group
	for _, s := range all {
		running.Go(func() error {
			err := s.run(sending, l)
			if err != nil {
				stop()
				err = fmt.Errorf("stream %d: %w", s.number, err)
			}
			return err
		})
	}
	return running.Wait()
}

// slot is a request that has no answer yet, or the memory for one.
type slot struct {
	sent    time.Time
	planned time.Time
	encoded []byte
}

// stream is one StreamS3. One goroutine sends, another takes the answers; slots go
// round between them.
type stream struct {
	number  int
	params  loadParams
	conn    *grpc.ClientConn
	call    call
	sender  []byte
	free    chan *slot
	waiting chan *slot    // sent, in their order; has room for all
	settled atomic.Uint64 // the sequence up to which all have answers
}

// openStream connects, begins the call, and makes the memory of all requests. ctx
// ends the call.
func openStream(ctx context.Context, number int, p loadParams) (*stream, error) {
	s := &stream{
		number: number, params: p,
		sender:  newSender(),
		free:    make(chan *slot, outstanding),
		waiting: make(chan *slot, outstanding),
	}
	for range outstanding {
		s.free <- &slot{encoded: make([]byte, 0, len(p.Corpus.requests[0])+64)}
	}
	if p.Show == nil {
		p.Show = grpc.EmptyDialOption{}
	}
	var err error
	s.conn, err = grpc.NewClient(p.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(), p.Show)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.Target, err)
	}
	if s.call, err = openCall(ctx, s.conn); err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

// run sends until the load's time is over, or sending ends, and takes answers until
// there are no more.
func (s *stream) run(sending context.Context, l *load) error {
	sending, stop := context.WithCancel(sending)
	defer stop()
	log := &l.streams[s.number]
	var both errgroup.Group
	both.Go(func() error { return s.send(sending, l.began) })
	answers := s.answers(l, log)
	stop() // the call is over
	err := both.Wait()
	close(s.waiting)
	for w := range s.waiting { // sent, and not answered
		log.sent = append(log.sent, w.sent.UnixNano())
	}
	return errors.Join(err, answers)
}

// send sends until its time is over. It does not report that the call broke: the
// answers end with the reason.
func (s *stream) send(sending context.Context, began time.Time) error {
	until := began.Add(s.params.Duration)
	pace := newPace(s.params.Rate, s.number, began)
	for sequence := uint64(1); ; sequence++ {
		planned, ok := pace.wait(sending, until)
		if !ok {
			return s.call.CloseSend()
		}
		var next *slot
		select {
		case next = <-s.free:
		case <-sending.Done():
			return s.call.CloseSend()
		}
		next.sent = time.Now()
		if next.planned = planned; planned.IsZero() {
			next.planned = next.sent
		}
		if !next.sent.Before(until) {
			return s.call.CloseSend()
		}
		next.encoded = s.params.Corpus.appendRequest(next.encoded[:0], requestParams{
			ID:      requestID{s.number, sequence},
			Sent:    next.sent,
			Spread:  s.params.Spread,
			Settled: s.settled.Load(),
			Sender:  s.sender,
		})
		s.waiting <- next
		if s.call.SendMsg(encodedRequest(next.encoded)) != nil {
			return nil
		}
	}
}

// answers takes answers until there are no more. Every request must have one then,
// and every event must have been accepted.
func (s *stream) answers(l *load, log *streamLog) error {
	for {
		answer, err := s.call.Recv()
		now := time.Now()
		if over, err := s.isOver(err); over {
			return err
		}
		requests, err := s.settle(log, answer.GetSequence(), now)
		if err != nil {
			return err
		}
		if answer.GetRejected() > 0 || answer.GetAccepted() != requests*eventsPerRequest {
			return fmt.Errorf("the answer up to %d says %d accepted and %d rejected (%v), for %d requests of %d events", answer.GetSequence(),
				answer.GetAccepted(), answer.GetRejected(), answer.GetRejections(), requests, eventsPerRequest)
		}
		l.acked.Add(answer.GetAccepted())
		log.lastAck = now
	}
}

// settle notes the answers of all requests up to sequence, and how many they are.
func (s *stream) settle(log *streamLog, sequence uint64, now time.Time) (requests uint64, err error) {
	for s.settled.Load() < sequence {
		select {
		case w := <-s.waiting:
			log.sent = append(log.sent, w.sent.UnixNano())
			log.latencies = append(log.latencies, now.Sub(w.sent))
			log.planned = append(log.planned, now.Sub(w.planned))
			s.settled.Add(1)
			requests++
			s.free <- w
		default:
			return requests, fmt.Errorf("answered up to %d, but only %d requests were sent", sequence, s.settled.Load())
		}
	}
	return requests, nil
}
