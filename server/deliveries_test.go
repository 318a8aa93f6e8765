package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// fakeReceipts answers for tokens by a function.
type fakeReceipts func(tokens []server.Token) ([]*destinationsv1.Delivery, error)

func (f fakeReceipts) Get(_ context.Context, tokens []server.Token) ([]*destinationsv1.Delivery, error) {
	return f(tokens)
}

func (f fakeReceipts) Freshness(_ context.Context, of server.Selection) (*destinationsv1.GetFreshnessResponse, error) {
	return &destinationsv1.GetFreshnessResponse{BacklogEvents: uint64(len(of.Prefix))}, nil
}

// fakeDeliveries lists nothing but what it was asked for, and gives a watcher as many changes as
// he takes before it cuts him off.
type fakeDeliveries struct {
	asked  server.DeliveryFilter
	limit  int
	err    error
	behind chan struct{} // closed once a change waits for the caller
}

func (f *fakeDeliveries) List(_ context.Context, of server.DeliveryFilter, limit int, after string) (*destinationsv1.ListDeliveriesResponse, error) {
	f.asked, f.limit = of, limit
	return &destinationsv1.ListDeliveriesResponse{NextPageToken: after + "."}, f.err
}

func (f *fakeDeliveries) Watch(ctx context.Context, of server.DeliveryFilter, w server.Watching) error {
	f.asked = of
	if f.err != nil {
		return f.err
	}
	if err := w.Give(&destinationsv1.WatchDeliveriesResponse{Cursor: w.Cursor + "!"}); err != nil || f.behind == nil {
		return err
	}
	given := make(chan error, 1)
	go func() {
		for {
			if err := w.Give(&destinationsv1.WatchDeliveriesResponse{Cursor: strings.Repeat("x", 100_000)}); err != nil {
				given <- err
				return
			}
		}
	}()
	w.CutOff()
	close(f.behind)
	return <-given
}

// tokenOf sends one event to a destination, and returns its receipt's token.
func tokenOf(t *testing.T, h *harness, bucket, prefix string) string {
	t.Helper()
	answer, err := h.sendAll(t, &destinationsv1.SendS3Request{Bucket: bucket, Prefix: prefix, Events: []*destinationsv1.S3Event{{Payload: []byte("x")}}})
	return mustAnswer(t, answer, err).GetReceipts()[0].GetToken()
}

func TestGetDeliveryReadsTokensAndCountsDestinations(t *testing.T) {
	delivered, pending := destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED, destinationsv1.DeliveryState_DELIVERY_STATE_PENDING
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, receipts: func(tokens []server.Token) (found []*destinationsv1.Delivery, err error) {
		for i, token := range tokens {
			if token.Destination != server.Digest("default", fmt.Sprintf("bucket-%d", i/2), "a/") {
				t.Errorf("token %d: got the destination %x", i, token.Destination)
			}
			found = append(found, &destinationsv1.Delivery{State: []destinationsv1.DeliveryState{delivered, delivered, pending, delivered, delivered}[i]})
		}
		return found, nil
	}})
	var tokens []string
	for i := range 5 {
		tokens = append(tokens, tokenOf(t, h, fmt.Sprintf("bucket-%d", i/2), "a"))
	}
	got, err := h.told.GetDelivery(t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetDestinations() != 3 || got.GetDestinationsDelivered() != 2 {
		t.Errorf("got %d of %d destinations delivered, want 2 of 3", got.GetDestinationsDelivered(), got.GetDestinations())
	}
	for i, d := range got.GetDeliveries() {
		if d.GetToken() != tokens[i] {
			t.Errorf("delivery %d is of another token", i)
		}
	}
}

func TestTokensThatAreNotOursAreNotFound(t *testing.T) {
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, receipts: func(tokens []server.Token) ([]*destinationsv1.Delivery, error) {
		return nil, &server.TokenError{Index: len(tokens) - 1, Err: server.ErrTokenUnknown}
	}})
	good := tokenOf(t, h, "bucket", "")
	forged := []byte(good)
	forged[20] ^= 'A' ^ 'B'
	for name, test := range map[string]struct {
		tokens []string
		code   codes.Code
		reason string
		place  string
	}{
		"none":        {nil, codes.InvalidArgument, "TOKENS_INVALID", ""},
		"too many":    {make([]string, 1001), codes.InvalidArgument, "TOKENS_INVALID", ""},
		"no token":    {[]string{"hello"}, codes.NotFound, "TOKEN_UNKNOWN", "0"},
		"forged":      {[]string{good, string(forged)}, codes.NotFound, "TOKEN_UNKNOWN", "1"},
		"not there":   {[]string{good, good, good}, codes.NotFound, "TOKEN_UNKNOWN", "2"},
		"empty token": {[]string{good, ""}, codes.NotFound, "TOKEN_UNKNOWN", "1"},
	} {
		_, err := h.told.GetDelivery(t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: test.tokens})
		info := reasonOf(t, err)
		if status.Code(err) != test.code || info.GetReason() != test.reason || info.GetMetadata()["token"] != test.place {
			t.Errorf("%s: got %v (%v), want %v, %s at %q", name, err, info, test.code, test.reason, test.place)
		}
	}
}

