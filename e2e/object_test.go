package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestThirtyEventsBecomeOneObject is the promise in small: what is sent within a
// window is one object, named as promised, which the system's gunzip reads.
func TestThirtyEventsBecomeOneObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "small")
	svc := w.serve("data", "--window", "3s")
	began := time.Now().Truncate(time.Second)
	w.sendNumbered(svc, 0, 30, harness.Destination{Bucket: "small", Prefix: "test/"})
	w.await(30 * time.Second)

	objects := w.ledger.Objects()
	if len(objects) != 1 {
		t.Fatalf("got %d objects, want 1: %v", len(objects), objects)
	}
	if o := objects[0]; o.Prefix != "test/" || o.Time.Before(began) || o.Time.After(time.Now()) {
		t.Errorf("got %s, want it below test/ and named by the time at which it was closed", o)
	}
	var lines []string
	must(t, w.s3.Lines(t.Context(), objects[0], func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	}))
	var want []string
	for n := range 30 {
		want = append(want, string(numbered(0, n)))
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines of %s (-want +got):\n%s", objects[0], diff)
	}
	w.check(svc)
}

// TestOneDestinationWithAndWithoutSlash sends to an empty prefix, one without and
// one with a slash, and one in Japanese.
func TestOneDestinationWithAndWithoutSlash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "prefixes")
	svc := w.serve("data", "--window", longWindow)
	const japanese = "日本語/ワークフロー"
	for i, prefix := range []string{"", "test", "test/", japanese} {
		var events []outgoing
		for n := range 10 {
			stored := prefix
			if stored != "" {
				stored = strings.TrimSuffix(prefix, "/") + "/"
			}
			// The ledger knows a destination by how it stands in keys.
			events = append(events, outgoing{harness.Destination{Bucket: "prefixes", Prefix: stored}, numbered(i, n)})
		}
		must(t, w.sendAs(t.Context(), svc, i, prefix, events))
	}
	w.flush(svc)
	w.await(30 * time.Second)

	objects := map[string]int{}
	for _, o := range w.ledger.Objects() {
		objects[o.Prefix]++
	}
	want := map[string]int{"": 1, "test/": 1, japanese + "/": 1}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Errorf("objects by prefix (-want +got):\n%s", diff)
	}
	w.check(svc)
}

// TestQuietWindowsWriteNothing lets 20 windows without events pass behind one
// with an event.
func TestQuietWindowsWriteNothing(t *testing.T) {
	t.Parallel()
	const window = time.Second
	w := newWorld(t, "quiet")
	svc := w.serve("data", "--window", window.String())
	w.sendNumbered(svc, 0, 1, harness.Destination{Bucket: "quiet"})
	w.await(30 * time.Second)

	quiet := time.NewTimer(20*window + window/2)
	look := time.NewTicker(window / 2)
	defer look.Stop()
	for over := false; !over; {
		select {
		case <-quiet.C:
			over = true
		case <-look.C:
		}
		objects, err := w.s3.List(t.Context(), "quiet", "")
		must(t, err)
		if len(objects) != 1 {
			t.Fatalf("got %d objects, want the first one alone: %v", len(objects), objects)
		}
	}
	w.check(svc)
}

// TestPolicyGrantsFivePermissionsOnTwoResources compares the printed policy with
// the one that users are told to set.
func TestPolicyGrantsFivePermissionsOnTwoResources(t *testing.T) {
	t.Parallel()
	text, err := harness.Policy(t.Context(), bins.Service, "policy-bucket")
	must(t, err)
	var policy struct {
		Version   string
		Statement []struct {
			Effect    string
			Principal struct{ AWS string }
			Action    []string
			Resource  []string
		}
	}
	must(t, json.Unmarshal(text, &policy))
	if len(policy.Statement) != 1 {
		t.Fatalf("got %d statements, want 1:\n%s", len(policy.Statement), text)
	}
	st := policy.Statement[0]
	slices.Sort(st.Action)
	want := []string{"s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads", "s3:PutObject", "s3:PutObjectAcl"}
	if diff := cmp.Diff(want, st.Action); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"arn:aws:s3:::policy-bucket", "arn:aws:s3:::policy-bucket/*"}, st.Resource); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if policy.Version != "2012-10-17" || st.Effect != "Allow" || st.Principal.AWS != harness.ServiceKey {
		t.Errorf("got version %q, %s to %q", policy.Version, st.Effect, st.Principal.AWS)
	}
}

// TestServiceMayOnlyWrite keeps the other tests honest: under the policy the
// service's account can write an object and can't do anything else with it.
func TestServiceMayOnlyWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "rights")
	client, bucket, key := w.s3.Client(w.s3.Service), aws.String("rights"), aws.String("key")
	ctx := t.Context()
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader([]byte("x"))})
	must(t, err)
	denied := map[string]func() error{
		"get": func() error {
			_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
			return err
		},
		"head": func() error {
			_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
			return err
		},
		"list": func() error { _, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket}); return err },
		"delete": func() error {
			_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
			return err
		},
	}
	for name, call := range denied {
		var resp *awshttp.ResponseError
		if err := call(); !errors.As(err, &resp) || resp.HTTPStatusCode() != http.StatusForbidden {
			t.Errorf("%s: got %v, want 403", name, err)
		}
	}
}

// numbered is a small event.
func numbered(stream, n int) []byte {
	return fmt.Appendf(nil, `{"stream":%d,"n":%d,"text":"日本語 \"escaped\" 😀"}`, stream, n)
}

// sendNumbered sends n small events to one destination.
func (w *world) sendNumbered(svc *service, stream, n int, to harness.Destination) {
	w.t.Helper()
	var events []outgoing
	for i := range n {
		events = append(events, outgoing{to, numbered(stream, i)})
	}
	must(w.t, w.send(w.t.Context(), svc, stream, slices.Values([][]outgoing{events})))
}
