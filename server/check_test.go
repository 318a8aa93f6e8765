package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// fakeChecker answers checks by a function.
type fakeChecker func(ctx context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error)

func (f fakeChecker) Check(ctx context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error) {
	return f(ctx, p)
}

func TestCheckNamesItsDestination(t *testing.T) {
	var got server.CheckParams
	checker := func(_ context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error) {
		got = p
		return &destinationsv1.Diagnosis{Region: "eu-west-1"}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, checker: checker})
		r, err := h.ops.CheckDestination(t.Context(), &destinationsv1.CheckDestinationRequest{Bucket: "demo", Prefix: "test", RoleArn: "who"})
		want := server.CheckParams{Tenant: "default", Bucket: "demo", Prefix: "test/", RoleARN: "who", SeesAll: true}
		if err != nil || r.GetDiagnosis().GetRegion() != "eu-west-1" || got != want {
			t.Errorf("got %+v, %v, %v; want %+v", got, r, err, want)
		}
	})
}

func TestCheckRefusesWhatIsWrong(t *testing.T) {
	checker := func(_ context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error) {
		return nil, fmt.Errorf("%w: %q", server.ErrRoleARNInvalid, p.RoleARN)
	}
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, checker: checker})
		for _, tt := range []struct{ bucket, prefix, role, reason string }{
			{"", "", "", "BUCKET_INVALID"},
			{"BAD", "", "", "BUCKET_INVALID"},
			{"demo", "a/../b", "", "PREFIX_INVALID"},
			{"demo", "", "111122223333", "ROLE_ARN_INVALID"},
		} {
			_, err := h.ops.CheckDestination(t.Context(), &destinationsv1.CheckDestinationRequest{Bucket: tt.bucket, Prefix: tt.prefix, RoleArn: tt.role})
			wantStatus(t, err, codes.InvalidArgument, tt.reason, "")
		}
	})
}

// TestWhoMayCheckWhat has everybody ask who has any role, for what his grant reaches, and
// has each of it written down.
func TestWhoMayCheckWhat(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t}, checker: func(_ context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error) {
		return &destinationsv1.Diagnosis{Region: fmt.Sprint(p.SeesAll)}, nil
	}}, `
grants:
  - {principals: ["token:send"], tenant: acme, roles: [send], destinations: [{bucket: acme, prefixes: ["logs/*"]}]}
  - {principals: ["token:inspect"], tenant: acme, roles: [inspect], destinations: [{bucket: acme, prefixes: ["logs/*"]}]}
  - {principals: ["token:all"], tenant: "*", roles: [operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`, "send", "inspect", "all")
	ask := func(who, tenant, prefix string) (*destinationsv1.CheckDestinationResponse, error) {
		return g.ops.CheckDestination(g.as(who), &destinationsv1.CheckDestinationRequest{Tenant: tenant, Bucket: "acme", Prefix: prefix})
	}
	for who, seesAll := range map[string]string{"send": "false", "inspect": "false", "all": "true"} {
		if r, err := ask(who, "acme", "logs/a"); err != nil || r.GetDiagnosis().GetRegion() != seesAll {
			t.Errorf("%s: got %v, %v", who, r, err)
		}
	}
	_, err := ask("send", "acme", "secret")
	wantStatus(t, err, codes.PermissionDenied, "DESTINATION_NOT_GRANTED", "")
	_, err = ask("send", "other", "logs/a")
	wantStatus(t, err, codes.PermissionDenied, "DESTINATION_NOT_GRANTED", "")
	_, err = ask("all", "", "logs/a")
	wantStatus(t, err, codes.InvalidArgument, "TENANT_INVALID", "")
	written := g.audit.String()
	for _, want := range []string{`"bucket":"acme","prefix":"logs/a","outcome":"OK"`, `"prefix":"secret","outcome":"PermissionDenied"`} {
		if !strings.Contains(written, want) || !strings.Contains(written, `"action":"Operations/CheckDestination"`) {
			t.Errorf("the audit log has no %s:\n%s", want, written)
		}
	}
}

