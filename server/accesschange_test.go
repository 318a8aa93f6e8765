package server_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

type reading func(p []byte) (int, error)

func (r reading) Read(p []byte) (int, error) { return r(p) }

// In the middle of a list and of an export, too, a grant that comes to reach less counts.
func TestAGrantThatChangesCountsInTheMiddleOfAnOperation(t *testing.T) {
	place := &destinationsv1.Destination{Tenant: "acme", Bucket: "demo", Prefix: "a/x/"}
	line := &destinationsv1.ListDestinationsResponse{Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: place}}
	listed := &fakeUndelivered{lines: []*destinationsv1.ListDestinationsResponse{line, line}}
	dead := &fakeDeadLetters{batches: []*destinationsv1.ListDeadResponse{{Destination: place}, {Destination: place}}}
	g := guard(t, setup{journal: &fakeJournal{t: t}, undelivered: listed, deadLetters: dead}, twoTenants, "a")
	change := func() {
		g.write(strings.ReplaceAll(twoTenants, "a/*", "b/*"))
		g.gate.Reload()
	}
	listed.between, dead.between = change, change
	pieces := 0
	dead.object = reading(func(p []byte) (int, error) {
		switch pieces++; pieces {
		case 2:
			change()
		case 5:
			return 0, io.EOF
		}
		return len(p), nil
	})
	for name, count := range map[string]func(ctx context.Context) (int, error){
		"ListDestinations": func(ctx context.Context) (int, error) {
			call, err := g.ops.ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{})
			got, err := all(t, call, err)
			return len(got), err
		},
		"ListDead": func(ctx context.Context) (int, error) {
			call, err := g.ops.ListDead(ctx, &destinationsv1.ListDeadRequest{})
			got, err := all(t, call, err)
			return len(got), err
		},
		"ExportDead": func(ctx context.Context) (int, error) {
			call, err := g.ops.ExportDead(ctx, &destinationsv1.ExportDeadRequest{Bucket: "demo", Key: "k"})
			got, err := all(t, call, err)
			if status.Code(err) == codes.NotFound {
				err = nil
			}
			return len(got), err
		},
	} {
		g.write(twoTenants)
		g.gate.Reload()
		if n, err := count(g.as("a")); err != nil || n != 1 {
			t.Errorf("%s: got %d answers, %v, want the 1 before the change", name, n, err)
		}
	}
}

// What is read of strangers before they are judged is bounded: what they show, and what they
// ask for.
func TestStrangersCanNotSendMuch(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t}}, twoTenants, "a")
	for name, c := range map[string]struct {
		shown string
		asked []string
		code  codes.Code
	}{
		"little":           {"x", []string{"a"}, codes.Unauthenticated},
		"1,000 tokens":     {"x", slices.Repeat([]string{strings.Repeat("a", 440)}, 1000), codes.Unauthenticated},
		"a large token":    {strings.Repeat("x", 100<<10), []string{"a"}, codes.Internal},
		"a million tokens": {"x", make([]string, 1<<20), codes.Unauthenticated}, // judged first, and not read
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+c.shown)
		if _, err := g.told.GetDelivery(ctx, &destinationsv1.GetDeliveryRequest{Tokens: c.asked}); status.Code(err) != c.code {
			t.Errorf("%s: got %v, want %v", name, err, c.code)
		}
	}
	if _, err := g.told.GetDelivery(g.as("a"), &destinationsv1.GetDeliveryRequest{Tokens: make([]string, 1<<20)}); status.Code(err) != codes.Internal {
		t.Errorf("a million tokens of somebody who is let in: got %v, want %v", err, codes.Internal)
	}
}

// An audit log has what was done where nobody is authenticated, too.
func TestWhatEverybodyDoesIsWrittenDown(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	gate, err := auth.New(auth.Config{}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	written := &lines{}
	h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, access: gate, audit: auth.NewAudit(written, log),
		flusher: func(context.Context, bool, string, string, string) (uint64, error) { return 1, nil }})
	if _, err := h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{Bucket: "demo"}); err != nil {
		t.Fatal(err)
	}
	want := `"msg":"operation","tenant":"default","address":"bufconn","action":"Operations/Flush","bucket":"demo","outcome":"OK"}`
	if !strings.Contains(written.String(), want) {
		t.Errorf("got %s, want %s", written.String(), want)
	}
}
