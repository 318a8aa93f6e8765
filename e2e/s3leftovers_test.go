package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/uploader"
)

// uploadsOf are the keys of the multipart uploads in a bucket, one for each.
func (w *world) uploadsOf(bucket string) []string {
	w.t.Helper()
	ups, err := w.s3.Uploads(w.t.Context(), bucket)
	must(w.t, err)
	keys := make([]string, 0, len(ups))
	for _, up := range ups {
		keys = append(keys, up.Key)
	}
	return keys
}

// uploaderAs returns an uploader that signs as the service does.
func (w *world) uploaderAs(a harness.Account) *uploader.Uploader {
	w.t.Helper()
	cfg := uploader.DefaultConfig()
	cfg.Endpoint, cfg.PathStyle, cfg.MaxElapsed = w.s3.Endpoint, true, 0
	u, err := uploader.New(aws.Config{
		Region:      w.s3.Region,
		Credentials: credentials.NewStaticCredentialsProvider(a.Key, a.Secret, ""),
	}, cfg, slog.New(slog.DiscardHandler))
	must(w.t, err)
	w.t.Cleanup(u.Close)
	return u
}

// TestKilledServiceCleansUpBehindItself kills a service in the middle of a
// multipart upload. Its next life aborts that upload, and not the one that another
// installation has under way in the same prefix at that time.
func TestKilledServiceCleansUpBehindItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "janitor")
	ours, other := w.listenProxy(), w.listenProxy()
	ours.SetRules(faultproxy.Rule{Op: faultproxy.CompleteMultipartUpload, Fault: faultproxy.Hang()})
	other.SetRules(faultproxy.Rule{Op: faultproxy.CompleteMultipartUpload, Fault: faultproxy.Hold()})
	args := []string{"--window", longWindow, "--s3-part-size", "5MiB"}
	var services []*service
	for i, proxy := range []*faultproxy.Proxy{ours, other} {
		w.endpoint = proxy.URL()
		svc := w.serve(fmt.Sprint("installation-", i), args...)
		services = append(services, svc)
		w.sendLarge(svc, i, harness.Destination{Bucket: "janitor", Prefix: "shared/"})
		w.flush(svc)
	}
	w.poll("both uploads to be all but complete", func() error {
		if a, b := ours.Calls(), other.Calls(); a[faultproxy.CompleteMultipartUpload] == 0 || b[faultproxy.CompleteMultipartUpload] == 0 {
			return fmt.Errorf("requests so far: %v, %v", a, b)
		}
		return nil
	})
	services[0].Kill()
	ours.SetRules()
	w.endpoint = ours.URL()
	services[0] = w.serve("installation-0", args...)
	w.poll("our object to be stored, and only the other's upload to be there", func() error {
		stored, err := w.s3.List(t.Context(), "janitor", "shared/")
		if ups := w.uploadsOf("janitor"); err == nil && (len(stored) != 1 || len(ups) != 1) {
			err = fmt.Errorf("objects %v, uploads %q", stored, ups)
		}
		return err
	})
	if ours.Calls()[faultproxy.ListMultipartUploads] == 0 {
		t.Error("nobody looked for what the killed upload had left")
	}

	other.SetRules()
	w.await(time.Minute)
	if ups := w.uploadsOf("janitor"); len(ups) > 0 {
		t.Errorf("got uploads %q left", ups)
	}
	if n := other.Calls()[faultproxy.CreateMultipartUpload]; n != 1 {
		t.Errorf("the other installation began %d uploads, want the one that was under way", n)
	}
	w.check(services...)
}

// TestLeftoversUnderTheBucketsPolicy aborts what an upload has left with nothing
// but what the bucket's policy grants, and nothing else that is in the bucket.
func TestLeftoversUnderTheBucketsPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "leftovers", "foreign")
	const key = "日本/a b+c%41&d/2026/01/02/03/2026-01-02-03-04-05-cafe.gz"
	others := []string{key + ".part", key + "2", strings.Replace(key, "cafe", "beef", 1)}
	for _, k := range append([]string{key, key}, others...) {
		must(t, w.s3.BeginUpload(t.Context(), w.s3.Service, "leftovers", k))
	}
	must(t, w.s3.BeginUpload(t.Context(), w.s3.Service, "foreign", key))

	u := w.uploaderAs(w.s3.Service)
	if n, err := u.AbortLeftovers(t.Context(), "", "leftovers", key); n != 2 || err != nil {
		t.Errorf("got %d aborted and %v, want 2", n, err)
	}
	slices.Sort(others)
	if got := w.uploadsOf("leftovers"); !slices.Equal(got, others) {
		t.Errorf("got %q left, want %q", got, others)
	}
	if got := w.uploadsOf("foreign"); len(got) != 1 {
		t.Errorf("got %q in the other bucket, want what was there", got)
	}
}

// TestProbeUnderTheBucketsPolicy probes a bucket that lets us, one that does not,
// and with credentials that are wrong.
func TestProbeUnderTheBucketsPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "probed")
	const key = "p/2026/01/02/03/2026-01-02-03-04-05-cafe.gz"
	for _, tt := range []struct {
		name    string
		account harness.Account
		bucket  string
		want    uploader.Class
		code    string // "" for success
	}{
		{"granted", w.s3.Service, "probed", 0, ""},
		{"no such bucket", w.s3.Service, "not-there", uploader.ClassDestination, "NoSuchBucket"},
		{"wrong secret", harness.Account{Key: w.s3.Service.Key, Secret: "wrong"}, "probed", uploader.ClassCredentials, "SignatureDoesNotMatch"},
		{"unknown key", harness.Account{Key: "nobody", Secret: "none"}, "probed", uploader.ClassCredentials, "InvalidAccessKeyId"},
	} {
		err := w.uploaderAs(tt.account).Probe(context.Background(), "", tt.bucket, key)
		if (err == nil) != (tt.code == "") || uploader.Classify(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.code) {
			t.Errorf("%s: got %v, want class %s and %q", tt.name, err, tt.want, tt.code)
		}
	}
	if got := w.uploadsOf("probed"); len(got) > 0 {
		t.Errorf("got %q left", got)
	}
}
