package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func TestSendReportsAcceptedRejectedAndReceipts(t *testing.T) {
	fake := &fakeService{reject: func(payload []byte) *destinationsv1.Rejection {
		if bytes.HasPrefix(payload, []byte("bad")) {
			return &destinationsv1.Rejection{Field: "payload", Reason: "not wanted"}
		}
		return nil
	}}
	target := fake.start(t)
	file := writeFile(t, "events.ndjson", "one\n\ntwo\r\nbad\n"+strings.Repeat("x", 21)+"\nthree")
	got := invocation{
		args:  []string{"send", "--bucket", "bkt", "--prefix", "p", "--target", target, "--max-payload-size", "20", file, "-"},
		stdin: "four\nbad too\n",
	}.run(t)
	want := outcome{code: exitFailed, stderr: file + ":5: payload: 21 bytes, limit 20 (--max-payload-size)\n" +
		file + ":4: payload: not wanted\n" +
		"stdin:2: payload: not wanted\n" +
		"accepted 4, rejected 3, 1 empty line passed over\n" +
		"receipt s3://bkt/p/ accepted 4 token token\n"}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if want := []string{"one", "two", "three", "four"}; !slices.Equal(fake.payloads, want) {
		t.Errorf("got events %q, want %q", fake.payloads, want)
	}
	if r := fake.requests[0]; r.GetBucket() != "bkt" || r.GetPrefix() != "p" || len(fake.requests) != 1 {
		t.Errorf("got %d requests, the first for %s, %s", len(fake.requests), r.GetBucket(), r.GetPrefix())
	}
}

func TestSendPrintsJSON(t *testing.T) {
	fake := &fakeService{}
	got := invocation{args: []string{"send", "--bucket", "bkt", "--json", "--target", fake.start(t)}, stdin: "one\n\n"}.run(t)
	var result sendResult
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil || got.code != exitOK || got.stderr != "" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if result.Accepted != 1 || result.Rejected != 0 || result.Skipped != 1 || len(result.Receipts) != 1 || result.Receipts[0].Token != "token" {
		t.Errorf("got %+v", result)
	}
}

func TestSendCountsRejectionsThatTheAnswerDoesNotName(t *testing.T) {
	fake := &fakeService{reject: func([]byte) *destinationsv1.Rejection {
		return &destinationsv1.Rejection{Reason: "no"}
	}}
	got := invocation{args: []string{"send", "--bucket", "bkt", "--target", fake.start(t)}, stdin: strings.Repeat("x\n", 2500)}.run(t)
	if got.code != exitFailed || !strings.Contains(got.stderr, "stdin:1000: no\n1500 events rejected besides those named\naccepted 0, rejected 2500\n") {
		t.Errorf("got %d, ... %s", got.code, got.stderr[max(0, len(got.stderr)-200):])
	}
}

func TestSendSaysUpToWhichLineAllIsDurable(t *testing.T) {
	for _, test := range []struct {
		name    string
		durable string
		want    string
		code    int
	}{
		{"first request", "1", "events up to stdin:1001 are durable", exitFailed},
		{"second request", "2", "events up to stdin:2001 are durable", exitFailed},
		{"nothing", "0", "no event is known to be durable", exitNothing},
		{"not said", "", "no event is known to be durable", exitNothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := &fakeService{}
			fake.failWith = func(sequence uint64) error {
				if sequence < 4 {
					return nil
				}
				return endOfStream(t, codes.ResourceExhausted, "JOURNAL_FULL", test.durable)
			}
			got := invocation{
				args:  []string{"send", "--bucket", "bkt", "--target", fake.start(t)},
				stdin: "\n" + strings.Repeat("x\n", 9000),
			}.run(t)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) ||
				!strings.Contains(got.stderr, "destinations send: ResourceExhausted (JOURNAL_FULL): the journal is full; ") {
				t.Errorf("got exit code %d, stderr %q; want %d, ... %q", got.code, got.stderr, test.code, test.want)
			}
		})
	}
}

