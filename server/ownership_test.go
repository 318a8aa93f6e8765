package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// fakeOwnership has buckets that are not confirmed, and one content for all.
type fakeOwnership struct {
	mu      sync.Mutex
	lacking map[string]bool // "tenant:bucket"
	asked   []string        // what was called
	err     error           // of every call
}

const rightContent = "destinations-challenge-1-right"

func (f *fakeOwnership) Unconfirmed(tenant, bucket, prefix string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "unconfirmed "+tenant+":"+bucket+"/"+prefix)
	if f.lacking[tenant+":"+bucket] {
		return "read " + prefix + "_destinations-challenge-x"
	}
	return ""
}

func (f *fakeOwnership) Challenge(_ context.Context, of server.Selection) (*destinationsv1.ConfirmBucketResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf("challenge %s:%s/%s", of.Tenant, of.Bucket, of.Prefix))
	return &destinationsv1.ConfirmBucketResponse{Key: "k", Needed: f.lacking[of.Tenant+":"+of.Bucket]}, f.err
}

func (f *fakeOwnership) Confirm(_ context.Context, of server.Selection, content string) (*destinationsv1.ConfirmBucketResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf("confirm %s:%s/%s", of.Tenant, of.Bucket, of.Prefix))
	if content != rightContent {
		return nil, fmt.Errorf("%w: s3://b/k", server.ErrContentWrong)
	}
	if f.err == nil {
		delete(f.lacking, of.Tenant+":"+of.Bucket)
	}
	return &destinationsv1.ConfirmBucketResponse{Confirmed: true}, f.err
}

func (f *fakeOwnership) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// The events of a bucket that is not confirmed are rejected by themselves, whatever else
// would be said of the destination, until it is: also in the middle of a stream.
func TestUnconfirmedBucketTakesNothingAndOthersDo(t *testing.T) {
	o := &fakeOwnership{lacking: map[string]bool{"default:demo": true}}
	j := &fakeJournal{t: t, auto: true}
	h := start(t, setup{journal: j, ownership: o, admission: func(d string) string {
		if d == "default:demo/a/" {
			return "blocked"
		}
		return ""
	}})
	r := request("a", "1", "2", "", "4")
	r.Events[3].Bucket = "other"
	got, err := h.sendAll(t, r)
	if mustAnswer(t, got, err).GetAccepted() != 1 || got.GetRejected() != 3 {
		t.Fatalf("got %v", got)
	}
	var rejected []string
	for _, r := range got.GetRejections() {
		rejected = append(rejected, fmt.Sprint(r.GetIndex(), " ", r.GetCode(), " ", r.GetField(), " ", r.GetReason()))
	}
	if want := []string{
		"0 REJECTION_CODE_BUCKET_NOT_CONFIRMED bucket bucket: read a/_destinations-challenge-x",
		"1 REJECTION_CODE_BUCKET_NOT_CONFIRMED bucket bucket: read a/_destinations-challenge-x",
		"2 REJECTION_CODE_PAYLOAD_EMPTY payload payload: 0 bytes, at least 1",
	}; !slices.Equal(rejected, want) {
		t.Errorf("got  %q\nwant %q", rejected, want)
	}
	if want := []string{"unconfirmed default:demo/a/", "unconfirmed default:other/"}; !slices.Equal(o.calls(), want) {
		t.Errorf("want %q: once for each destination of the request", want)
	}
	stream := h.stream(t.Context(), t)
	for sequence, accepted := range []uint64{0, 1} {
		if accepted == 1 {
			if _, err := h.ops.ConfirmBucket(t.Context(), &destinationsv1.ConfirmBucketRequest{Bucket: "demo", Content: rightContent}); err != nil {
				t.Fatal(err)
			}
		}
		push(t, stream, streamed(uint64(sequence+1), "b", "x"))
		if r, err := stream.Recv(); err != nil || r.GetAccepted() != accepted {
			t.Errorf("request %d: got %v, %v", sequence+1, r, err)
		}
	}
}

