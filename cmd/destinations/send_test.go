package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// rejectBad rejects the events that begin with "bad".
func rejectBad(payload []byte) *destinationsv1.Rejection {
	if bytes.HasPrefix(payload, []byte("bad")) {
		return &destinationsv1.Rejection{Field: "payload", Reason: "not wanted"}
	}
	return nil
}

func TestSendReportsAcceptedRejectedAndReceipts(t *testing.T) {
	fake := &fakeService{reject: rejectBad}
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

func TestSendPrintsJSONLines(t *testing.T) {
	fake := &fakeService{reject: rejectBad}
	got := invocation{
		args:  []string{"send", "--bucket", "bkt", "--json", "--target", fake.start(t)},
		stdin: strings.Repeat("<x>\n", 1000) + "\nbad\n" + strings.Repeat("y\n", 11_000),
	}.run(t)
	lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
	if got.code != exitFailed || got.stderr != "stdin:1002: payload: not wanted\n" || len(lines) != len(fake.requests)+1 {
		t.Fatalf("got exit code %d, stderr %q, %d lines for %d requests", got.code, got.stderr, len(lines), len(fake.requests))
	}
	if want := `{"bucket":"bkt","prefix":"p/","accepted":1000,"token":"token"}`; lines[0] != want {
		t.Errorf("got %s, want %s", lines[0], want)
	}
	if want := `{"accepted":12000,"rejected":1,"skipped":1}`; lines[len(lines)-1] != want {
		t.Errorf("got %s, want %s", lines[len(lines)-1], want)
	}
	var sum uint64
	for _, line := range lines[:len(lines)-1] {
		var receipt sendReceipt
		if err := json.Unmarshal([]byte(line), &receipt); err != nil || receipt.Token == "" {
			t.Fatalf("%s: got %+v, %v", line, receipt, err)
		}
		sum += receipt.Accepted
	}
	if sum != 12000 {
		t.Errorf("got receipts of %d events, want 12000", sum)
	}
}

// A long file has a receipt for each of its requests: people are shown the first.
func TestSendShowsPeopleTheFirstReceipts(t *testing.T) {
	fake := &fakeService{}
	got := invocation{args: []string{"send", "--bucket", "bkt", "--target", fake.start(t)}, stdin: strings.Repeat("x\n", 15_000)}.run(t)
	if got.code != exitOK || strings.Count(got.stderr, "\nreceipt ") != shownReceipts || !strings.HasSuffix(got.stderr, "more receipts (--json prints all)\n") {
		t.Errorf("got %+v", got)
	}
}

// Lines that follow each other and are rejected for one reason are named together.
func TestSendNamesEveryRejection(t *testing.T) {
	fake := &fakeService{reject: func(payload []byte) *destinationsv1.Rejection {
		if string(payload) == "fine" {
			return nil
		}
		return &destinationsv1.Rejection{Reason: "no " + string(payload)}
	}}
	stdin := strings.Repeat("x\n", 2500) + "y\nfine\ny\n\ny\n" + strings.Repeat("z\n", 3)
	got := invocation{args: []string{"send", "--bucket", "bkt", "--target", fake.start(t)}, stdin: stdin}.run(t)
	want := "stdin:1-2500: no x\nstdin:2501: no y\nstdin:2503: no y\nstdin:2505: no y\nstdin:2506-2508: no z\naccepted 1, rejected 2506, 1 empty line passed over\n"
	if got.code != exitFailed || !strings.HasPrefix(got.stderr, want) {
		t.Errorf("got %d, %s", got.code, got.stderr)
	}
}

// Each file is one event, however many lines it has; a line end at its end is not of
// it.
func TestSendWhole(t *testing.T) {
	fake := &fakeService{reject: rejectBad}
	one, empty := writeFile(t, "one", "{\n\"a\":1}\n"), writeFile(t, "empty", "\n")
	bad, long, most := writeFile(t, "bad", "bad"), writeFile(t, "long", strings.Repeat("x", 21)), writeFile(t, "most", strings.Repeat("x", 20)+"\r\n")
	got := invocation{
		args: []string{"send", "--whole", "--bucket", "bkt", "--target", fake.start(t), "--max-payload-size", "20",
			one, empty, bad, long, most, "-", one},
		stdin: "two\n\n",
	}.run(t)
	want := outcome{code: exitFailed, stderr: long + ": payload: more than 20 bytes (--max-payload-size)\n" +
		bad + ": payload: not wanted\naccepted 4, rejected 2, 1 empty file passed over\nreceipt s3://bkt/p/ accepted 4 token token\n"}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if want := []string{"{\n\"a\":1}", strings.Repeat("x", 20), "two\n", "{\n\"a\":1}"}; !slices.Equal(fake.payloads, want) {
		t.Errorf("got events %q, want %q", fake.payloads, want)
	}
}

// Errors that a later stream would meet too end the sending at once.
func TestSendEndsAtErrorsThatNoWaitCures(t *testing.T) {
	for _, test := range []struct {
		name     string
		sequence uint64 // of the request that fails
		err      error
		want     string
		code     int
	}{
		{"some are answered", 3, endOfStream(t, codes.Internal, "JOURNAL_BROKEN"), "Internal (JOURNAL_BROKEN): the journal is full; events up to stdin:2001 are durable", exitFailed},
		{"none is answered", 1, endOfStream(t, codes.ResourceExhausted, "REQUEST_TOO_LARGE"), "no event is known to be durable", exitNothing},
		{"ended with OK", 1, errEndWithOK, errEndedEarly.Error(), exitNothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := &fakeService{}
			fake.failWith = func(sequence uint64) error {
				for answered := uint64(0); answered != sequence-1; { // so that it is known what the sender knows
					fake.mu.Lock()
					answered = fake.answered
					fake.mu.Unlock()
				}
				if sequence < test.sequence {
					return nil
				}
				return test.err
			}
			got := invocation{
				args:  []string{"send", "--bucket", "bkt", "--target", fake.start(t)},
				stdin: "\n" + strings.Repeat("x\n", 9000),
			}.run(t)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("got exit code %d, stderr %q; want %d, ... %q", got.code, got.stderr, test.code, test.want)
			}
		})
	}
}

