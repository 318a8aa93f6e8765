package faultproxy

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

// Request is a request that was recorded.
type Request struct {
	Call
	Header http.Header // as it arrived
	Query  url.Values
	Status int // of the answer that was passed on or made up; 0: none
}

// credential is the access key in the header of a signed request.
var credential = regexp.MustCompile(`\bCredential=([^/,]+)/`)

// AccessKey is the access key that the request says it is signed with; "" for none. Whether
// that is true is S3's to judge.
func (r Request) AccessKey() string {
	if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1]
	}
	return ""
}

// Record keeps every request from now on, without its body.
func (p *Proxy) Record() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.recording = true
}

// Requests are those that were recorded, in the order in which their answers began: a
// request is among them before its client has an answer, or learns that there is none.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mu.requests)
}

// record keeps a request, if that was asked for.
func (p *Proxy) record(r Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.recording {
		p.mu.requests = append(p.mu.requests, r)
	}
}

// recorder is a way to answer a request that records it when the answer begins.
type recorder struct {
	http.ResponseWriter
	proxy   *Proxy
	request Request
	done    bool
}

func newRecorder(p *Proxy, w http.ResponseWriter, req *http.Request) *recorder {
	r := Request{Call: read(req), Header: req.Header.Clone(), Query: req.URL.Query()}
	return &recorder{ResponseWriter: w, proxy: p, request: r}
}

// WriteHeader implements [http.ResponseWriter].
func (w *recorder) WriteHeader(status int) {
	w.request.Status = status
	w.end()
	w.ResponseWriter.WriteHeader(status)
}

// end records the request if that was not done.
func (w *recorder) end() {
	if !w.done {
		w.done = true
		w.proxy.record(w.request)
	}
}

// Hijack implements [http.Hijacker].
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.end()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
