package uploader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

const (
	acmeRole  = "arn:aws:iam::444455556666:role/acme-destinations"
	otherRole = "arn:aws:iam::777788889999:role/other-destinations"
)

// rolesWorld is an S3 and a token service that knows a role of acme and one of other, and an
// uploader for which both tenants have theirs.
type rolesWorld struct {
	*uploader.Uploader
	s3     *uploadertest.S3
	sts    *uploadertest.STS
	logged *bytes.Buffer

	mu   sync.Mutex
	said said // guarded by mu
}

func newRolesWorld(t *testing.T) *rolesWorld {
	t.Helper()
	w := &rolesWorld{s3: uploadertest.NewS3(t), sts: uploadertest.NewSTS(t), logged: &bytes.Buffer{}}
	w.said = said{
		"acme":  {Role: uploader.Role{ARN: acmeRole, ExternalID: "acme-1"}},
		"other": {Role: uploader.Role{ARN: otherRole, ExternalID: "other-1"}},
	}
	w.sts.AddRole(acmeRole, "acme-1")
	w.sts.AddRole(otherRole, "other-1")
	cfg := testConfig()
	cfg.TenantOf = func(tenant string) uploader.Tenant {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.said[tenant]
	}
	u, err := uploader.New(w.sts.Config(w.s3), cfg, slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	w.Uploader = u
	return w
}

// say changes what is said of a tenant.
func (w *rolesWorld) say(tenant string, of uploader.Tenant) {
	w.mu.Lock()
	w.said[tenant] = of
	w.mu.Unlock()
	w.TenantsChanged()
}

// put uploads an object of a tenant under a key of its own.
func (w *rolesWorld) put(tenant string, size int) error {
	o := objectOf(tenant, size)
	o.Key = fmt.Sprintf("%s/%d", tenant, len(w.s3.Calls()))
	_, err := w.Upload(context.Background(), o)
	return err
}

// signers are the access keys that requests of S3 were signed with, each once, in order.
func (w *rolesWorld) signers() (keys []string) {
	for _, c := range w.s3.Calls() {
		if !slices.Contains(keys, c.Signer) {
			keys = append(keys, c.Signer)
		}
	}
	return keys
}

func TestARoleIsAssumedForItsTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		for range 3 {
			for _, size := range []int{onePut, twoParts} {
				if err := w.put("acme", size); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Probe(t.Context(), "acme", testBucket, testKey); err != nil {
			t.Error(err)
		}
		if _, err := w.AbortLeftovers(t.Context(), "acme", testBucket, testKey); err != nil {
			t.Error(err)
		}
		if _, err := w.Check(t.Context(), "acme", testBucket, "test/"); err != nil {
			t.Error(err)
		}
		calls := w.sts.Calls()
		if len(calls) != 1 {
			t.Fatalf("the role was assumed %d times, want once: %+v", len(calls), calls)
		}
		c := calls[0]
		if c.Signer != "AKIDTEST" || c.Role != acmeRole || c.ExternalID != "acme-1" || c.SessionName != "destinations-acme" || c.Seconds != 3600 ||
			len(c.Tags) != 1 || c.Tags["tenant"] != "acme" {
			t.Errorf("got %+v", c)
		}
		if got := w.signers(); !slices.Equal(got, []string{c.AccessKey}) {
			t.Errorf("requests are signed with %v, want %s alone", got, c.AccessKey)
		}
	})
}

// Nobody else has a tenant's role, and who has none keeps the service's own credentials.
func TestARoleIsItsTenantsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		for _, tenant := range []string{"acme", "other", "none", "acme"} {
			before := len(w.s3.Calls())
			if err := w.put(tenant, onePut); err != nil {
				t.Fatal(err)
			}
			want := "AKIDTEST"
			for _, c := range w.sts.Calls() {
				if c.Tags["tenant"] == tenant {
					want = c.AccessKey
				}
			}
			for _, c := range w.s3.Calls()[before:] {
				if c.Signer != want {
					t.Errorf("%s: %s is signed with %s, want %s", tenant, c.Op, c.Signer, want)
				}
			}
		}
		if got := len(w.sts.Calls()); got != 2 {
			t.Errorf("got %d roles assumed, want 2", got)
		}
	})
}

func TestASessionIsRenewedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		begin := time.Now()
		for time.Since(begin) < 4*time.Hour {
			if err := w.put("acme", onePut); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
			time.Sleep(time.Minute)
		}
		if got := len(w.sts.Calls()); got < 4 || got > 5 {
			t.Errorf("the role was assumed %d times in 4 hours, want 4 or 5", got)
		}
		for _, c := range w.s3.Calls() {
			if c.Op == "PutObject" && c.Number > 1 {
				t.Errorf("%s was tried %d times", c.Key, c.Number)
			}
		}
	})
}

// A session that can't be renewed is used to its end, and nobody waits meanwhile.
func TestASessionIsUsedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		begin := time.Now()
		if err := w.put("acme", onePut); err != nil {
			t.Fatal(err)
		}
		w.sts.OnCall(func(uploadertest.Assume) uploadertest.Fault { return uploadertest.Hang() })
		for time.Since(begin) < 59*time.Minute {
			before := time.Now()
			if err := w.put("acme", onePut); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
			if took := time.Since(before); took > 0 {
				t.Fatalf("after %v: an upload took %v", time.Since(begin), took)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n := len(w.sts.Calls()); n < 4 || n > 20 {
			t.Errorf("the service was asked %d times", n)
		}
		time.Sleep(2 * time.Minute)
		err := w.put("acme", onePut)
		if uploader.Classify(err) != uploader.ClassCredentials {
			t.Errorf("after its end: got %v, want an error of the credentials", err)
		}
		if !strings.Contains(w.logged.String(), "can't be assumed again") {
			t.Error("nothing of it is in the log")
		}
	})
}

// What the token service answers is of the tenant's credentials, whatever it is: never of a
// bucket, and never of another tenant. What stays so is asked once, the rest again for a
// while.
func TestARoleThatCannotBeAssumed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault uploadertest.Fault
		want  string
		again bool
	}{
		{"denied", uploadertest.Fault{}, "AccessDenied", false}, // for its external id
		{"throttled", uploadertest.Answer(400, "Throttling"), "Throttling", true},
		{"down", uploadertest.Answer(503, "ServiceUnavailable"), "ServiceUnavailable", true},
		{"own credentials have ended", uploadertest.Answer(403, "ExpiredToken"), "ExpiredToken", false},
		{"own credentials are wrong", uploadertest.Answer(403, "InvalidClientTokenId"), "InvalidClientTokenId", false},
		{"region is off", uploadertest.Answer(403, "RegionDisabledException"), "RegionDisabledException", false},
		{"refused", uploadertest.Refused(), "connection refused", true},
		{"hangs", uploadertest.Hang(), "no answer in time", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newRolesWorld(t)
			if tt.name == "denied" {
				w.say("acme", uploader.Tenant{Role: uploader.Role{ARN: acmeRole, ExternalID: "another"}})
			}
			w.sts.OnCall(func(a uploadertest.Assume) uploadertest.Fault {
				if a.Role == acmeRole {
					return tt.fault
				}
				return uploadertest.Fault{}
			})
			err := w.put("acme", onePut)
			var e *uploader.Error
			if !errors.As(err, &e) || e.Code != uploader.CodeNoCredentials || uploader.Classify(err) != uploader.ClassCredentials ||
				!strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "assume role "+acmeRole+" as destinations-acme: ") {
				t.Errorf("%s: got %v", tt.name, err)
			}
			if asked := len(w.sts.Calls()); (asked > 2) != tt.again { // for the look-up of the region, and for the object
				t.Errorf("%s: asked %d times", tt.name, asked)
			}
			if n := len(w.s3.Calls()); n > 0 {
				t.Errorf("%s: %d requests were sent to S3", tt.name, n)
			}
			for _, secret := range []string{"secret", "another"} {
				if strings.Contains(w.logged.String()+err.Error(), secret) {
					t.Errorf("%s: %q is in the log or the error", tt.name, secret)
				}
			}
			if err := w.put("other", onePut); err != nil {
				t.Errorf("%s: another tenant: %v", tt.name, err)
			}
		})
	}
}