func TestWhoMayConfirmWhat(t *testing.T) {
	o := &fakeOwnership{}
	g := guard(t, setup{journal: &fakeJournal{t: t}, ownership: o}, twoTenants, "a", "b", "ops")
	for _, c := range []struct {
		as, tenant, bucket, prefix, content string
		want                                string // what is asked, or the reason of the refusal
	}{
		{"a", "", "demo", "a/x", "", "challenge acme:demo/a/x/"},
		{"a", "acme", "demo", "a/x/", rightContent, "confirm acme:demo/a/x/"},
		{"a", "", "demo", "b", rightContent, "DESTINATION_NOT_GRANTED"},
		{"a", "beta", "demo", "a/x", rightContent, "DESTINATION_NOT_GRANTED"},
		{"a", "", "", "", "", "BUCKET_INVALID"},
		{"a", "", "demo", "a/../b", "", "PREFIX_INVALID"},
		{"ops", "beta", "demo", "", "", "challenge beta:demo/"},
		{"ops", "", "demo", "", "", "TENANT_INVALID"},
		// Names that would stand in the file of what is confirmed as something else.
		{"ops", "acme demo", "demo", "", rightContent, "TENANT_INVALID"},
		{"ops", "acme\nbeta", "demo", "", rightContent, "TENANT_INVALID"},
		{"ops", strings.Repeat("a", 64), "demo", "", rightContent, "TENANT_INVALID"},
		{"ops", "*", "demo", "", rightContent, "TENANT_INVALID"},
	} {
		_, err := g.ops.ConfirmBucket(g.as(c.as), &destinationsv1.ConfirmBucketRequest{Tenant: c.tenant, Bucket: c.bucket, Prefix: c.prefix, Content: c.content})
		got := strings.Join(o.calls(), ", ")
		if err != nil {
			got += reasonOf(t, err).GetReason()
		}
		if got != c.want {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
}

// A wrong content is answered late, and later the next time; it stands in the audit log, and
// what was given in none.
func TestWrongContentsAreAnsweredLateAndAudited(t *testing.T) {
	o := &fakeOwnership{}
	g := guard(t, setup{journal: &fakeJournal{t: t}, ownership: o}, twoTenants, "a")
	confirm := func(content string) (time.Duration, error) {
		begun := time.Now()
		_, err := g.ops.ConfirmBucket(g.as("a"), &destinationsv1.ConfirmBucketRequest{Bucket: "demo", Prefix: "a/x", Content: content})
		return time.Since(begun), err
	}
	const wrong = "destinations-challenge-1-secret"
	for i, least := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
		took, err := confirm(wrong)
		wantStatus(t, err, codes.PermissionDenied, "CHALLENGE_CONTENT_WRONG", "")
		if took < least {
			t.Errorf("answer %d came after %v, want at least %v", i+1, took, least)
		}
	}
	if _, err := confirm(rightContent); err != nil {
		t.Error(err)
	}
	audit := g.audit.String()
	for _, entry := range []string{
		`"msg":"operation","principal":"token:a","tenant":"acme","address":"bufconn","action":"Operations/ConfirmBucket","bucket":"demo","prefix":"a/x","outcome":"PermissionDenied"`,
		`"action":"Operations/ConfirmBucket","bucket":"demo","prefix":"a/x","outcome":"OK"`,
	} {
		if !strings.Contains(audit, entry) {
			t.Errorf("got the audit log %s\nwant in it %s", audit, entry)
		}
	}
	if log := audit + g.log.String(); strings.Contains(log, wrong) || strings.Contains(log, rightContent) {
		t.Errorf("a content stands in %s", log)
	}
}

func TestWhatCanBeWrongWithAChallenge(t *testing.T) {
	o := &fakeOwnership{}
	h := start(t, setup{journal: &fakeJournal{t: t}, ownership: o})
	for _, c := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{server.ErrChallengeRefused, codes.FailedPrecondition, "CHALLENGE_REFUSED"},
		{server.ErrChallengeNotWritten, codes.Unavailable, "CHALLENGE_NOT_WRITTEN"},
		{server.ErrConfirmedFull, codes.ResourceExhausted, "CONFIRMED_FULL"},
		{server.ErrConfirmedNotKept, codes.Unavailable, "CONFIRMED_NOT_KEPT"},
	} {
		o.err = fmt.Errorf("%w: %w", c.err, errors.New("more"))
		for _, content := range []string{"", rightContent} {
			_, err := h.ops.ConfirmBucket(t.Context(), &destinationsv1.ConfirmBucketRequest{Bucket: "demo", Content: content})
			wantStatus(t, err, c.code, c.reason, "")
		}
	}
}

// Each challenge that somebody asks for may be an object in a bucket that is not his, under any
// prefix that he likes: so they are bounded as checks are, and together with them.
func TestChallengesThatACallerAsksForAreBounded(t *testing.T) {
	o := &fakeOwnership{}
	g := guard(t, setup{journal: &fakeJournal{t: t}, ownership: o}, twoTenants, "a")
	ask := func(who, prefix, content string) error {
		_, err := g.ops.ConfirmBucket(g.as(who), &destinationsv1.ConfirmBucketRequest{Bucket: "demo", Prefix: prefix, Content: content})
		return err
	}
	var refused error
	for i := range 100 {
		if err := ask("a", fmt.Sprintf("a/%d", i), ""); err != nil {
			refused = err
		}
	}
	wantStatus(t, refused, codes.ResourceExhausted, "RATE_EXCEEDED", "")
	if n := len(o.calls()); n < 10 || n > 30 {
		t.Errorf("got %d of 100 challenges, want some 10", n)
	}
	if err := ask("a", "a/0", rightContent); err != nil {
		t.Errorf("a content: %v", err)
	}
}
