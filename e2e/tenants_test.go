package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/sts"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	acmeRole = "arn:aws:iam::111122223333:role/acme-destinations"
	betaRole = "arn:aws:iam::444455556666:role/teams/beta"
	acmeKey  = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

	// sessionLife is of the sessions in a test that waits for their being replaced: between
	// a quarter and a half of it before their end, which has to be more than a busy machine
	// can stop the service for.
	sessionLife = 6 * time.Second
)

// acme has everything that a tenant can have in AWS, and a grant that somebody has made by
// hand and that reaches beta's bucket. Its role trusts the service, as beta's does.
func acme() tenant {
	return tenant{
		name: "acme", role: acmeRole, policy: []string{"--object-tags"}, reach: []string{"tenant-beta"},
		trust: sts.Role{ExternalID: acmeID, Tags: map[string]string{"tenant": "acme"}},
		aws: fmt.Sprintf(`{role-arn: %q, expected-bucket-owner: %q, kms-key: %q, storage-class: STANDARD_IA, tags: {team: "space rockets"}}`,
			acmeRole, harness.BucketOwner, acmeKey),
	}
}

// beta has a role, an external id of its own choice, and sends no ACL.
func beta() tenant {
	return tenant{
		name: "beta", role: betaRole, trust: sts.Role{ExternalID: "id-of-beta", Tags: map[string]string{"tenant": "beta"}},
		aws: fmt.Sprintf(`{role-arn: %q, external-id: id-of-beta, expected-bucket-owner: %q, acl: ""}`, betaRole, harness.BucketOwner),
	}
}

// plain has nothing in AWS of its own.
func plain() tenant { return tenant{name: "plain"} }

var (
	ofAcme  = harness.Destination{Bucket: "tenant-acme", Prefix: "p/"}
	ofBeta  = harness.Destination{Bucket: "tenant-beta", Prefix: "p/"}
	ofPlain = harness.Destination{Bucket: "tenant-plain", Prefix: "p/"}
	stolen  = harness.Destination{Bucket: "tenant-beta", Prefix: "stolen/"} // what acme wants of beta's bucket
)

// TestTenantsWithRolesOfTheirOwn lets AWS keep tenants apart: what a grant that was made by
// mistake lets pass, the bucket's policy stops, for it names the role of its tenant alone. And
// it looks at what the service says to S3 for each of them, in whole lives of objects, one of
// which a kill has cut in two.
func TestTenantsWithRolesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newTenantWorld(t, acme(), beta(), plain())
	w.sts.SetLifetime(sessionLife)
	svc := w.start(longWindow)
	ops := w.as(svc, "ops")
	w.sendNumbered(w.as(svc, "acme"), 1, 50, ofAcme)
	w.sendNumbered(w.as(svc, "beta"), 2, 50, ofBeta)
	w.sendNumbered(w.as(svc, "plain"), 3, 50, ofPlain)
	w.checkIntruder(svc, ops)

	noRegion := faultproxy.Rule{Op: faultproxy.HeadBucket, Fault: faultproxy.Answer(400, "BadRequest")}
	rules := []faultproxy.Rule{noRegion}
	for _, bucket := range w.buckets {
		rules = append(rules, faultproxy.Rule{Name: bucket, Op: faultproxy.UploadPart, Bucket: bucket, Fault: faultproxy.Hang()})
	}
	w.proxy.SetRules(rules...)
	w.sendLarge(w.as(svc, "acme"), 4, ofAcme)
	w.sendLarge(w.as(svc, "beta"), 5, ofBeta)
	w.sendLarge(w.as(svc, "plain"), 6, ofPlain)
	w.flush(ops)
	w.poll("parts of three tenants on their way", func() error {
		if hanging := w.proxy.Done(); len(hanging) < len(w.buckets) {
			return fmt.Errorf("got %v", hanging)
		}
		return nil
	})
	svc.Kill()
	w.proxy.SetRules(noRegion)
	svc = w.start(longWindow)
	ops = w.as(svc, "ops")
	w.flush(ops)
	w.await(time.Minute)
	w.proxy.SetRules()

	w.awaitReplaced(svc, ops, betaRole)
	w.check(svc)
	w.checkRequests()
	if objects, err := w.s3.List(t.Context(), stolen.Bucket, stolen.Prefix); err != nil || len(objects) != 0 {
		t.Errorf("got %v, %v in beta's bucket, want nothing of acme's", objects, err)
	}
}

