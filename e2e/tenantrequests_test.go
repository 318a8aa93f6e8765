package e2e_test

import (
	"slices"
	"strings"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
)

// said is what the requests of a tenant say beside what all do: values of headers by their
// names, "" = the header must not be there.
type said struct {
	tenant    string
	always    map[string]string
	beginning map[string]string // of requests that begin an object: PutObject, CreateMultipartUpload
}

// terms are all headers in which requests of tenants may differ.
var terms = []string{
	"X-Amz-Expected-Bucket-Owner", "X-Amz-Security-Token", "X-Amz-Acl", "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
	"X-Amz-Storage-Class", "X-Amz-Tagging", "X-Amz-Server-Side-Encryption-Context", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
}

// sayings are those of the tenants acme, beta and plain, as the grants file has them.
var sayings = []said{
	{
		tenant: "acme", always: map[string]string{"X-Amz-Expected-Bucket-Owner": harness.BucketOwner},
		beginning: map[string]string{
			"X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": acmeKey,
			"X-Amz-Acl": "bucket-owner-full-control", "X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Tagging": "team=space%20rockets",
		},
	},
	{tenant: "beta", always: map[string]string{"X-Amz-Expected-Bucket-Owner": harness.BucketOwner}},
	{tenant: "plain", beginning: map[string]string{"X-Amz-Acl": "bucket-owner-full-control"}},
}

// checkRequests looks at every request that was recorded: who has signed it, what it says,
// and how it ended.
func (w *tenantWorld) checkRequests() {
	w.t.Helper()
	seen := map[string]map[faultproxy.Op]bool{}
	for _, r := range w.proxy.Requests() {
		of := w.signer(r)
		if of == nil {
			w.t.Errorf("%s s3://%s/%s is signed with %q, which is nobody's", r.Op, r.Bucket, r.Key, r.AccessKey())
			continue
		}
		if seen[of.name] == nil {
			seen[of.name] = map[faultproxy.Op]bool{}
		}
		seen[of.name][r.Op] = true
		intruding := of.name == "acme" && r.Bucket == stolen.Bucket
		if r.Bucket != of.bucket() && !intruding {
			w.t.Errorf("%s s3://%s/%s is signed for %s", r.Op, r.Bucket, r.Key, of.name)
		}
		if of.name == "acme" && r.Bucket == "tenant-beta" {
			continue // what finds out why it is refused leaves out one term after the other
		}
		w.checkHeaders(of, r)
		denied := r.Status == 403 && (intruding || r.Op == faultproxy.HeadBucket) // nobody may read
		if r.Status >= 300 && !denied && !(r.Op == faultproxy.HeadBucket && r.Status == 400) {
			w.t.Errorf("%s: %s s3://%s/%s was answered %d", of.name, r.Op, r.Bucket, r.Key, r.Status)
		}
	}
	for _, of := range w.tenants {
		for _, op := range operations {
			if !seen[of.name][op] {
				w.t.Errorf("%s: no %s was recorded", of.name, op)
			}
		}
	}
}

// signer is the tenant whose session, or the one without a role for whom the service itself,
// has signed a request.
func (w *tenantWorld) signer(r faultproxy.Request) *tenant {
	role := w.sts.Role(r.AccessKey())
	if role == "" && r.AccessKey() != w.s3.Service.Key {
		return nil
	}
	i := slices.IndexFunc(w.tenants, func(of tenant) bool { return of.role == role })
	return &w.tenants[i]
}

// checkHeaders compares what a request says with what is to be said for its tenant.
func (w *tenantWorld) checkHeaders(of *tenant, r faultproxy.Request) {
	w.t.Helper()
	s := sayings[slices.IndexFunc(sayings, func(s said) bool { return s.tenant == of.name })]
	begins := r.Op == faultproxy.PutObject || r.Op == faultproxy.CreateMultipartUpload
	signed, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
	for _, name := range terms {
		want := s.always[name]
		if begins && want == "" {
			want = s.beginning[name]
		}
		got := r.Header.Get(name)
		if name == "X-Amz-Security-Token" {
			if (got != "") != (of.role != "") {
				w.t.Errorf("%s: %s: a session's token: %t, role %q", of.name, r.Op, got != "", of.role)
			}
		} else if got != want {
			w.t.Errorf("%s: %s s3://%s/%s: %s is %q, want %q", of.name, r.Op, r.Bucket, r.Key, name, got, want)
		}
		if got != "" && !strings.Contains(signed, strings.ToLower(name)) {
			w.t.Errorf("%s: %s: %s is not signed", of.name, r.Op, name)
		}
	}
	creates := r.Op == faultproxy.PutObject || r.Op == faultproxy.CompleteMultipartUpload
	if got := r.Header.Get("If-None-Match"); creates && got != "*" {
		w.t.Errorf("%s: %s s3://%s/%s: If-None-Match is %q, want *", of.name, r.Op, r.Bucket, r.Key, got)
	}
}
