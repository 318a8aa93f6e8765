package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// patience is how long anything may take.
const patience = 2 * time.Minute

// The buckets.
const (
	workflows = "workflows"
	audit     = "audit"
)

// world is a service, the S3 server behind it, and the proxies on the way.
type world struct {
	*stage.Stage
	mu    sync.Mutex // of what is done
	rules int        // that S3 had
}

// newWorld starts all of it. The service's window is one that no test lives to see the
// end of, unless args say otherwise.
func newWorld(t *testing.T, args []string) *world { return newWorldFor(t, args, "") }

// newWorldFor starts a service that lets in whom the grants let in, "token:client" among
// them; "" = everybody.
func newWorldFor(t *testing.T, args []string, grants string) *world {
	t.Helper()
	s, err := stage.Open(t.Context(), stage.Params{
		Dir: t.TempDir(), Bins: bins, Buckets: []string{workflows, audit}, Args: append([]string{"--window", "1h"}, args...),
		Grants: grants, Names: []string{"client"},
	})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, s.LaunchReady(t.Context()))
	return &world{Stage: s}
}

// do does one thing, which its words say:
//
//	cut, hang, pass, refuse    connections of the client
//	hold N                     N bytes a second are let through
//	kill, launch               the service (SIGKILL), and starts it again
//	restart                    the service, as operators do
//	flush, redrive             as operators do
//	revoke                     the client's token
//	s3 STATUS CODE N           the next N objects are answered with an error
//	s3 reset N                 the next N objects are put, and the answer is lost
//	s3 hang, s3 pass           objects
//	s3 done N                  waits until that has happened N times
func (w *world) do(ctx context.Context, words string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	word := strings.Fields(words)
	switch word[0] {
	case "cut":
		w.Front.Cut()
	case "hang":
		w.Front.Hang()
	case "pass":
		w.Front.Pass()
	case "refuse":
		w.Front.Refuse()
	case "hold":
		n, err := strconv.Atoi(word[1])
		w.Front.Hold(n)
		return err
	case "kill":
		w.Service.Kill()
	case "launch":
		return w.LaunchReady(ctx)
	case "restart":
		if err := w.Service.Stop(ctx); err != nil {
			return err
		}
		return w.LaunchReady(ctx)
	case "revoke":
		_, err := w.Access.Store.Revoke("client")
		return err
	case "flush":
		return w.Flush(ctx)
	case "redrive":
		return w.Redrive(ctx)
	case "s3":
		return w.breakS3(ctx, word[1:])
	default:
		return fmt.Errorf("nobody knows how to do %q", words)
	}
	return nil
}

// breakS3 sets the rules for S3.
func (w *world) breakS3(ctx context.Context, words []string) error {
	if words[0] == "done" {
		return w.awaitS3(ctx, words[1])
	}
	w.rules++
	rule := faultproxy.Rule{Name: fmt.Sprint(w.rules), Op: faultproxy.PutObject, From: 1}
	var err error
	switch {
	case words[0] == "pass":
		w.Faults.SetRules()
		return nil
	case words[0] == "hang":
		rule.Fault = faultproxy.Hold()
	case words[0] == "reset":
		rule.Fault = faultproxy.Reset().AfterEffect()
		rule.To, err = strconv.Atoi(words[1])
	default:
		var status int
		if status, err = strconv.Atoi(words[0]); err == nil {
			rule.Fault = faultproxy.Answer(status, words[1])
			rule.To, err = strconv.Atoi(words[2])
		}
	}
	w.Faults.SetRules(rule)
	return err
}

// awaitS3 waits until the last rule has done its work so often.
func (w *world) awaitS3(ctx context.Context, times string) error {
	want, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	return harness.Poll(ctx, "faults of S3", func() error {
		if got := w.Faults.Done()[fmt.Sprint(w.rules)]; got < want {
			return fmt.Errorf("%d of %d have happened", got, want)
		}
		return nil
	})
}

// heal undoes whatever was done.
func (w *world) heal(ctx context.Context) error {
	w.Front.Pass()
	w.Back.Pass()
	w.Faults.SetRules()
	select {
	case <-w.Service.Done():
		return w.LaunchReady(ctx)
	default:
		return nil
	}
}

// drain waits until everything below a prefix is delivered.
func (w *world) drain(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := grpc.NewClient(w.Service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), w.Access.As("stage"))
	if err != nil {
		return err
	}
	defer conn.Close()
	operations := destinationsv1.NewOperationsClient(conn)
	if _, err := operations.Flush(ctx, &destinationsv1.FlushRequest{}); err != nil {
		return err
	}
	if _, err := operations.Redrive(ctx, &destinationsv1.RedriveRequest{}); err != nil {
		return err
	}
	return harness.Poll(ctx, "delivery", func() error {
		left, err := backlog(ctx, operations, prefix)
		if err == nil && left > 0 {
			err = fmt.Errorf("%d events below %s are not delivered", left, prefix)
		}
		return err
	})
}

// backlog is how many events below a prefix are not delivered.
func backlog(ctx context.Context, operations destinationsv1.OperationsClient, prefix string) (left uint64, err error) {
	lines, err := operations.ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{})
	if err != nil {
		return 0, err
	}
	for {
		line, err := lines.Recv()
		if errors.Is(err, io.EOF) {
			return left, nil
		} else if err != nil {
			return 0, err
		}
		if line.GetDestination() != nil && strings.HasPrefix(line.GetDestination().GetPrefix(), prefix) {
			left += line.GetBacklogEvents()
		}
	}
}

// line is one that has arrived.
type line struct {
	to   harness.Destination
	text string
}

// read returns every line below a prefix, in the order of the objects and lines of each
// destination.
func (w *world) read(ctx context.Context, prefix string) (all []line, objects []harness.Object, err error) {
	for _, bucket := range []string{workflows, audit} {
		list, err := w.S3.List(ctx, bucket, prefix)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range list {
			err := w.S3.Lines(ctx, o, func(text []byte) error {
				all = append(all, line{to: harness.Destination{Bucket: bucket, Prefix: o.Prefix}, text: string(text)})
				return nil
			})
			if err != nil {
				return nil, nil, err
			}
		}
		objects = append(objects, list...)
	}
	return all, objects, nil
}
