package server_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
)

// guarded is a server whose callers show tokens.
type guarded struct {
	*harness
	t      testing.TB
	gate   *auth.Gate
	store  auth.TokenStore
	grants string // path
	audit  *lines
	tokens map[string]string // by name
}

// lines is what is written by several goroutines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// guard starts a server with a token for each name, and grants.
func guard(t testing.TB, s setup, grants string, names ...string) *guarded {
	t.Helper()
	dir := t.TempDir()
	g := &guarded{t: t, store: auth.TokenStore{Path: filepath.Join(dir, "tokens.json")}, grants: filepath.Join(dir, "grants.yaml"), audit: &lines{}, tokens: map[string]string{}}
	for _, name := range names {
		token, _, err := g.store.Create(name, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		g.tokens[name] = token
	}
	g.write(grants)
	log := slog.New(slog.DiscardHandler)
	audit := auth.NewAudit(g.audit, log)
	gate, err := auth.New(auth.Config{TokensFile: g.store.Path, GrantsFile: g.grants}, audit, log)
	if err != nil {
		t.Fatal(err)
	}
	g.gate, s.access, s.audit = gate, gate, audit
	if s.judging != nil {
		s.access = slowAccess{gate, s.judging}
	}
	g.harness = start(t, s)
	return g
}

// slowAccess does something before it judges a caller.
type slowAccess struct {
	*auth.Gate
	before func()
}

func (s slowAccess) Enter(ctx context.Context, shown auth.Presented, roles auth.Role) (*auth.Caller, error) {
	s.before()
	return s.Gate.Enter(ctx, shown, roles)
}

func (g *guarded) write(grants string) {
	g.t.Helper()
	if err := os.WriteFile(g.grants, []byte(grants), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// as is a context of calls of the token of a name.
func (g *guarded) as(name string) context.Context {
	return metadata.AppendToOutgoingContext(g.t.Context(), "authorization", "Bearer "+g.tokens[name])
}

// send sends requests as somebody.
func (g *guarded) send(name string, requests ...*destinationsv1.SendS3Request) (*destinationsv1.SendS3Response, error) {
	g.t.Helper()
	stream, err := g.client.SendS3(g.as(name))
	if err != nil {
		g.t.Fatal(err)
	}
	send(g.t, stream, requests...)
	return stream.CloseAndRecv()
}

const twoTenants = `
grants:
  - {principals: ["token:a"], tenant: acme, roles: [send, inspect, operate], destinations: [{bucket: demo, prefixes: ["a/*"]}]}
  - {principals: ["token:b"], tenant: beta, roles: [send, inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
  - {principals: ["token:ops"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

func TestEventsGoWhereTheyMay(t *testing.T) {
	j := &fakeJournal{t: t, auto: true}
	g := guard(t, setup{journal: j}, twoTenants, "a")
	r := request("a/x", "1", "2", "", "4")
	other, elsewhere := "b", "a"
	r.Events[1].Prefix, r.Events[2].Prefix, r.Events[3].Bucket = &other, &other, "other"
	r.Events[3].Prefix = &elsewhere
	got, err := g.send("a", r)
	if mustAnswer(t, got, err).GetAccepted() != 1 {
		t.Fatalf("got %v", got)
	}
	var said []string
	for _, r := range got.GetRejections() {
		said = append(said, fmt.Sprint(r.GetIndex(), " ", r.GetCode(), " ", r.GetReason()))
	}
	// What a payload holds is not looked at where its destination is not granted.
	want := []string{
		`1 REJECTION_CODE_DESTINATION_NOT_GRANTED bucket: no grant of the caller reaches it: bucket "demo", prefix "b/"`,
		`2 REJECTION_CODE_DESTINATION_NOT_GRANTED bucket: no grant of the caller reaches it: bucket "demo", prefix "b/"`,
		`3 REJECTION_CODE_DESTINATION_NOT_GRANTED bucket: no grant of the caller reaches it: bucket "other", prefix "a/"`,
	}
	if !slices.Equal(said, want) {
		t.Errorf("got  %q\nwant %q", said, want)
	}
	record := j.taken()[0].record()
	if record.GetPrincipal() != "token:a" || record.GetDestinations()[0].GetTenant() != "acme" {
		t.Errorf("got principal %q, %v", record.GetPrincipal(), record.GetDestinations())
	}
	if n := strings.Count(g.audit.String(), `"msg":"refusal"`); n != 2 || !strings.Contains(g.audit.String(), `"principal":"token:a","tenant":"acme","action":"send","bucket":"demo","prefix":"b/"`) {
		t.Errorf("got %d refusals in the audit log, want one a destination:\n%s", n, g.audit.String())
	}
}

// A destination of one tenant is not that of another, in its partition and its receipts.
func TestTenantsHaveDestinationsOfTheirOwn(t *testing.T) {
	j := &fakeJournal{t: t, auto: true}
	g := guard(t, setup{journal: j}, twoTenants, "a", "b")
	var receipts []string
	for _, name := range []string{"a", "b"} {
		got, err := g.send(name, request("a/x", "1"))
		receipts = append(receipts, mustAnswer(t, got, err).GetReceipts()[0].GetToken())
	}
	for i, tenant := range []string{"acme", "beta"} {
		a := j.taken()[i]
		if want := server.Partition(tenant, "demo", "a/x/", partitions); a.partition != want || a.record().GetDestinations()[0].GetTenant() != tenant {
			t.Errorf("%s: got partition %d, %v; want %d", tenant, a.partition, a.record().GetDestinations(), want)
		}
	}
	if receipts[0] == receipts[1] {
		t.Error("two tenants have the same receipt")
	}
}

// A sender's id is nothing to another principal: neither what it has settled, nor what is
// a duplicate, which the journal tells by the principal.
func TestSendersOfAnotherPrincipalHaveNoEffect(t *testing.T) {
	j := &fakeJournal{t: t, auto: true}
	g := guard(t, setup{journal: j}, twoTenants, "a", "b")
	first := numbered(100, request("a/x", "1"))
	first.SenderId, first.Settled = bytes.Repeat([]byte{7}, 16), 99
	if got, err := g.send("b", first); mustAnswer(t, got, err).GetAccepted() != 1 {
		t.Fatalf("got %v", got)
	}
	mine := numbered(1, request("a/x", "1"))
	mine.SenderId = first.SenderId
	if got, err := g.send("a", mine); mustAnswer(t, got, err).GetAccepted() != 1 {
		t.Fatalf("got %v", got)
	}
	again, err := g.send("b", mine)
	if _ = again; status.Code(err) != codes.InvalidArgument {
		t.Errorf("the same sender's own: got %v, want it refused", err)
	}
	if a, b := j.taken()[0].record(), j.taken()[1].record(); a.GetPrincipal() == b.GetPrincipal() {
		t.Errorf("both records are of %q", a.GetPrincipal())
	}
}

// In the middle of a stream what is revoked counts no more, and everything that was read
// is answered first.
func TestRevokedInTheMiddleOfAStream(t *testing.T) {
	for name, c := range map[string]struct {
		revoke func(g *guarded)
		code   codes.Code
		reason string
	}{
		"token": {func(g *guarded) { g.store.Revoke("a") }, codes.Unauthenticated, "CREDENTIAL_INVALID"},
		"grant": {func(g *guarded) { g.write("grants: []\n") }, codes.PermissionDenied, "NOT_GRANTED"},
		"role": {func(g *guarded) { g.write(strings.ReplaceAll(twoTenants, "[send, inspect, operate]", "[inspect]")) },
			codes.PermissionDenied, "ROLE_MISSING"},
	} {
		t.Run(name, func(t *testing.T) {
			j := &fakeJournal{t: t}
			g := guard(t, setup{journal: j}, twoTenants, "a")
			stream, err := g.client.StreamS3(g.as("a"))
			if err != nil {
				t.Fatal(err)
			}
			push(t, stream, streamed(1, "a/x", "1"))
			for len(j.taken()) == 0 {
				<-time.After(time.Millisecond)
			}
			c.revoke(g)
			g.gate.Reload()
			j.taken()[0].answer(nil)
			got := <-collecting(stream)
			if len(got.answers) != 1 || got.answers[0].GetSequence() != 1 || got.answers[0].GetAccepted() != 1 {
				t.Errorf("got answers %v, want what was read to be answered", got.answers)
			}
			wantStatus(t, got.err, c.code, c.reason, "1")
		})
	}
}

// A grant that comes to reach less is looked at by the next request of a stream, and one
// that comes to reach more, too.
func TestAGrantThatChangesIsLookedAtAgain(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}}, twoTenants, "a")
	stream, err := g.client.StreamS3(g.as("a"))
	if err != nil {
		t.Fatal(err)
	}
	for sequence, reach := range []string{"a/*", "b/*", "a/*"} {
		g.write(strings.ReplaceAll(twoTenants, "a/*", reach))
		g.gate.Reload()
		push(t, stream, streamed(uint64(sequence+1), "a/x", "1"))
		r, err := stream.Recv()
		if err != nil || (r.GetAccepted() == 1) != (reach == "a/*") {
			t.Errorf("request %d: got %v, %v with the grant %s", sequence+1, r, err, reach)
		}
	}
}

func TestAnOperationEndsWhenItsCallerIsRevoked(t *testing.T) {
	flushing := make(chan struct{})
	g := guard(t, setup{journal: &fakeJournal{t: t}, flusher: func(ctx context.Context, all bool, a, b, c string) (uint64, error) {
		close(flushing)
		return untilEnded(ctx, all, a, b, c)
	}}, twoTenants, "b")
	done := make(chan error, 1)
	go func() {
		_, err := g.ops.Flush(g.as("b"), &destinationsv1.FlushRequest{})
		done <- err
	}()
	<-flushing
	g.store.Revoke("b")
	g.gate.Reload()
	wantStatus(t, <-done, codes.Unauthenticated, "CREDENTIAL_INVALID", "")
}

func TestOperationsReachWhatTheirCallerMay(t *testing.T) {
	asked := ""
	g := guard(t, setup{journal: &fakeJournal{t: t}, flusher: func(_ context.Context, all bool, tenant, bucket, prefix string) (uint64, error) {
		asked = fmt.Sprint(all, " ", tenant, ":", bucket, "/", prefix)
		return 1, nil
	}}, twoTenants, "a", "b", "ops")
	for _, c := range []struct {
		as, tenant, bucket, prefix string
		want                       string // what is flushed, or the reason of the refusal
	}{
		{"a", "", "demo", "a/x", "false acme:demo/a/x/"},
		{"a", "acme", "demo", "a/x", "false acme:demo/a/x/"},
		{"a", "", "demo", "b", "DESTINATION_NOT_GRANTED"},
		{"a", "beta", "demo", "a/x", "DESTINATION_NOT_GRANTED"},
		{"a", "", "", "", "DESTINATION_NOT_GRANTED"}, // all, of which his grant reaches some
		{"b", "", "", "", "true beta:/"},
		{"b", "acme", "", "", "DESTINATION_NOT_GRANTED"},
		{"ops", "", "", "", "true :/"},
		{"ops", "acme", "", "", "true acme:/"},
		{"ops", "beta", "demo", "", "false beta:demo/"},
		{"ops", "", "demo", "", "TENANT_INVALID"},
	} {
		asked = ""
		_, err := g.ops.Flush(g.as(c.as), &destinationsv1.FlushRequest{Tenant: c.tenant, Bucket: c.bucket, Prefix: c.prefix})
		if err != nil {
			for _, d := range status.Convert(err).Details() {
				if info, ok := d.(*errdetails.ErrorInfo); ok {
					asked = info.GetReason()
				}
			}
		}
		if asked != c.want {
			t.Errorf("%+v: got %q, %v", c, asked, err)
		}
	}
	if !strings.Contains(g.audit.String(), `"msg":"operation","principal":"token:ops","tenant":"*","address":"bufconn","action":"Operations/Flush","bucket":"demo","outcome":"OK"`) ||
		!strings.Contains(g.audit.String(), `"outcome":"PermissionDenied"`) {
		t.Errorf("got audit log %s", g.audit.String())
	}
}

func TestListsShowWhatTheirCallerMaySee(t *testing.T) {
	of := func(tenant, bucket, prefix string) *destinationsv1.Destination {
		return &destinationsv1.Destination{Tenant: tenant, Bucket: bucket, Prefix: prefix}
	}
	places := []*destinationsv1.Destination{of("acme", "demo", "a/x/"), of("acme", "demo", "b/"), of("beta", "demo", "a/x/"), of("beta", "other", "")}
	f := &fakeUndelivered{lines: []*destinationsv1.ListDestinationsResponse{
		{Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: destinationsv1.Shared_SHARED_ENDPOINT}},
	}}
	dead := &fakeDeadLetters{}
	for _, d := range places {
		f.lines = append(f.lines, &destinationsv1.ListDestinationsResponse{Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: d}})
		dead.batches = append(dead.batches, &destinationsv1.ListDeadResponse{Destination: d})
	}
	g := guard(t, setup{journal: &fakeJournal{t: t}, undelivered: f, deadLetters: dead}, twoTenants, "a", "b", "ops")
	for _, c := range []struct {
		as, tenant string
		want       []int // of places
	}{
		{"a", "", []int{0}}, {"b", "", []int{2, 3}}, {"ops", "", []int{0, 1, 2, 3}}, {"ops", "acme", []int{0, 1}},
	} {
		call, err := g.ops.ListDestinations(g.as(c.as), &destinationsv1.ListDestinationsRequest{Tenant: c.tenant})
		got, err := all(t, call, err)
		if err != nil || len(got) != 1+len(c.want) {
			t.Fatalf("%+v: got %v, %v", c, got, err)
		}
		for i, place := range c.want {
			if !proto.Equal(got[1+i].GetDestination(), places[place]) {
				t.Errorf("%+v: got %v", c, got)
			}
		}
	}
	deadCall, err := g.ops.ListDead(g.as("a"), &destinationsv1.ListDeadRequest{})
	if got, err := all(t, deadCall, err); err != nil || len(got) != 1 || !proto.Equal(got[0].GetDestination(), places[0]) {
		t.Errorf("dead: got %v, %v", got, err)
	}
}

// What all share is of nobody in particular, but what was said of it names the object of whoever
// met it first: another tenant does not learn of that, nor of files.
func TestListsNameNothingOfOthers(t *testing.T) {
	const said = "PutObject s3://beta-secret/key: timeout"
	shared := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: destinationsv1.Shared_SHARED_ENDPOINT}, Code: "Timeout", Message: said, WaitingDestinations: 7,
	}
	closed := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_ClosedPartition{ClosedPartition: &destinationsv1.ClosedPartition{Partition: 3, File: "secret.seg", Offset: 9}}, Message: "secret",
	}
	waits := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Tenant: "acme", Bucket: "demo", Prefix: "a/x/"}}, Code: "Timeout", Message: said,
	}
	own := proto.CloneOf(waits)
	own.Message = "PutObject s3://demo/key: refused"
	g := guard(t, setup{journal: &fakeJournal{t: t}, undelivered: &fakeUndelivered{lines: []*destinationsv1.ListDestinationsResponse{shared, closed, waits, own}}}, twoTenants, "a", "ops")
	for as, hides := range map[string]bool{"a": true, "ops": false} {
		call, err := g.ops.ListDestinations(g.as(as), &destinationsv1.ListDestinationsRequest{})
		got, err := all(t, call, err)
		if err != nil || len(got) != 4 || got[0].GetCode() != "Timeout" || got[3].GetMessage() != own.GetMessage() {
			t.Fatalf("%s: got %v, %v", as, got, err)
		}
		if text := fmt.Sprint(got); strings.Contains(text, "secret") == hides || (got[0].GetWaitingDestinations() == 0) != hides {
			t.Errorf("%s: got %s", as, text)
		}
	}
	if shared.GetMessage() != said || closed.GetClosedPartition().GetFile() == "" {
		t.Error("a line that belongs to another was changed")
	}
}

// How a tenant's own credentials are is for that tenant and who sees every one; what was said of
// them, for who sees all of the tenant: it may name any of its objects.
func TestListsShowATenantsCredentialsToIt(t *testing.T) {
	const said = "PutObject s3://demo/secret: get credentials: denied"
	line := func(tenant string) *destinationsv1.ListDestinationsResponse {
		return &destinationsv1.ListDestinationsResponse{
			Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: destinationsv1.Shared_SHARED_CREDENTIALS},
			Code:    "NoCredentials", Message: said, WaitingDestinations: 7, Tenant: tenant,
		}
	}
	waits := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Tenant: "acme", Bucket: "demo", Prefix: "a/x/"}}, Message: said,
	}
	f := &fakeUndelivered{lines: []*destinationsv1.ListDestinationsResponse{line("acme"), line("beta"), waits}}
	g := guard(t, setup{journal: &fakeJournal{t: t}, undelivered: f}, twoTenants, "a", "b", "ops")
	for _, c := range []struct {
		as, tenant, want string // the lines' tenants; those with what was said have a "!"
	}{
		{"a", "", "acme dest"}, {"b", "", "beta!"}, {"ops", "", "acme! beta! dest!"}, {"ops", "acme", "acme! dest!"},
	} {
		call, err := g.ops.ListDestinations(g.as(c.as), &destinationsv1.ListDestinationsRequest{Tenant: c.tenant})
		lines, err := all(t, call, err)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lines {
			name := cmp.Or(l.GetTenant(), "dest")
			if l.GetMessage() == said {
				name += "!"
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// A caller who is ahead of his rate is slowed down, and refused when he is far ahead, with
// the time after which he is not.
func TestRatesAreKept(t *testing.T) {
	grants := strings.Replace(twoTenants, "prefixes: [\"a/*\"]}]", "prefixes: [\"a/*\"]}], events-per-second: 10", 1)
	g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}}, grants, "a")
	many := request("a/x", slices.Repeat([]string{"x"}, 50)...)
	got, err := g.send("a", many, many)
	if got != nil || status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetReason() != "RATE_EXCEEDED" || d.GetMetadata()["durable_sequence"] != "1" {
				t.Errorf("got %v, want the first request to be durable", d)
			}
		case *errdetails.RetryInfo:
			if wait := d.GetRetryDelay().AsDuration(); wait < 2*time.Second || wait > 4*time.Second {
				t.Errorf("told to wait %v, want about 3 s", wait)
			}
		}
	}
}