// A region that was not learned, because the asker's role could not be assumed, is learned
// for others, and for him when it can.
func TestWhereABucketIsIsLearnedByWhoCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		w.s3.SetRegion(testBucket, "eu-west-1")
		w.sts.OnCall(func(a uploadertest.Assume) uploadertest.Fault {
			if a.Role == acmeRole {
				return uploadertest.Hang()
			}
			return uploadertest.Fault{}
		})
		var group sync.WaitGroup
		group.Go(func() {
			if err := w.put("acme", onePut); err == nil {
				t.Error("a role that can't be assumed was")
			}
		})
		synctest.Wait()
		begin := time.Now()
		if err := w.put("other", onePut); err != nil || time.Since(begin) > 0 {
			t.Errorf("another tenant: got %v after %v", err, time.Since(begin))
		}
		expectRegions(t, w.s3, "HeadBucket us-east-1", "PutObject eu-west-1")
		group.Wait()
		w.sts.OnCall(func(uploadertest.Assume) uploadertest.Fault { return uploadertest.Fault{} })
		if err := w.put("acme", onePut); err != nil {
			t.Error(err)
		}
		expectRegions(t, w.s3, "HeadBucket us-east-1", "PutObject eu-west-1", "PutObject eu-west-1")
	})
}

func TestSessionsFollowWhatIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		if err := w.put("acme", onePut); err != nil {
			t.Fatal(err)
		}
		w.sts.AddRole(otherRole, "acme-2")
		w.mu.Lock() // and nobody is told: it counts all the same
		w.said["acme"] = uploader.Tenant{Role: uploader.Role{ARN: otherRole, ExternalID: "acme-2"}}
		w.mu.Unlock()
		if err := w.put("acme", onePut); err != nil {
			t.Fatal(err)
		}
		w.say("acme", uploader.Tenant{})
		if err := w.put("acme", onePut); err != nil {
			t.Fatal(err)
		}
		calls := w.sts.Calls()
		if len(calls) != 2 || calls[0].Role != acmeRole || calls[1].Role != otherRole {
			t.Fatalf("got %+v", calls)
		}
		if got, want := w.signers(), []string{calls[0].AccessKey, calls[1].AccessKey, "AKIDTEST"}; !slices.Equal(got, want) {
			t.Errorf("requests are signed with %v, want %v", got, want)
		}
		// What it had is forgotten: with the same role again it is assumed anew.
		w.say("acme", uploader.Tenant{Role: uploader.Role{ARN: otherRole, ExternalID: "acme-2"}})
		if err := w.put("acme", onePut); err != nil || len(w.sts.Calls()) != 3 {
			t.Errorf("got %v, roles assumed %d times, want 3", err, len(w.sts.Calls()))
		}
		// Of another tenant nothing is forgotten.
		w.say("other", uploader.Tenant{})
		if err := w.put("acme", onePut); err != nil || len(w.sts.Calls()) != 3 {
			t.Errorf("got %v, roles assumed %d times, want 3", err, len(w.sts.Calls()))
		}
	})
}

// Somebody has ended the role's sessions, or the clocks do not agree: a new one is asked
// for at once, and the upload goes on with it.
func TestASessionThatS3RefusesIsReplaced(t *testing.T) {
	for _, size := range []int{onePut, twoParts} {
		synctest.Test(t, func(t *testing.T) {
			w := newRolesWorld(t)
			if err := w.put("acme", onePut); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			w.sts.EndSessions()
			if err := w.put("acme", size); err != nil {
				t.Error(err)
			}
			if n := len(w.sts.Calls()); n != 2 {
				t.Errorf("the role was assumed %d times, want 2", n)
			}
		})
	}
}

// Sessions that S3 never takes are not asked for again and again.
func TestSessionsThatNobodyTakesAreNotAskedForInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		w.s3.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "PutObject" {
				return uploadertest.Answer(403, "InvalidAccessKeyId")
			}
			return uploadertest.Fault{}
		})
		for range 100 {
			if err := w.put("acme", onePut); uploader.Classify(err) != uploader.ClassCredentials {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := len(w.sts.Calls()); n > 11 {
			t.Errorf("the role was assumed %d times in 100 s, want at most 11", n)
		}
	})
}