func TestSendThatMayNotRetryEndsAtTheFirstFailure(t *testing.T) {
	fake := &fakeService{failWith: func(uint64) error { return endOfStream(t, codes.ResourceExhausted, "JOURNAL_FULL") }}
	got := invocation{args: []string{"send", "--bucket", "bkt", "--target", fake.start(t), "--retry-for", "0"}, stdin: "x\n"}.run(t)
	want := "destinations send: ResourceExhausted (JOURNAL_FULL): the journal is full; no event is known to be durable\n"
	if got.code != exitNothing || !strings.HasSuffix(got.stderr, want) || fake.streams != 1 {
		t.Errorf("got %+v, %d streams", got, fake.streams)
	}
}

// testSender sends to f until the test ends.
func testSender(t testing.TB, f *fakeService, limits sendLimits, stderr io.Writer) *sender {
	t.Helper()
	conn, err := grpc.NewClient(f.start(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(t.Context(), testSenderParams(conn, limits, stderr))
	t.Cleanup(func() {
		s.finish() // its error is the test's
		conn.Close()
	})
	return s
}

// testSenderParams are of a sender over conn that tries again for a minute.
func testSenderParams(conn *grpc.ClientConn, limits sendLimits, stderr io.Writer) senderParams {
	flags := clientFlags{reachFlags: reachFlags{Target: "test"}}
	return senderParams{
		Client:   destinationsv1.NewDestinationsClient(conn),
		Bucket:   "bkt",
		Limits:   limits,
		RetryFor: time.Minute,
		Report:   newSendReport(stderr, nil),
		Explain:  flags.explain,
		Stop:     func(error) {},
	}
}

func TestSendBoundsRequests(t *testing.T) {
	fake := &fakeService{}
	limits := defaultSendLimits()
	limits.linger = time.Hour
	s := testSender(t, fake, limits, io.Discard)
	input := &sendInput{reading: t.Context(), limit: 1 << 20, sender: s, report: s.Report, stdin: strings.NewReader(
		strings.Repeat("x\n", 2500) + strings.Repeat(strings.Repeat("x", 300_000)+"\n", 3) + strings.Repeat("y", 1<<20) + "\nz\n")}
	if err := input.sendAll(t.Context(), []string{"-"}); err != nil {
		t.Fatal(err)
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
		sent uint64 // at least
	}{
		{"read error", func(func()) io.Reader { return iotest.ErrReader(errors.New("disk on fire")) }, "stdin:3: disk on fire", 2},
		{"interrupt", func(interrupt func()) io.Reader { return &endless{interrupt} }, "interrupted", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			reading, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			s := testSender(t, &fakeService{}, defaultSendLimits(), io.Discard)
			input := &sendInput{reading: reading, limit: 100, sender: s, report: s.Report,
				stdin: io.MultiReader(strings.NewReader("one\ntwo\n"), test.rest(interrupt))}
			err := input.sendAll(t.Context(), []string{"-"})
			if err == nil || !strings.Contains(err.Error(), test.want) || s.Report.counted().Accepted < test.sent {
				t.Errorf("got %v, accepted %d; want %s, %d", err, s.Report.counted().Accepted, test.want, test.sent)
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

// Standard input is somebody else's unless it is named: a loop of a shell reads its
// list from it.
func TestSendLeavesStandardInputAloneUnlessItIsNamed(t *testing.T) {
	fake := &fakeService{}
	p := &process{ctx: t.Context(), stdin: iotest.ErrReader(errors.New("was read")), stdout: io.Discard, stderr: io.Discard}
	if code := p.run([]string{"send", "--bucket", "bkt", "--target", fake.start(t), writeFile(t, "one", "one\n")}); code != exitOK {
		t.Errorf("got exit code %d", code)
	}
}

func TestFlush(t *testing.T) {
	fake := &fakeService{flushed: func(r *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
		if r.GetBucket() == "bad" {
			return nil, endOfStream(t, codes.InvalidArgument, "BUCKET_INVALID")
		}
		if r.GetAllPrefixes() {
			return &destinationsv1.FlushResponse{Batches: 9}, nil
		}
		return &destinationsv1.FlushResponse{Batches: uint64(len(r.GetBucket() + r.GetPrefix()))}, nil
	}}
	target := fake.start(t)
	for _, test := range []struct {
		args []string
		want outcome
	}{
		{[]string{"flush", "--target", target}, outcome{stdout: "no batch was open\n"}},
		{[]string{"flush", "--target", target, "--bucket", "b"}, outcome{stdout: "closed 9 batches; their uploads follow (\"destinations list\" says how it goes)\n"}},
		{[]string{"flush", "--target", target, "--bucket", "b", "--prefix", ""}, outcome{stdout: "closed 1 batch; its upload follows (\"destinations list\" says how it goes)\n"}},
		{[]string{"flush", "--target", target, "--bucket", "b", "--prefix", "p/"}, outcome{stdout: "closed 3 batches; their uploads follow (\"destinations list\" says how it goes)\n"}},
		{[]string{"flush", "--target", target, "--bucket", "bad"},
			outcome{code: exitFailed, stderr: "destinations flush: InvalidArgument (BUCKET_INVALID): the journal is full\n"}},
	} {
		if got := run(t, test.args...); got != test.want {
			t.Errorf("%v: got %+v, want %+v", test.args, got, test.want)
		}
	}
}
