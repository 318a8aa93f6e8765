package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/upgrade"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	bucket   = "upgrade"
	dataName = "data"

	// endpoint is part of a folder's identity. The service reaches it through the proxy
	// that its environment names, wherever that listens.
	endpoint = "http://s3.upgrade.example"

	prefixes = 16 // enough for each partition to have some

	deliveredRounds = 3
	deliveredEvents = 100  // of a prefix, in a round
	deliveredBytes  = 1500 // of an event
	eventsOfEach    = 5    // sealed events, and open ones, of a prefix
)

// smallSegments lets a few megabytes of events fill several segments.
var smallSegments = []string{"--max-payload-size", "32KiB", "--max-request-size", "64KiB", "--journal-quota", "8MiB", "--max-object-size", "1MiB"}

// player lets an earlier service live.
type player struct {
	s3      *harness.S3
	faults  *faultproxy.Proxy
	service *harness.Service
	log     string // of the service
	conn    *grpc.ClientConn
	note    *upgrade.Note
}

// play lets the service take events that are delivered, then such that are sealed and
// can't be delivered, then such that are in open batches, and kills it.
func play(ctx context.Context, bins harness.Binaries, dir string) (*upgrade.Note, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	p := &player{
		log:  filepath.Join(dir, "service.log"),
		note: &upgrade.Note{Endpoint: endpoint, Bucket: bucket, Sealed: map[string]string{}, Sender: make([]byte, 16)},
	}
	_, _ = rand.Read(p.note.Sender) // never fails
	defer p.close()
	if err := p.start(ctx, bins, dir); err != nil {
		return nil, err
	}
	if err := p.deliver(ctx); err != nil {
		return nil, fmt.Errorf("deliver: %w", err)
	}
	p.faults.SetRules(faultproxy.Rule{Op: faultproxy.PutObject, Fault: faultproxy.Answer(http.StatusForbidden, "AccessDenied")})
	if err := p.seal(ctx); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := p.send(ctx, false); err != nil {
		return nil, fmt.Errorf("leave open: %w", err)
	}
	return p.note, nil
}

// start starts everything.
func (p *player) start(ctx context.Context, bins harness.Binaries, dir string) (err error) {
	p.s3, err = harness.StartS3(ctx, harness.S3Params{
		Binary: bins.S3Server, Dir: filepath.Join(dir, "s3"), Buckets: map[string]string{bucket: filepath.Join(dir, "policy.json")},
	})
	if err != nil {
		return err
	}
	if p.faults, err = faultproxy.Listen(strings.TrimPrefix(p.s3.Endpoint, "http://")); err != nil {
		return err
	}
	args := append([]string{"--window", "1h"}, smallSegments...)
	p.service, err = harness.StartService(ctx, harness.ServiceParams{
		Binary: bins.Service, DataDir: filepath.Join(dir, dataName), Log: p.log, S3: p.s3, Endpoint: endpoint, Args: args,
		Env: upgrade.Through(p.faults.URL()),
	})
	if err != nil {
		return err
	}
	p.conn, err = grpc.NewClient(p.service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return err
}

// close kills everything.
func (p *player) close() {
	if p.conn != nil {
		_ = p.conn.Close()
	}
	if p.service != nil {
		p.service.Kill()
	}
	if p.faults != nil {
		p.faults.Close()
	}
	if p.s3 != nil {
		p.s3.Kill()
	}
}

// deliver has so many events delivered that the logs have segments to release.
func (p *player) deliver(ctx context.Context) error {
	padding := strings.Repeat("-", deliveredBytes)
	for round := range deliveredRounds {
		var requests []upgrade.Request
		for prefix := range prefixes {
			for i := range deliveredEvents {
				if i%20 == 0 {
					requests = append(requests, upgrade.Request{Sequence: p.next(requests)})
				}
				r := &requests[len(requests)-1]
				r.Events = append(r.Events, event(prefix, fmt.Sprintf("delivered %d.%d %s", round, i, padding)))
				p.note.Delivered++
			}
		}
		if _, err := p.call(ctx, requests); err != nil {
			return err
		}
		if err := p.flush(ctx); err != nil {
			return err
		}
		if err := p.awaitLines(ctx, p.note.Delivered); err != nil {
			return err
		}
	}
	return nil
}

// next is the sequence of the request behind all that were sent and those.
func (p *player) next(unsent []upgrade.Request) uint64 {
	switch {
	case len(unsent) > 0:
		return unsent[len(unsent)-1].Sequence + 1
	case len(p.note.Requests) > 0:
		return p.note.Requests[len(p.note.Requests)-1].Sequence + 1
	}
	return uint64(p.note.Delivered + 1)
}

// seal has a batch of each prefix sealed, and tried in vain.
func (p *player) seal(ctx context.Context) error {
	if err := p.send(ctx, true); err != nil {
		return err
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	return harness.Poll(ctx, "the log to name a failed batch of each prefix", p.readKeys)
}

// send sends requests of one event for each prefix, and notes them.
func (p *player) send(ctx context.Context, sealed bool) error {
	var requests []upgrade.Request
	for i := range eventsOfEach {
		r := upgrade.Request{Sequence: p.next(requests), Sealed: sealed}
		for prefix := range prefixes {
			r.Events = append(r.Events, event(prefix, fmt.Sprintf("sealed %t %d", sealed, i)))
		}
		requests = append(requests, r)
	}
	tokens, err := p.call(ctx, requests)
	p.note.Requests = append(p.note.Requests, requests...)
	p.note.Tokens = append(p.note.Tokens, tokens...)
	return err
}

// event is an event of a prefix.
func event(prefix int, text string) upgrade.Event {
	return upgrade.Event{Prefix: fmt.Sprintf("p%02d/", prefix), Payload: fmt.Sprintf(`{"prefix":%d,"text":%q}`, prefix, text)}
}

// call sends requests in one stream, and returns the tokens of the receipts.
func (p *player) call(ctx context.Context, requests []upgrade.Request) (tokens []string, err error) {
	call, err := destinationsv1.NewDestinationsClient(p.conn).SendS3(ctx)
	if err != nil {
		return nil, err
	}
	accepted := 0
	for _, m := range p.note.Messages(requests) {
		accepted += len(m.GetEvents())
		if err := call.Send(m); err != nil {
			break // the answer says why
		}
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return nil, err
	}
	if answer.GetAccepted() != uint64(accepted) {
		return nil, fmt.Errorf("%d events accepted of %d", answer.GetAccepted(), accepted)
	}
	for _, r := range answer.GetReceipts() {
		tokens = append(tokens, r.GetToken())
	}
	return tokens, nil
}

func (p *player) flush(ctx context.Context) error {
	_, err := destinationsv1.NewOperationsClient(p.conn).Flush(ctx, &destinationsv1.FlushRequest{})
	return err
}

// awaitLines waits until the bucket has so many lines.
func (p *player) awaitLines(ctx context.Context, want int) error {
	return harness.Poll(ctx, fmt.Sprintf("%d events to be delivered", want), func() error {
		objects, err := p.s3.List(ctx, bucket, "")
		got := 0
		for _, o := range objects {
			err = errors.Join(err, p.s3.Lines(ctx, o, func([]byte) error { got++; return nil }))
		}
		if err == nil && got != want {
			err = fmt.Errorf("%d are", got)
		}
		return err
	})
}
