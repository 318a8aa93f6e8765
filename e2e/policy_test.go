package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// newPolicyWorld is a world whose buckets have policies with conditions: the flags of policy
// by bucket. With a certificate's authority, S3 speaks TLS.
func newPolicyWorld(t *testing.T, flags map[string][]string, ca *authtest.CA) *world {
	t.Helper()
	w := prepareWorld(t, slices.Sorted(maps.Keys(flags))...)
	p := harness.S3Params{Buckets: map[string]string{}}
	for bucket, more := range flags {
		p.Buckets[bucket] = w.policy(bucket, append([]string{"--role-arn", harness.ServiceKey}, more...)...)
	}
	if ca != nil {
		server := ca.Issue(authtest.Certificate{Server: true})
		path := authtest.Write(t, w.dir, map[string][]byte{"s3-cert.pem": server.Cert, "s3-key.pem": server.Key, "s3-ca.pem": ca.PEM})
		p.Cert, p.Key, p.CA = path("s3-cert.pem"), path("s3-key.pem"), ca.Pool()
		w.env = []string{"AWS_CA_BUNDLE=" + path("s3-ca.pem")}
	}
	w.startS3(p)
	return w
}

// blocked returns nil when the bucket's destination is blocked by a refusal of S3.
func (w *world) blocked(svc *service, bucket string) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	lines, err := svc.operations.ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{State: destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED})
	if err != nil {
		return err
	}
	var seen []string
	for {
		line, err := lines.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("blocked: %v, want %s by AccessDenied", seen, bucket)
		}
		if err != nil {
			return err
		}
		if line.GetDestination().GetBucket() == bucket && line.GetCode() == "AccessDenied" {
			return nil
		}
		seen = append(seen, line.String())
	}
}

// change gives a bucket the policy with these flags, as its owner does.
func (w *world) change(svc *service, bucket string, flags ...string) {
	w.t.Helper()
	text, err := os.ReadFile(w.policy(bucket, append([]string{"--role-arn", harness.ServiceKey}, flags...)...))
	must(w.t, err)
	_, err = w.s3.Admin().PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(string(text))})
	must(w.t, err)
	_, err = svc.operations.Redrive(w.t.Context(), &destinationsv1.RedriveRequest{Bucket: bucket, Prefix: "p"})
	must(w.t, err)
}

// TestAddressesThatAPolicyDemands delivers where the policy demands our address, and is
// refused where it demands another, until the policy demands what the service publishes.
// The bucket's owner is not concerned.
func TestAddressesThatAPolicyDemands(t *testing.T) {
	t.Parallel()
	w := newPolicyWorld(t, map[string][]string{
		"near": {"--source-ip", "127.0.0.1", "--source-ip", "2001:db8::/64"},
		"far":  {"--source-ip", "192.0.2.0/24", "--require-tls", "--prefix", "p"},
	}, nil)
	svc := w.serve("data", "--window", "1s", "--egress-ips", "127.0.0.0/8")
	near := harness.Destination{Bucket: "near", Prefix: "p/"}
	far := harness.Destination{Bucket: "far", Prefix: "p/"}
	w.sendNumbered(svc, 0, 30, near)
	w.sendNumbered(svc, 1, 30, far)
	w.poll("the far bucket is blocked", func() error { return w.blocked(svc, "far") })
	if objects, err := w.s3.List(t.Context(), "far", ""); err != nil || len(objects) != 0 {
		t.Errorf("got %v, %v in the far bucket, want nothing", objects, err)
	}
	_, err := w.s3.Admin().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("near"), Key: aws.String("theirs"), Body: strings.NewReader("x")})
	if err != nil {
		t.Errorf("the bucket's owner: %v", err)
	}
	_, err = w.s3.Admin().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("near"), Key: aws.String("theirs")})
	must(t, err)

	w.change(svc, "far", "--source-ip", "published", "--target", svc.Target, "--prefix", "p")
	w.await(30 * time.Second)
	w.check(svc)
}

// TestPolicyThatDemandsTLS delivers over TLS where the policy demands it.
func TestPolicyThatDemandsTLS(t *testing.T) {
	t.Parallel()
	w := newPolicyWorld(t, map[string][]string{"encrypted": {"--require-tls", "--source-ip", "127.0.0.1"}}, authtest.NewCA(t, "s3"))
	svc := w.serve("data", "--window", "1s")
	w.sendNumbered(svc, 0, 30, harness.Destination{Bucket: "encrypted", Prefix: "p/"})
	w.await(30 * time.Second)
	w.check(svc)
}

// TestPolicyThatDemandsTLSRefusesPlainRequests is the other half: nothing arrives.
func TestPolicyThatDemandsTLSRefusesPlainRequests(t *testing.T) {
	t.Parallel()
	w := newPolicyWorld(t, map[string][]string{"encrypted": {"--require-tls"}}, nil)
	svc := w.serve("data", "--window", "1s")
	w.sendNumbered(svc, 0, 30, harness.Destination{Bucket: "encrypted", Prefix: "p/"})
	w.poll("the bucket is blocked", func() error { return w.blocked(svc, "encrypted") })
	if objects, err := w.s3.List(t.Context(), "encrypted", ""); err != nil || len(objects) != 0 {
		t.Errorf("got %v, %v, want nothing", objects, err)
	}
	w.change(svc, "encrypted")
	w.await(30 * time.Second)
	w.check(svc)
}