// After a denial a session is replaced, if it is old: the role's older sessions may have been
// revoked, which S3 words like any denial.
func TestADenialReplacesAnOldSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		deny := func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "CreateMultipartUpload" && c.Signer == "ASIA0000000000000001" {
				return uploadertest.Answer(403, "AccessDenied")
			}
			return uploadertest.Fault{}
		}
		if err := w.put("acme", onePut); err != nil {
			t.Fatal(err)
		}
		w.s3.OnCall(deny)
		probe := func() error {
			err := w.Probe(t.Context(), "acme", testBucket, testKey)
			synctest.Wait()
			return err
		}
		for range 3 {
			if err := probe(); uploader.Classify(err) != uploader.ClassDestination {
				t.Errorf("got %v, want an error of the destination", err)
			}
		}
		if n := len(w.sts.Calls()); n != 1 {
			t.Errorf("a young session was replaced: %d", n)
		}
		time.Sleep(6 * time.Minute)
		if err := errors.Join(probe(), probe()); err == nil {
			t.Error("the denial has come through")
		}
		if err := probe(); err != nil || len(w.sts.Calls()) != 2 {
			t.Errorf("got %v, role assumed %d times, want twice", err, len(w.sts.Calls()))
		}
	})
}

// Who gives up while a role is being assumed says nothing about it, and leaves nothing
// running behind Close.
func TestGivingUpWhileARoleIsBeingAssumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		w.sts.OnCall(func(uploadertest.Assume) uploadertest.Fault { return uploadertest.After(2 * time.Second) })
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errCancelled) })
		if _, err := w.Upload(ctx, objectOf("acme", onePut)); !errors.Is(err, errCancelled) || uploader.Permanent(err) {
			t.Errorf("got %v, want %v in a transient error", err, errCancelled)
		}
		if err := w.put("acme", onePut); err != nil { // joins what was under way
			t.Error(err)
		}
		if n := len(w.sts.Calls()); n != 1 {
			t.Errorf("the role was assumed %d times, want once", n)
		}
		w.sts.OnCall(func(uploadertest.Assume) uploadertest.Fault { return uploadertest.Hang() })
		go w.put("other", onePut)
		synctest.Wait()
		begin := time.Now()
		w.Close()
		if took := time.Since(begin); took > time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}

// AWS takes 64 characters, and two tenants never share a name.
func TestSessionNamesFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRolesWorld(t)
		seen := map[string]bool{}
		for _, tenant := range []string{"a", strings.Repeat("a", 51), strings.Repeat("a", 52), strings.Repeat("a", 62), strings.Repeat("a", 63)} {
			w.say(tenant, uploader.Tenant{Role: uploader.Role{ARN: acmeRole, ExternalID: "acme-1"}})
			if err := w.put(tenant, onePut); err != nil {
				t.Fatal(err)
			}
			calls := w.sts.Calls()
			name := calls[len(calls)-1].SessionName
			if seen[name] || !strings.HasPrefix(name, "destinations-a") {
				t.Errorf("%s: got %q", tenant, name)
			}
			seen[name] = true
		}
	})
}

// The token service is a server of its own, wherever the S3 server is.
func TestTheTokenServiceIsAskedOverHTTP(t *testing.T) {
	s3, sts := uploadertest.NewS3(t), uploadertest.NewSTS(t)
	sts.AddRole(acmeRole, "acme-1")
	sts.Config(s3) // so that s3 knows its sessions
	s3Server, stsServer := httptest.NewServer(s3), httptest.NewServer(sts)
	t.Cleanup(s3Server.Close)
	t.Cleanup(stsServer.Close)
	cfg := said{"acme": {Role: uploader.Role{ARN: acmeRole, ExternalID: "acme-1"}}}.config()
	cfg.Endpoint, cfg.PathStyle, cfg.STSEndpoint = s3Server.URL, true, stsServer.URL
	u, err := uploader.New(aws.Config{Region: "us-east-1", Credentials: s3.Config().Credentials}, cfg, discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	mustUpload(t, u, objectOf("acme", twoParts))
	calls := sts.Calls()
	if len(calls) != 1 || calls[0].Tags["tenant"] != "acme" {
		t.Fatalf("got %+v", calls)
	}
	for _, c := range s3.Calls() {
		if c.Signer != calls[0].AccessKey {
			t.Errorf("%s is signed with %s", c.Op, c.Signer)
		}
	}
}
