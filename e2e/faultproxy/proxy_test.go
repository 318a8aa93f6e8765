package faultproxy_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key    = "/demo/a%20b/%2B%E6%97%A5.gz"
	answer = "<Result>what S3 says when it has done what it was asked</Result>"
)

// backend is an S3 server that does everything it is asked, and remembers it.
type backend struct {
	mu   sync.Mutex
	seen []string // guarded by mu
}

func (b *backend) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // half a request is none
	}
	if strings.Contains(string(body), "refuse") {
		http.Error(w, "S3 refuses", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.seen = append(b.seen, req.Method+" "+req.Host+req.RequestURI+" "+string(body))
	b.mu.Unlock()
	w.Header().Set("ETag", `"cafe"`)
	_, _ = io.WriteString(w, answer)
}

func (b *backend) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

// start returns a proxy in front of a backend, and a client of it.
func start(t *testing.T) (*backend, *faultproxy.Proxy, *http.Client) {
	t.Helper()
	b := &backend{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	p, err := faultproxy.Listen(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	return b, p, client
}

// send sends a request and returns the status and the body of the answer. An
// answer that breaks off is an error.
func send(t *testing.T, c *http.Client, method, url, body string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("x-amz-bucket-region") + string(text), err
}

func TestRequestsPassUnchanged(t *testing.T) {
	b, p, c := start(t)
	url := p.URL() + key + "?partNumber=1&uploadId=u%2F1"
	status, text, err := send(t, c, http.MethodPut, url, "the part")
	if status != 200 || text != answer || err != nil {
		t.Errorf("got %d %q %v, want what S3 says", status, text, err)
	}
	want := "PUT " + strings.TrimPrefix(url, "http://") + " the part"
	if got := b.requests(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   faultproxy.Fault
		effects int // whether S3 has done it
		status  int // 0 for no whole answer
		text    string
	}{
		{"none", faultproxy.Fault{}, 1, 200, answer},
		{"error", faultproxy.Answer(503, "SlowDown"), 0, 503, "<Code>SlowDown</Code>"},
		{"error after effect", faultproxy.Answer(500, "InternalError").AfterEffect(), 1, 500, "<Code>InternalError</Code>"},
		{"error in a 200", faultproxy.Answer(200, "InternalError"), 0, 200, "<Error>"},
		{"redirect", faultproxy.Answer(301, "PermanentRedirect").Naming("eu-west-1"), 0, 301, "eu-west-1"},
		{"hang", faultproxy.Hang(), 0, 0, ""},
		{"hang after effect", faultproxy.Hang().AfterEffect(), 1, 0, ""},
		{"reset", faultproxy.Reset(), 0, 0, ""},
		{"reset after effect", faultproxy.Reset().AfterEffect(), 1, 0, ""},
		{"half a request", faultproxy.CutRequest(), 0, 0, ""},
		{"half an answer", faultproxy.CutAnswer(), 1, 0, ""},
		{"slow", faultproxy.Slow(50 * time.Millisecond), 1, 200, answer},
		{"too slow", faultproxy.Slow(time.Hour), 0, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, p, c := start(t)
			p.SetRules(faultproxy.Rule{Name: tt.name, Op: faultproxy.PutObject, To: 1, Fault: tt.fault})
			patience := c.Timeout
			if strings.HasPrefix(tt.name, "hang") || tt.name == "too slow" {
				c.Timeout = 300 * time.Millisecond
			}
			status, text, err := send(t, c, http.MethodPut, p.URL()+key, strings.Repeat("bytes", 10_000))
			c.Timeout = patience
			if tt.status == 0 {
				if err == nil {
					t.Errorf("got %d %q, want no answer", status, text)
				}
			} else if status != tt.status || !strings.Contains(text, tt.text) || err != nil {
				t.Errorf("got %d %q %v, want %d and %q", status, text, err, tt.status, tt.text)
			}
			if got := len(b.requests()); got != tt.effects {
				t.Errorf("S3 was asked %d times, want %d", got, tt.effects)
			}
			if status, _, err := send(t, c, http.MethodPut, p.URL()+key, ""); status != 200 || err != nil {
				t.Errorf("the next one: got %d %v, want it to pass", status, err)
			}
			wantDone := map[string]int{tt.name: 1}
			if tt.name == "too slow" {
				wantDone = map[string]int{}
			}
			if got := p.Done(); !maps.Equal(got, wantDone) {
				t.Errorf("got %v done, want %v", got, wantDone)
			}
		})
	}
}

// TestRulesFit asks everything that there is, and tells by the answer which rule
// was thought to fit.
func TestRulesFit(t *testing.T) {
	b, p, c := start(t)
	rule := func(op faultproxy.Op) faultproxy.Rule {
		return faultproxy.Rule{Op: op, Bucket: "demo", Prefix: "p/", Fault: faultproxy.Answer(499, string(op))}
	}
	part2 := rule(faultproxy.UploadPart)
	part2.Part, part2.Fault = 2, faultproxy.Answer(499, "Part2")
	head, location := rule(faultproxy.HeadBucket), rule(faultproxy.GetBucketLocation)
	head.Prefix, location.Prefix = "", ""
	p.SetRules(part2, rule(faultproxy.PutObject), rule(faultproxy.CreateMultipartUpload), rule(faultproxy.UploadPart),
		rule(faultproxy.CompleteMultipartUpload), rule(faultproxy.AbortMultipartUpload), rule(faultproxy.ListMultipartUploads), head, location)
	for _, tt := range []struct{ method, path, want string }{
		{"PUT", "/demo/p/k", "PutObject"},
		{"POST", "/demo/p/k?uploads=", "CreateMultipartUpload"},
		{"PUT", "/demo/p/k?partNumber=1&uploadId=u", "UploadPart"},
		{"PUT", "/demo/p/k?partNumber=2&uploadId=u", "Part2"},
		{"POST", "/demo/p/k?uploadId=u", "CompleteMultipartUpload"},
		{"DELETE", "/demo/p/k?uploadId=u", "AbortMultipartUpload"},
		{"GET", "/demo?uploads=&prefix=p/k", "ListMultipartUploads"},
		{"GET", "/demo?location=", "GetBucketLocation"},
		{"HEAD", "/demo", ""},
		{"PUT", "/demo/q/k", answer},
		{"PUT", "/other/p/k", answer},
		{"GET", "/demo?uploads=&prefix=q/k", answer},
		{"HEAD", "/demo/p/k", answer},
		{"GET", "/demo?list-type=2", answer},
	} {
		status, text, err := send(t, c, tt.method, p.URL()+tt.path, "")
		passed := tt.want == answer
		if (status == 200) != passed || err != nil || tt.method != "HEAD" && !strings.Contains(text, tt.want) {
			t.Errorf("%s %s: got %d %q %v, want %s", tt.method, tt.path, status, text, err, tt.want)
		}
	}
	if got := len(b.requests()); got != 5 {
		t.Errorf("S3 was asked %d times, want 5", got)
	}
	if got := p.Calls(); got[faultproxy.UploadPart] != 2 || got[""] != 2 || got[faultproxy.PutObject] != 3 {
		t.Errorf("got %v calls", got)
	}
}

// TestRulesCount has a rule for the second and third request, and one behind it.
func TestRulesCount(t *testing.T) {
	_, p, c := start(t)
	p.SetRules(
		faultproxy.Rule{From: 2, To: 3, Fault: faultproxy.Answer(503, "")},
		faultproxy.Rule{From: 3, Fault: faultproxy.Answer(500, "")},
	)
	var got []int
	for range 5 {
		status, _, _ := send(t, c, http.MethodPut, p.URL()+key, "")
		got = append(got, status)
	}
	if want := []int{200, 503, 503, 500, 500}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A test can't make the client believe in an effect that there was not.
func TestNoEffectNoFaultAfterIt(t *testing.T) {
	b, p, c := start(t)
	p.SetRules(faultproxy.Rule{Name: "once", To: 1, Fault: faultproxy.Answer(412, "PreconditionFailed").AfterEffect()})
	for i, want := range []struct {
		body string
		code int
	}{{"refuse", 400}, {"refuse", 400}, {"do", 412}, {"do", 200}} {
		if status, _, err := send(t, c, http.MethodPut, p.URL()+key, want.body); status != want.code || err != nil {
			t.Errorf("request %d: got %d %v, want %d", i, status, err, want.code)
		}
	}
	if done := p.Done()["once"]; done != 1 || len(b.requests()) != 2 {
		t.Errorf("got it done %d times and %d effects, want 1 and 2", done, len(b.requests()))
	}
}

func TestHeldUntilTheRulesAreReplaced(t *testing.T) {
	b, p, c := start(t)
	p.SetRules(faultproxy.Rule{Fault: faultproxy.Hold()})
	got := make(chan int, 1)
	go func() {
		status, _, _ := send(t, c, http.MethodPut, p.URL()+key, "")
		got <- status
	}()
	select {
	case status := <-got:
		t.Fatalf("got %d, want nothing yet", status)
	case <-time.After(50 * time.Millisecond):
	}
	p.SetRules()
	if status := <-got; status != 200 || len(b.requests()) != 1 {
		t.Errorf("got %d and %d requests, want it passed on", status, len(b.requests()))
	}
}

// An S3 server that is not there ends connections, and the proxy's end what hangs.
func TestNobodyWaitsForEver(t *testing.T) {
	p, err := faultproxy.Listen("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if _, _, err := send(t, c, http.MethodPut, p.URL()+key, ""); err == nil {
		t.Error("got an answer of a server that is not there")
	}
	p.SetRules(faultproxy.Rule{Name: "hang", Fault: faultproxy.Hang()})
	hung := make(chan error, 1)
	go func() {
		_, _, err := send(t, c, http.MethodPut, p.URL()+key, "")
		hung <- err
	}()
	for p.Done()["hang"] == 0 {
		select {
		case err := <-hung:
			t.Fatalf("it did not hang: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	p.Close()
	if err := <-hung; err == nil {
		t.Error("got an answer, want a connection that broke")
	}
}
