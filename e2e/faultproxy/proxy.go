package faultproxy

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Proxy is an HTTP server in front of an S3 server. It passes everything on until
// it is given rules. It is safe for concurrent use.
type Proxy struct {
	target    string // host:port; immutable
	listener  net.Listener
	server    *http.Server
	transport *http.Transport
	stop      chan struct{} // closed by Close
	running   sync.WaitGroup

	mu struct {
		sync.Mutex
		rules []*counted
		next  chan struct{}  // closed when the rules are replaced
		done  map[string]int // by the name of a rule
		calls map[Op]int

		recording bool
		requests  []Request
	}
}

// Listen starts a proxy on a free port of the loopback interface, which passes
// everything on to target, a host:port.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &Proxy{
		target:    target,
		listener:  listener,
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		stop:      make(chan struct{}),
	}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // broken connections are what it is for
		ConnState:         p.connState,
	}
	p.mu.next = make(chan struct{})
	p.mu.done = map[string]int{}
	p.mu.calls = map[Op]int{}
	p.running.Go(func() { _ = p.server.Serve(listener) }) // ends with Close
	return p, nil
}

// connState counts connections as running until they are closed, or taken out of
// the server's hands, which is just before they are.
func (p *Proxy) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		p.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		p.running.Done()
	}
}

// URL is the endpoint that clients use. It never changes.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Close ends all connections and returns when nothing of the proxy is left.
func (p *Proxy) Close() {
	close(p.stop)
	_ = p.server.Close() // also the listener; what clients see of it does not matter
	p.running.Wait()
	p.transport.CloseIdleConnections()
}

// SetRules replaces the rules. Of several that hold for a request the first one
// counts. Requests that are under way stay with the rule that they met, but for
// those that it holds.
func (p *Proxy) SetRules(all ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.mu.next)
	p.mu.next = make(chan struct{})
	p.mu.rules = nil
	for _, r := range all {
		p.mu.rules = append(p.mu.rules, &counted{Rule: r})
	}
}

// Done is how often each rule has done what it says, by its name, since the proxy
// was made. What hangs counts from when it hangs.
func (p *Proxy) Done() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.mu.done)
}

// Calls is how many requests of each kind have arrived since the proxy was made.
func (p *Proxy) Calls() map[Op]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.mu.calls)
}

// decide returns the rule that holds for a request, and a channel that is closed
// when there are other rules.
func (p *Proxy) decide(c Call) (rule *counted, next <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.calls[c.Op]++
	return decide(p.mu.rules, c), p.mu.next
}

// giveBack lets a rule hold for the next request instead of this one.
func (p *Proxy) giveBack(r *counted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.fitted--
}

// note counts what a rule has done.
func (p *Proxy) note(r *counted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Name != "" {
		p.mu.done[r.Name]++
	}
}

// serve handles one request. A connection that it gives up ends without a word.
func (p *Proxy) serve(w http.ResponseWriter, req *http.Request) {
	recorded := newRecorder(p, w, req)
	defer recorded.end()
	p.answer(recorded, req, recorded.request.Call)
}

// answer is serve of a request that is understood.
func (p *Proxy) answer(w http.ResponseWriter, req *http.Request, c Call) {
	rule, next := p.decide(c)
	f := rule.Fault
	if f.hold && !pause(p, req, next) || f.delay > 0 && !pause(p, req, time.After(f.delay)) {
		panic(http.ErrAbortHandler)
	}
	answer, err := p.effect(req, f)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if answer != nil {
		defer answer.Body.Close()
	}
	if f.after && answer.StatusCode >= http.StatusMultipleChoices {
		p.giveBack(rule)
		pass(w, answer)
		return
	}
	p.note(rule)
	switch f.end {
	case endServed:
		pass(w, answer)
	case endAnswer:
		f.writeError(w, req)
	case endHang:
		pause[struct{}](p, req, nil)
		panic(http.ErrAbortHandler)
	case endReset, endCutRequest:
		reset(w, nil)
	case endCutAnswer:
		reset(w, firstHalf(answer))
	}
}

// effect lets S3 do what it is asked, if f says so, and returns its answer. Else it
// takes what the client sends, which is nil as an answer.
func (p *Proxy) effect(req *http.Request, f Fault) (*http.Response, error) {
	if f.end != endServed && f.end != endCutAnswer && !f.after {
		n := req.ContentLength
		if f.end == endCutRequest {
			n /= 2
		}
		_, err := io.CopyN(io.Discard, req.Body, max(n, 0))
		return nil, err
	}
	out := req.Clone(req.Context())
	out.RequestURI = ""                             // only servers have it
	out.URL.Scheme, out.URL.Host = "http", p.target // req.Host stays: it is signed
	out.Header.Del("Expect")                        // met here already
	answer, err := p.transport.RoundTrip(out)
	if err == nil && f.after {
		// S3 may begin to answer before it is done.
		err = keepBody(answer)
	}
	return answer, err
}

// keepBody reads an answer to its end and puts it back.
func keepBody(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // there is nothing left in it
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// pause waits for c and returns true, or false if the client goes away or the proxy
// is closed before.
func pause[T any](p *Proxy, req *http.Request, c <-chan T) bool {
	select {
	case <-c:
		return true
	case <-req.Context().Done():
		return false
	case <-p.stop:
		return false
	}
}

// pass hands S3's answer on.
func pass(w http.ResponseWriter, answer *http.Response) {
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(w, answer.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// firstHalf is the beginning of an answer as it goes over a connection.
func firstHalf(answer *http.Response) []byte {
	var whole bytes.Buffer
	if err := answer.Write(&whole); err != nil {
		return nil
	}
	return whole.Bytes()[:whole.Len()/2]
}

// reset says something and then breaks the connection.
func reset(w http.ResponseWriter, last []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // ends it, too
	}
	// What becomes of these is of no interest: it is a connection that fails.
	_, _ = conn.Write(last)
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}
