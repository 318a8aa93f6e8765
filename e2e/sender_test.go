package e2e_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	// loadAcked is how many events are acknowledged before a load counts as one.
	loadAcked = 5_000

	// callRequests is how many requests a sender puts into a call that it wants
	// answered soon.
	callRequests = 10
)

// load is a number of senders that send until the service goes away or the load is
// stopped.
type load struct {
	w       *world
	stopped chan struct{} // closed when the senders are to end by themselves
	senders sync.WaitGroup
	acked   int // events, before it began
	objects int // in crash-a, before it began

	mu       sync.Mutex
	errs     []error // what ended the senders; guarded by mu
	longErrs []error // those of the senders with one long call; guarded by mu
}

// startLoad starts four senders: two whose calls are short and answered, and two
// with one call that lasts.
func (w *world) startLoad(svc *service, firstStream int) *load {
	w.t.Helper()
	l := &load{w: w, stopped: make(chan struct{})}
	_, l.acked, _ = w.ledger.Counts()
	before, err := w.s3.List(w.t.Context(), "crash-a", "")
	must(w.t, err)
	l.objects = len(before)
	destinations := destinationsIn(10, "crash-a", "crash-b")
	for i := range 4 {
		stream := firstStream + i
		l.senders.Go(func() {
			if i < 2 {
				l.note(l.sendCalls(svc, stream, destinations), false)
			} else {
				l.note(w.send(w.t.Context(), svc, stream, l.requests(stream, destinations)), true)
			}
		})
	}
	return l
}

// note keeps what ended a sender.
func (l *load) note(err error, long bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
	if long {
		l.longErrs = append(l.longErrs, err)
	}
}

// sendCalls sends short calls until one of them fails or the load is stopped.
func (l *load) sendCalls(svc *service, stream int, destinations []harness.Destination) error {
	next, stop := iter.Pull(l.requests(stream, destinations))
	defer stop()
	for more := true; more; {
		call := func(yield func([]outgoing) bool) {
			for range callRequests {
				events, ok := next()
				if more = ok; !ok || !yield(events) {
					return
				}
			}
		}
		if err := l.w.send(l.w.t.Context(), svc, stream, call); err != nil {
			return err
		}
	}
	return nil
}

// requests are those of a stream, until the load is stopped.
func (l *load) requests(stream int, destinations []harness.Destination) iter.Seq[[]outgoing] {
	made := newJSONMaker(uint64(stream))
	return inRequests(20, func(yield func(outgoing) bool) {
		for n := 0; ; n++ {
			select {
			case <-l.stopped:
				return
			default:
			}
			to := destinations[made.rnd.IntN(len(destinations))]
			if !yield(outgoing{to, made.event(stream, n, made.logUniform(50, 4<<10))}) {
				return
			}
		}
	})
}

// stop lets the senders end by themselves.
func (l *load) stop() { close(l.stopped) }

// awaitFull waits until much is acknowledged and objects are being written.
func (l *load) awaitFull() {
	l.w.t.Helper()
	ctx, cancel := context.WithTimeout(l.w.t.Context(), time.Minute)
	defer cancel()
	must(l.w.t, harness.Poll(ctx, "the load", func() error {
		sent, acked, _ := l.w.ledger.Counts()
		if acked-l.acked < loadAcked {
			return fmt.Errorf("%d events sent, %d acknowledged before and %d now", sent, l.acked, acked)
		}
		objects, err := l.w.s3.List(ctx, "crash-a", "")
		if err == nil && len(objects) <= l.objects {
			err = fmt.Errorf("%d events acknowledged, %d objects written before and none now", acked, l.objects)
		}
		return err
	}))
}

// join waits for the senders, which must have ended by themselves, if they were
// to, or have lost the service, and nothing else.
func (l *load) join() {
	l.w.t.Helper()
	l.senders.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, err := range l.errs {
		select {
		case <-l.stopped:
			must(l.w.t, err)
		default:
			if status.Code(err) != codes.Unavailable {
				l.w.t.Errorf("a sender ended with %v, want UNAVAILABLE", err)
			}
		}
	}
}
