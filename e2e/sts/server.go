package sts

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxBody bounds a request, bytes.
const maxBody = 64 << 10

// Role is a role and what its trust policy asks for.
type Role struct {
	Trusts     []string          // access keys that may assume it
	ExternalID string            // must be shown; "" = need not
	Tags       map[string]string // session tags that must be passed, with these values; others may be
}

// Params says who there is.
type Params struct {
	Callers  map[string]string // secrets by access key: who has a signature that is known
	Roles    map[string]Role   // by ARN
	Sessions string            // folder for the sessions that are handed out; made if it is not there
}

// Server is a token service on a free port of the loopback interface. It is safe for
// concurrent use.
type Server struct {
	params   Params // immutable
	listener net.Listener
	server   *http.Server
	running  sync.WaitGroup
	stop     chan struct{} // closed by Close

	mu struct {
		sync.Mutex
		faults   map[string]Fault // by a role's ARN, "" for all
		lifetime time.Duration    // of sessions; 0 = as asked
		requests []Request
	}
}

// Listen starts a token service.
func Listen(p Params) (*Server, error) {
	if err := makeFolder(p.Sessions); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a token service: %w", err)
	}
	s := &Server{params: p, listener: listener, stop: make(chan struct{})}
	s.mu.faults = map[string]Fault{}
	s.server = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // connections that break are the client's to report
	}
	s.running.Go(func() { _ = s.server.Serve(listener) }) // ends with Close
	return s, nil
}

// URL is the endpoint that clients use.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends all connections and returns when nothing of the service is left.
func (s *Server) Close() {
	close(s.stop)
	_ = s.server.Close() // also the listener
	s.running.Wait()
}

// SetFault says what becomes of requests for a role from now on, "" of those for any role
// that has no fault of its own. The zero Fault ends it. What hangs goes on hanging.
func (s *Server) SetFault(roleARN string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == (Fault{}) {
		delete(s.mu.faults, roleARN)
		return
	}
	s.mu.faults[roleARN] = f
}

// SetLifetime lets sessions that are handed out from now on end after d, however long was
// asked for; 0 = when it was asked.
func (s *Server) SetLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lifetime = d
}

// Requests are all that have arrived, in the order in which they were answered, or
// began to hang.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.requests)
}

// Role is the role that a session's access key stands for; "" if there is no such session.
func (s *Server) Role(accessKey string) string {
	for _, r := range s.Requests() {
		if r.AccessKey == accessKey && accessKey != "" {
			return r.RoleARN
		}
	}
	return ""
}

// fault is what becomes of a request for a role.
func (s *Server) fault(roleARN string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.mu.faults[roleARN]; ok {
		return f
	}
	return s.mu.faults[""]
}

// lifetime is how long a session lasts for which so long was asked.
func (s *Server) lifetime(asked time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.lifetime > 0 {
		return s.mu.lifetime
	}
	return asked
}

// note keeps a request for Requests.
func (s *Server) note(r Request) {
	r.Tags = maps.Clone(r.Tags)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.requests = append(s.mu.requests, r)
}

// serve handles one request.
func (s *Server) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r, no := s.read(req, body)
	if no == nil {
		no = s.meet(req, r)
	}
	if no == nil {
		no = s.judge(r)
	}
	var given session
	if no == nil {
		given, no = s.give(r)
	}
	if no != nil {
		r.Code = no.code
		s.note(r)
		no.write(w)
		return
	}
	r.AccessKey, r.Expires = given.AccessKeyID, given.Expiration
	s.note(r)
	given.write(w, r)
}

// meet lets the fault happen that is in force for r. It does not return if r hangs: then
// that lasts until the client goes away or the service is closed.
func (s *Server) meet(req *http.Request, r Request) *refusal {
	f := s.fault(r.RoleARN)
	if !f.hang {
		return f.refusal()
	}
	r.Code = Hanging
	s.note(r)
	select {
	case <-req.Context().Done():
	case <-s.stop:
	}
	panic(http.ErrAbortHandler)
}