// TestChecksAreBounded holds that no caller has the service ask S3 more than it should.
func TestChecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		underWay, most, done := 0, 0, 0
		h := start(t, setup{journal: &fakeJournal{t: t}, checker: func(ctx context.Context, _ server.CheckParams) (*destinationsv1.Diagnosis, error) {
			mu.Lock()
			underWay++
			most = max(most, underWay)
			mu.Unlock()
			<-time.After(30 * time.Second) // S3 hangs
			mu.Lock()
			defer mu.Unlock()
			underWay--
			done++
			return &destinationsv1.Diagnosis{}, nil
		}})
		ask := func() error {
			_, err := h.ops.CheckDestination(t.Context(), &destinationsv1.CheckDestinationRequest{Bucket: "demo"})
			return err
		}
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				for {
					err := ask()
					if err == nil {
						return
					}
					wantStatus(t, err, codes.ResourceExhausted, "RATE_EXCEEDED", "")
					<-time.After(time.Second)
				}
			})
		}
		begun := time.Now()
		all.Wait()
		if took := time.Since(begun); most != 4 || done != 40 || took < 300*time.Second {
			t.Errorf("got %d at a time, %d done in %v, want 4 and 40", most, done, took)
		}
	})
}

// TestCheckEndsWithTheService holds that a check holds up no shutdown, and with its caller.
func TestCheckEndsWithTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, checker: func(ctx context.Context, _ server.CheckParams) (*destinationsv1.Diagnosis, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.ops.CheckDestination(ctx, &destinationsv1.CheckDestinationRequest{Bucket: "demo"})
		if status.Code(err) != codes.DeadlineExceeded { // said by either side: their clocks agree
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Second, h.server.Drain)
		_, err = h.ops.CheckDestination(t.Context(), &destinationsv1.CheckDestinationRequest{Bucket: "demo"})
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "")
	})
}

// TestADiagnosisIsListedWithoutWhatAllShare holds that tenants see what S3 refuses them, and
// not what was said of the service's credentials.
func TestADiagnosisIsListedWithoutWhatAllShare(t *testing.T) {
	line := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Tenant: "acme", Bucket: "acme", Prefix: "logs/a/"}},
		State:   destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED,
		Diagnosis: &destinationsv1.Diagnosis{Steps: []*destinationsv1.DiagnosisStep{
			{Step: destinationsv1.CheckStep_CHECK_STEP_CREDENTIALS, Message: "AKIATHESERVICE"},
			{Step: destinationsv1.CheckStep_CHECK_STEP_CREATE, Message: "Access Denied"},
		}},
	}
	g := guard(t, setup{journal: &fakeJournal{t: t}, undelivered: &fakeUndelivered{lines: []*destinationsv1.ListDestinationsResponse{line}}}, `
grants:
  - {principals: ["token:inspect"], tenant: acme, roles: [inspect], destinations: [{bucket: acme, prefixes: ["logs/*"]}]}
  - {principals: ["token:all"], tenant: "*", roles: [inspect], destinations: [{bucket: "*", prefixes: ["*"]}]}
`, "inspect", "all")
	for who, seen := range map[string]bool{"inspect": false, "all": true} {
		call, err := g.ops.ListDestinations(g.as(who), &destinationsv1.ListDestinationsRequest{})
		lines, err := all(t, call, err)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%s: got %v, %v", who, lines, err)
		}
		if text := lines[0].String(); strings.Contains(text, "AKIATHESERVICE") != seen || !strings.Contains(text, "Access Denied") {
			t.Errorf("%s: got %s", who, text)
		}
	}
	if line.GetDiagnosis().GetSteps()[0].GetMessage() == "" {
		t.Error("the line itself was changed")
	}
}
