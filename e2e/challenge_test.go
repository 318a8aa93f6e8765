package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// challengeGrants let acme's senders name the victim's bucket, too, as a grant for "*" does.
const challengeGrants = `
tenants:
  acme: {challenge: true}
grants:
  - {principals: ["token:acme"], tenant: acme, roles: [send], destinations: [{bucket: "challenge-*", prefixes: ["*"]}]}
  - {principals: ["token:victim"], tenant: victim, roles: [send], destinations: [{bucket: challenge-victim, prefixes: ["*"]}]}
  - {principals: ["token:ops"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

var (
	acmesOwn = harness.Destination{Bucket: "challenge-acme", Prefix: "p/"}
	victims  = harness.Destination{Bucket: "challenge-victim", Prefix: "p/"}
)

// challengeWorld has two buckets that trust the service, and a key of each bucket's owner
// that may read it alone.
type challengeWorld struct {
	*world
	access *harness.Access
}

func newChallengeWorld(t *testing.T) *challengeWorld {
	t.Helper()
	w := &challengeWorld{world: prepareWorld(t, acmesOwn.Bucket, victims.Bucket)}
	policies := map[string]string{}
	for bucket, reader := range map[string]string{acmesOwn.Bucket: "acme-reader", victims.Bucket: "victim-reader"} {
		policies[bucket] = w.policy(bucket, "--role-arn", harness.ServiceKey)
		w.letRead(policies[bucket], bucket, reader)
	}
	w.startS3(harness.S3Params{Buckets: policies, Users: []string{"acme-reader", "victim-reader"}})
	var err error
	w.access, err = harness.NewAccess(filepath.Join(w.dir, "access"), challengeGrants, "acme", "victim", "ops")
	must(t, err)
	return w
}

// letRead adds to a policy that a key may read the bucket's objects.
func (w *challengeWorld) letRead(file, bucket, key string) {
	w.t.Helper()
	text, err := os.ReadFile(file)
	must(w.t, err)
	var policy map[string]any
	must(w.t, json.Unmarshal(text, &policy))
	policy["Statement"] = append(policy["Statement"].([]any), map[string]any{
		"Sid": "OwnerReads", "Effect": "Allow", "Principal": map[string]any{"AWS": key},
		"Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + bucket + "/*",
	})
	text, err = json.Marshal(policy)
	must(w.t, err)
	must(w.t, os.WriteFile(file, text, 0o600))
}

// as is the service for the one with a token.
func (w *challengeWorld) as(svc *service, name string) *service {
	w.t.Helper()
	conn, err := grpc.NewClient(svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), w.access.As(name))
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	return &service{Service: svc.Service, events: destinationsv1.NewDestinationsClient(conn), operations: destinationsv1.NewOperationsClient(conn)}
}

// refused sends an event to each destination, all of which must be rejected, and returns the
// reasons.
func (w *challengeWorld) refused(svc *service, to ...harness.Destination) (reasons []string) {
	w.t.Helper()
	request := &destinationsv1.SendS3Request{}
	for _, d := range to {
		request.Events = append(request.Events, &destinationsv1.S3Event{Bucket: d.Bucket, Prefix: &d.Prefix, Payload: []byte("{}")})
	}
	stream, err := svc.events.SendS3(w.t.Context())
	must(w.t, err)
	must(w.t, stream.Send(request))
	answer, err := stream.CloseAndRecv()
	must(w.t, err)
	for _, r := range answer.GetRejections() {
		if r.GetCode() != destinationsv1.RejectionCode_REJECTION_CODE_BUCKET_NOT_CONFIRMED {
			w.t.Errorf("got %v", r)
		}
		reasons = append(reasons, r.GetReason())
	}
	if len(reasons) != len(to) || answer.GetAccepted() != 0 {
		w.t.Fatalf("got %v, want all rejected", answer)
	}
	return reasons
}

// read reads an object as somebody.
func (w *challengeWorld) read(as, bucket, key string) (string, error) {
	object, err := w.s3.User(as).GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer object.Body.Close()
	text, err := io.ReadAll(object.Body)
	return string(text), err
}

// TestABucketIsConfirmedByWhoReadsIt lets a tenant show with a key of its own that it can read
// its bucket, and not show it of one that only trusts the service, as its own does. What it
// has shown outlives a kill.
func TestABucketIsConfirmedByWhoReadsIt(t *testing.T) {
	t.Parallel()
	w := newChallengeWorld(t)
	args := append(w.access.Args(), "--window", longWindow, "--log-level", "debug", "--audit-log", filepath.Join(w.dir, "audit.log"))
	svc := w.serve("data", args...)
	acme, victim := w.as(svc, "acme"), w.as(svc, "victim")
	w.sendNumbered(victim, 1, 20, victims)
	reasons := w.refused(acme, acmesOwn, victims)
	var content string
	for i, to := range []harness.Destination{acmesOwn, victims} {
		standing, err := acme.operations.ConfirmBucket(t.Context(), &destinationsv1.ConfirmBucketRequest{Bucket: to.Bucket, Prefix: to.Prefix})
		must(t, err)
		place := fmt.Sprintf("s3://%s/%s", to.Bucket, standing.GetKey())
		if standing.GetConfirmed() || !standing.GetNeeded() || !strings.Contains(reasons[i], place) {
			t.Errorf("got %v, and the reason %q", standing, reasons[i])
		}
		text, err := w.read("acme-reader", to.Bucket, standing.GetKey())
		if (err == nil) != (to == acmesOwn) {
			t.Fatalf("acme reads %s: got %q, %v", place, text, err)
		}
		if err == nil {
			content = text
		}
		if _, err := acme.operations.ConfirmBucket(t.Context(), &destinationsv1.ConfirmBucketRequest{Bucket: to.Bucket, Prefix: to.Prefix, Content: content}); (err == nil) != (to == acmesOwn) ||
			err != nil && status.Code(err) != codes.PermissionDenied {
			t.Errorf("acme confirms %s: got %v", to.Bucket, err)
		}
	}
	w.refused(acme, victims)
	w.sendNumbered(acme, 2, 20, acmesOwn)
	svc.Kill()
	svc = w.serve("data", args...)
	acme = w.as(svc, "acme")
	w.refused(acme, victims)
	w.sendNumbered(acme, 3, 20, acmesOwn)
	w.flush(w.as(svc, "ops"))
	w.await(time.Minute)
	w.check(svc)
	log, err := os.ReadFile(filepath.Join(w.dir, "data.log"))
	must(t, err)
	audit, err := os.ReadFile(filepath.Join(w.dir, "audit.log"))
	must(t, err)
	if strings.Contains(string(log)+string(audit), strings.TrimSpace(content)) || !strings.Contains(string(audit), `"action":"Operations/ConfirmBucket"`) || !strings.Contains(string(log), "bucket confirmed") {
		t.Errorf("got the log %s\nand the audit log %s\nwant them to say what was confirmed, and no content", log, audit)
	}
}
