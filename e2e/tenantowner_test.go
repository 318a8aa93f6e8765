package e2e_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// TestABucketThatSomebodyElseHasMade deletes a tenant's bucket. Another account makes one of
// that name, and lets the tenant's role write to it: it gets nothing. When the tenant's own
// account has the name again, everything arrives by itself.
func TestABucketThatSomebodyElseHasMade(t *testing.T) {
	t.Parallel()
	owned := roled("owned")
	owned.aws = fmt.Sprintf("{role-arn: %q, expected-bucket-owner: %q}", owned.role, harness.BucketOwner)
	w := newTenantWorld(t, owned)
	svc := w.start("1s")
	to := harness.Destination{Bucket: owned.bucket(), Prefix: "p/"}
	w.sendOne(svc, "owned", to) // past the ledger: it goes with the bucket
	w.awaitObjects(to.Bucket, 1)
	objects, err := w.s3.List(t.Context(), to.Bucket, "")
	must(t, err)
	_, err = w.s3.Admin().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &to.Bucket, Key: &objects[0].Key})
	must(t, err)
	w.dropBucket(w.s3.Admin(), to.Bucket)
	w.sendNumbered(w.as(svc, "owned"), 0, 20, to)
	w.awaitBlocked(svc, to, "NoSuchBucket")

	stranger := w.s3.Client(w.s3.Stranger)
	w.makeBucket(stranger, to.Bucket)
	w.awaitBlocked(svc, to, "AccessDenied")
	if objects, err := w.s3.List(t.Context(), to.Bucket, ""); err != nil || len(objects) != 0 || len(w.uploadsOf(to.Bucket)) != 0 {
		t.Errorf("got %v, %v and uploads %v in the other's bucket, want nothing", objects, err, w.uploadsOf(to.Bucket))
	}
	w.dropBucket(stranger, to.Bucket)

	w.makeBucket(w.s3.Admin(), to.Bucket)
	w.await(time.Minute)
	w.check(svc)
}

// awaitBlocked waits until the only tenant's destination is blocked with a code.
func (w *tenantWorld) awaitBlocked(svc *service, to harness.Destination, code string) {
	w.t.Helper()
	w.poll(code, func() error {
		lines, err := w.list(svc, "ops")
		if l := lineOf(lines, w.tenants[0].name, to); err == nil && (l.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED || l.GetCode() != code || l.GetByHand()) {
			return fmt.Errorf("got %v", l)
		}
		return err
	})
}

// dropBucket deletes a bucket, which is empty.
func (w *tenantWorld) dropBucket(as *s3.Client, bucket string) {
	w.t.Helper()
	_, err := as.DeleteBucket(w.t.Context(), &s3.DeleteBucketInput{Bucket: &bucket})
	must(w.t, err)
}

// makeBucket makes a bucket of a tenant again, with the policy that it had.
func (w *tenantWorld) makeBucket(as *s3.Client, bucket string) {
	w.t.Helper()
	_, err := as.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	must(w.t, err)
	policy, err := os.ReadFile(w.policies[bucket])
	must(w.t, err)
	_, err = as.PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(string(policy))})
	must(w.t, err)
}
