package outside_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// TestClients lets each client send good events and a bad one through both calls,
// and run into an error, and then looks for every event in the buckets: the ledger's
// streams are the calls.
func TestClients(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	ran := t.Run("each", func(t *testing.T) {
		for i, c := range clients(dir) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.install(t)
				w.checkSend(t, c, 4*i)
				w.checkStream(t, c, 4*i+1)
				w.checkRefusals(t, c, 4*i+2)
			})
		}
	})
	if ran {
		w.check(t)
	}
}

// checkSend compares the answer of SendS3.
func (w *world) checkSend(t *testing.T, c client, stream int) {
	t.Helper()
	events := w.sentBy(c.name, "SendS3", stream)
	answers := c.send(t, w.svc.Target)
	if len(answers) != 1 {
		t.Fatalf("SendS3: got %d answers, want 1: %v", len(answers), answers)
	}
	var got destinationsv1.SendS3Response
	must(t, protojson.Unmarshal([]byte(answers[0]), &got))
	compare(t, "SendS3", answered(c.name, 0), &got)
	w.ledger.Acked(events...)
}

// checkStream compares the answers of StreamS3, however many they are: together they
// say what one answer of SendS3 would.
func (w *world) checkStream(t *testing.T, c client, stream int) {
	t.Helper()
	events := w.sentBy(c.name, "StreamS3", stream)
	var sequence uint64
	var got destinationsv1.SendS3Response
	receipts := map[harness.Destination]*destinationsv1.Receipt{}
	for _, text := range c.stream(t, w.svc.Target) {
		var answer destinationsv1.StreamS3Response
		must(t, protojson.Unmarshal([]byte(text), &answer))
		if answer.GetSequence() < sequence {
			t.Errorf("StreamS3: an answer up to %d behind one up to %d", answer.GetSequence(), sequence)
		}
		sequence = answer.GetSequence()
		got.Accepted += answer.GetAccepted()
		got.Rejected += answer.GetRejected()
		got.Rejections = append(got.Rejections, answer.GetRejections()...)
		for _, r := range answer.GetReceipts() {
			to := harness.Destination{Bucket: r.GetBucket(), Prefix: r.GetPrefix()}
			if known := receipts[to]; known != nil {
				known.Accepted += r.GetAccepted()
				continue
			}
			receipts[to] = r
			got.Receipts = append(got.Receipts, r)
		}
	}
	if sequence != 3 {
		t.Errorf("StreamS3: answered up to %d, want 3", sequence)
	}
	compare(t, "StreamS3", answered(c.name, 2), &got)
	w.ledger.Acked(events...)
}

// checkRefusals compares what is said of a sequence that does not grow. What is below
// it is durable.
func (w *world) checkRefusals(t *testing.T, c client, stream int) {
	t.Helper()
	var durable []*harness.Event
	for i, call := range []string{"SendS3", "StreamS3"} {
		events := w.refusedBy(c.name, call, stream+i)
		durable = append(durable, events[:2]...)
	}
	want := refusal{Code: "INVALID_ARGUMENT", Reason: "SEQUENCE_NOT_GROWING", DurableSequence: "2"}
	if diff := cmp.Diff([]refusal{want, want}, c.refusals(t, w.svc.Target)); diff != "" {
		t.Errorf("a sequence that does not grow (-want +got):\n%s", diff)
		return
	}
	w.ledger.Acked(durable...)
}

// sentBy notes the events that a client sends in one call, but for the bad one: if
// that were in a bucket, the ledger would not know it.
func (w *world) sentBy(name, call string, stream int) []*harness.Event {
	from := name + " " + call
	own := name + "/"
	var events []*harness.Event
	note := func(bucket, prefix string, payload []byte) {
		events = append(events, w.ledger.Sent(harness.Destination{Bucket: bucket, Prefix: prefix}, stream, payload))
	}
	text := func(n int) []byte {
		return fmt.Appendf(nil, `{"from":%q,"n":%d,"text":"Grüße, 日本語, 😀"}`, from, n)
	}
	note(workflows, own, text(0))
	note(workflows, own+"binary/", everyByte(from))
	note(workflows, "", text(2))
	note(audit, "", text(3))
	note(audit, own, text(5))
	note(workflows, own, text(6))
	return events
}

// refusedBy notes the events of a call whose third request is refused.
func (w *world) refusedBy(name, call string, stream int) []*harness.Event {
	var events []*harness.Event
	for n := range 3 {
		payload := fmt.Appendf(nil, "%s %s error %d", name, call, n)
		events = append(events, w.ledger.Sent(harness.Destination{Bucket: workflows}, stream, payload))
	}
	return events
}

// everyByte is a payload with each byte that may be in any, which are all but LF and
// CR, behind a text.
func everyByte(text string) []byte {
	payload := []byte(text)
	for b := range 256 {
		if b != '\n' && b != '\r' {
			payload = append(payload, byte(b))
		}
	}
	return payload
}

// answered is what the service has to say of the events of sentBy and the bad one,
// which is in a request of that sequence.
func answered(name string, sequence uint64) *destinationsv1.SendS3Response {
	own := name + "/"
	return &destinationsv1.SendS3Response{
		Accepted: 6,
		Rejected: 1,
		Rejections: []*destinationsv1.Rejection{{
			Index: 4, RequestIndex: 1, Sequence: sequence,
			Code: destinationsv1.RejectionCode_REJECTION_CODE_PAYLOAD_LINE_BREAK, Field: "payload",
		}},
		Receipts: []*destinationsv1.Receipt{
			{Bucket: workflows, Prefix: own, Accepted: 2},
			{Bucket: workflows, Prefix: own + "binary/", Accepted: 1},
			{Bucket: workflows, Accepted: 1},
			{Bucket: audit, Accepted: 1},
			{Bucket: audit, Prefix: own, Accepted: 1},
		},
	}
}

// compare compares answers, but for what no test can know: the words of a reason and
// the letters of a token, which must only be there.
func compare(t *testing.T, call string, want, got *destinationsv1.SendS3Response) {
	t.Helper()
	for _, r := range got.GetRejections() {
		if r.GetReason() == "" {
			t.Errorf("%s: a rejection without a reason: %v", call, r)
		}
	}
	for _, r := range got.GetReceipts() {
		if r.GetToken() == "" {
			t.Errorf("%s: a receipt without a token: %v", call, r)
		}
	}
	ignored := cmp.Options{
		protocmp.IgnoreFields((*destinationsv1.Rejection)(nil), "reason"),
		protocmp.IgnoreFields((*destinationsv1.Receipt)(nil), "token"),
	}
	if diff := cmp.Diff(proto.Message(want), got, protocmp.Transform(), ignored); diff != "" {
		t.Errorf("%s: answers (-want +got):\n%s", call, diff)
	}
}