// dialFake makes a client of f.
func dialFake(t *testing.T, f *fakeService) destinationsv1.DestinationsClient {
	t.Helper()
	conn, err := grpc.NewClient(f.start(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return destinationsv1.NewDestinationsClient(conn)
}

// A long input becomes several streams, so that nothing grows with it; what a
// stream says is about its own lines.
func TestSendCutsLongInputIntoStreams(t *testing.T) {
	fake := &fakeService{reject: func(payload []byte) *destinationsv1.Rejection {
		if string(payload) == "17" || string(payload) == "95" {
			return &destinationsv1.Rejection{Reason: "no"}
		}
		return nil
	}}
	var stderr bytes.Buffer
	report := &sendReport{stderr: &stderr}
	s := newSender(senderParams{
		Client: dialFake(t, fake),
		Bucket: "bkt",
		Limits: sendLimits{requestEvents: 3, requestBytes: 1 << 20, streamRequests: 4, streamRuns: 100},
		Report: report, Explain: func(err error) error { return err },
	})
	for line := range uint64(100) {
		if err := s.add(t.Context(), fmt.Append(nil, line+1), place{file: "f", line: line + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fake.streams != 9 || len(fake.requests) != 34 || len(fake.payloads) != 98 || report.answers != 9 {
		t.Errorf("got %d streams, %d requests, %d events; want 9, 34, 98", fake.streams, len(fake.requests), len(fake.payloads))
	}
	if stderr.String() != "f:17: no\nf:95: no\n" || report.accepted != 98 || report.durable != (place{file: "f", line: 100}) {
		t.Errorf("got %q, accepted %d, durable %v", stderr.String(), report.accepted, report.durable)
	}
}

func TestSendCutsStreamsByTheirTableOfLines(t *testing.T) {
	fake := &fakeService{}
	s := newSender(senderParams{
		Client: dialFake(t, fake),
		Limits: sendLimits{requestEvents: 1, requestBytes: 1, streamRequests: 1000, streamRuns: 5},
		Report: &sendReport{stderr: io.Discard}, Explain: func(err error) error { return err },
	})
	for line := range uint64(10) {
		if err := s.add(t.Context(), []byte("x"), place{file: "f", line: 2 * line}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.finish(t.Context()); err != nil || fake.streams != 2 {
		t.Errorf("got %d streams, %v; want 2", fake.streams, err)
	}
}

func TestSendBoundsRequests(t *testing.T) {
	fake := &fakeService{}
	big := strings.Repeat("x", 600_000)
	got := invocation{
		args:  []string{"send", "--bucket", "bkt", "--target", fake.start(t)},
		stdin: strings.Repeat("x\n", 2500) + strings.Repeat(big+"\n", 3) + strings.Repeat("y", 1<<20) + "\nz\n",
	}.run(t)
	if got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	var events []int
	for _, r := range fake.requests {
		events = append(events, len(r.GetEvents()))
	}
	if want := []int{1000, 1000, 501, 1, 1, 1, 1}; !slices.Equal(events, want) {
		t.Errorf("got requests of %v events, want %v", events, want)
	}
}

// A read error or an interrupt ends the reading; what was read is sent and
// answered.
func TestSendAnswersForWhatWasReadBeforeAnError(t *testing.T) {
	for _, test := range []struct {
		name string
		rest func(interrupt func()) io.Reader // behind two lines
		want string
		sent uint64
	}{
		{"read error", func(func()) io.Reader { return iotest.ErrReader(errors.New("disk on fire")) }, "stdin:3: disk on fire", 2},
		{"interrupt", func(interrupt func()) io.Reader { return &endless{interrupt} }, "interrupted", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			interrupted, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			fake := &fakeService{}
			report := &sendReport{stderr: io.Discard}
			input := &sendInput{interrupted: interrupted, limit: 100, report: report, sender: newSender(senderParams{
				Client: dialFake(t, fake), Limits: defaultSendLimits(), Report: report, Explain: func(err error) error { return err },
			})}
			stdin := io.MultiReader(strings.NewReader("one\ntwo\n"), test.rest(interrupt))
			err := input.sendAll(t.Context(), stdin, []string{"-"})
			if err == nil || !strings.Contains(err.Error(), test.want) || report.accepted != test.sent {
				t.Errorf("got %v, accepted %d; want %s, %d", err, report.accepted, test.want, test.sent)
			}
		})
	}
}

// endless does something whenever a line is read of it.
type endless struct{ do func() }

func (e *endless) Read(p []byte) (int, error) {
	e.do()
	return copy(p, "three\n"), nil
}

func TestFlush(t *testing.T) {
	fake := &fakeService{flushed: func(r *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
		if r.GetBucket() == "bad" {
			return nil, endOfStream(t, codes.InvalidArgument, "BUCKET_INVALID", "")
		}
		return &destinationsv1.FlushResponse{Batches: uint64(len(r.GetBucket() + r.GetPrefix()))}, nil
	}}
	target := fake.start(t)
	for _, test := range []struct {
		args []string
		want outcome
	}{
		{[]string{"flush", "--target", target}, outcome{stdout: "flushed 0 batches\n"}},
		{[]string{"flush", "--target", target, "--bucket", "b"}, outcome{stdout: "flushed 1 batch\n"}},
		{[]string{"flush", "--target", target, "--bucket", "b", "--prefix", "p/"}, outcome{stdout: "flushed 3 batches\n"}},
		{[]string{"flush", "--target", target, "--bucket", "bad"},
			outcome{code: exitFailed, stderr: "destinations flush: InvalidArgument (BUCKET_INVALID): the journal is full\n"}},
	} {
		if got := run(t, test.args...); got != test.want {
			t.Errorf("%v: got %+v, want %+v", test.args, got, test.want)
		}
	}
}