func TestAnAnswerOfManyObjectsFitsIntoAMessage(t *testing.T) {
	object := &destinationsv1.DeliveredObject{Bucket: "bucket", Key: strings.Repeat("k", 1000), Events: 1}
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, receipts: func(tokens []server.Token) (found []*destinationsv1.Delivery, _ error) {
		for range tokens {
			d := &destinationsv1.Delivery{}
			for range 1000 {
				d.Objects = append(d.Objects, object)
			}
			found = append(found, d)
		}
		return found, nil
	}})
	token := tokenOf(t, h, "bucket", "")
	got, err := h.told.GetDelivery(t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: []string{token, token, token, token, token}})
	if err != nil {
		t.Fatal(err)
	}
	told := uint64(0)
	for _, d := range got.GetDeliveries() {
		if n := uint64(len(d.GetObjects())) + d.GetObjectsOmitted(); n != 1000 {
			t.Errorf("got %d objects told or omitted, want 1000", n)
		}
		told += uint64(len(d.GetObjects()))
	}
	if told < 2500 || proto.Size(got) > 4<<20 {
		t.Errorf("got %d objects in %d bytes", told, proto.Size(got))
	}
}

func TestListDeliveriesChecksWhatIsMeant(t *testing.T) {
	fake := &fakeDeliveries{}
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, deliveries: fake})
	prefix := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		request *destinationsv1.ListDeliveriesRequest
		reason  string
	}{
		"all":           {&destinationsv1.ListDeliveriesRequest{}, ""},
		"a bucket":      {&destinationsv1.ListDeliveriesRequest{Bucket: "bucket", PageSize: 1000}, ""},
		"no prefix":     {&destinationsv1.ListDeliveriesRequest{Bucket: "bucket", Prefix: prefix("")}, ""},
		"bad bucket":    {&destinationsv1.ListDeliveriesRequest{Bucket: "B"}, "BUCKET_INVALID"},
		"prefix alone":  {&destinationsv1.ListDeliveriesRequest{Prefix: prefix("a")}, "BUCKET_INVALID"},
		"bad prefix":    {&destinationsv1.ListDeliveriesRequest{Bucket: "bucket", Prefix: prefix("../")}, "PREFIX_INVALID"},
		"page too long": {&destinationsv1.ListDeliveriesRequest{PageSize: 1001}, "PAGE_INVALID"},
		"partial":       {&destinationsv1.ListDeliveriesRequest{State: destinationsv1.DeliveryState_DELIVERY_STATE_PARTIAL}, "STATE_INVALID"},
	} {
		_, err := h.told.ListDeliveries(t.Context(), test.request)
		if got := reasonOf(t, err).GetReason(); got != test.reason {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, test.reason)
		}
	}
	if _, err := h.told.ListDeliveries(t.Context(), &destinationsv1.ListDeliveriesRequest{Bucket: "bucket", Prefix: prefix("a")}); err != nil || *fake.asked.Prefix != "a/" || fake.limit != 100 {
		t.Errorf("got %+v, %d, %v; want the prefix completed and a page of 100", fake.asked, fake.limit, err)
	}
	fake.err = fmt.Errorf("%w: old", server.ErrCursorInvalid)
	if _, err := h.told.ListDeliveries(t.Context(), &destinationsv1.ListDeliveriesRequest{PageToken: "x"}); reasonOf(t, err).GetReason() != "PAGE_INVALID" {
		t.Errorf("got %v, want PAGE_INVALID", err)
	}
	fake.err = fmt.Errorf("%w: disk I/O error in /var/lib", server.ErrLedgerFailed)
	if _, err := h.told.ListDeliveries(t.Context(), &destinationsv1.ListDeliveriesRequest{}); reasonOf(t, err).GetReason() != "LEDGER_FAILED" || strings.Contains(err.Error(), "/var") {
		t.Errorf("got %v, want LEDGER_FAILED without what it is of", err)
	}
}

func TestWatcherThatDoesNotReadIsCutOff(t *testing.T) {
	fake := &fakeDeliveries{behind: make(chan struct{})}
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, deliveries: fake})
	watch, err := h.told.WatchDeliveries(t.Context(), &destinationsv1.WatchDeliveriesRequest{Cursor: "c"})
	if err != nil {
		t.Fatal(err)
	}
	<-fake.behind // nothing is read until then
	for err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.ResourceExhausted || reasonOf(t, err).GetReason() != "WATCHER_TOO_SLOW" {
		t.Errorf("got %v, want WATCHER_TOO_SLOW", err)
	}
}

// reasonOf is the ErrorInfo of an error; empty if there is none.
func reasonOf(t *testing.T, err error) *errdetails.ErrorInfo {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return &errdetails.ErrorInfo{}
}