// checkIntruder lets acme send to beta's bucket, which its grant reaches, and to that of a
// third, which it does not.
func (w *tenantWorld) checkIntruder(svc, ops *service) {
	w.t.Helper()
	answer := w.sendOne(svc, "acme", stolen)
	if answer.GetAccepted() != 1 || len(answer.GetReceipts()) != 1 {
		w.t.Fatalf("got %v, want the event accepted: the grant reaches its destination", answer)
	}
	refused := w.sendOne(svc, "acme", ofPlain)
	if len(refused.GetRejections()) != 1 || refused.GetRejections()[0].GetCode() != destinationsv1.RejectionCode_REJECTION_CODE_DESTINATION_NOT_GRANTED {
		w.t.Errorf("got %v, want the event rejected: no grant reaches its destination", refused)
	}
	w.flush(ops)
	w.await(time.Minute)
	w.poll("acme to be refused", func() error {
		lines, err := w.list(svc, "acme")
		if err != nil {
			return err
		}
		if l := lineOf(lines, "acme", stolen); l.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED || l.GetCode() != "AccessDenied" || l.GetBacklogEvents() != 1 {
			return fmt.Errorf("got %v", l)
		}
		return nil
	})
	status, err := w.as(svc, "acme").deliveries.GetDelivery(w.t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: []string{answer.GetReceipts()[0].GetToken()}})
	must(w.t, err)
	if d := status.GetDeliveries()[0]; d.GetState() != destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED || d.GetCode() != "AccessDenied" {
		w.t.Errorf("acme asks what became of its event: got %v, want BLOCKED, AccessDenied", d)
	}
	lines, err := w.list(svc, "beta")
	must(w.t, err)
	if l := lineOf(lines, "acme", stolen); l != nil {
		w.t.Errorf("beta is told of acme's destination: %v", l)
	}
	for _, who := range []string{"acme", "ops"} {
		if out := w.command(svc, who, "list"); !strings.Contains(out, "stolen/") || !strings.Contains(out, "blocked") || !strings.Contains(out, "AccessDenied") {
			w.t.Errorf("destinations list as %s: got\n%s", who, out)
		}
	}
	if ups := w.uploadsOf(stolen.Bucket); len(ups) != 0 {
		w.t.Errorf("got uploads %v in beta's bucket, want none", ups)
	}
}

// awaitReplaced sends until the session of a role that is used was replaced, and looks
// whether that was before its end.
func (w *tenantWorld) awaitReplaced(svc, ops *service, role string) {
	w.t.Helper()
	before := len(w.sessionsUsed(role))
	beta := w.as(svc, "beta")
	stream := 10
	w.poll("a session to be replaced", func() error {
		w.sendNumbered(beta, stream, 1, ofBeta)
		w.flush(ops)
		w.await(time.Minute)
		stream++
		if now := w.sessionsUsed(role); len(now) == before {
			return fmt.Errorf("sessions in use: %v", now)
		}
		return nil
	})
	begun, ends := map[string]time.Time{}, map[string]time.Time{}
	for _, r := range w.sts.Requests() {
		begun[r.AccessKey], ends[r.AccessKey] = r.Expires.Add(-sessionLife), r.Expires
	}
	used := w.sessionsUsed(role)
	if end, next := ends[used[before-1]], begun[used[before]]; !next.Before(end) {
		w.t.Errorf("a session ended at %v, and the next one was asked for at %v", end, next)
	}
}

// sessionsUsed are the access keys of a role's sessions, in the order in which they were
// first used.
func (w *tenantWorld) sessionsUsed(role string) (keys []string) {
	for _, r := range w.proxy.Requests() {
		if key := r.AccessKey(); w.sts.Role(key) == role && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
