package faultproxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/e2e/faultproxy"
)

func TestWhatIsRecorded(t *testing.T) {
	_, p, c := start(t)
	do := func(method, path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.URL()+path, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("x-amz-expected-bucket-owner", "111122223333")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=ASIA1/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
		}
	}
	do(http.MethodPut, "/demo/before")
	p.Record()
	do(http.MethodPut, "/demo/a")
	p.SetRules(faultproxy.Rule{Op: faultproxy.PutObject, Prefix: "b", Fault: faultproxy.Answer(403, "AccessDenied")},
		faultproxy.Rule{Op: faultproxy.PutObject, Prefix: "c", Fault: faultproxy.Reset()})
	do(http.MethodPut, "/demo/b")
	do(http.MethodPut, "/demo/c")
	do(http.MethodPut, "/demo/d?partNumber=7&uploadId=u")
	do(http.MethodDelete, "/demo/e")
	want := []struct {
		op     faultproxy.Op
		key    string
		status int
	}{{faultproxy.PutObject, "a", 200}, {faultproxy.PutObject, "b", 403}, {faultproxy.PutObject, "c", 0}, {faultproxy.UploadPart, "d", 200}, {"", "e", 200}}
	got := p.Requests()
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %d requests", got, len(want))
	}
	for i, w := range want {
		r := got[i]
		if r.Op != w.op || r.Bucket != "demo" || r.Key != w.key || r.Status != w.status || r.AccessKey() != "ASIA1" || r.Header.Get("x-amz-expected-bucket-owner") != "111122223333" {
			t.Errorf("%d: got %+v, want %+v", i, r, w)
		}
	}
	if got[3].Part != 7 || got[3].Query.Get("uploadId") != "u" {
		t.Errorf("got %+v, want part 7 of u", got[3])
	}
	if (faultproxy.Request{}).AccessKey() != "" {
		t.Error("a request that is not signed has an access key")
	}
}
