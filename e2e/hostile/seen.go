package hostile

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Closed is the answer of a service that closes a connection while the attack goes on.
const Closed = "closed"

// Seen is what attackers see of a service: how many connections it took, and its answers. An
// answer is the name of a gRPC code, [Closed], or "GOAWAY" or "RST_STREAM" and an error of
// HTTP/2. Its methods may be called together; a nil one takes nothing.
type Seen struct {
	mu          sync.Mutex
	connections int
	answers     map[string]int
	longest     time.Duration
}

func (s *Seen) connected() {
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections++
	}
}

func (s *Seen) answer(what string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[string]int{}
	}
	s.answers[what]++
}

// lasted takes how long a connection was left open, if it was not the attack that ended it.
func (s *Seen) lasted(ctx context.Context, d time.Duration) {
	if s == nil || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, d)
}

// Longest is for how long the service left a connection open that it closed in the end, of
// [Handshakes] alone.
func (s *Seen) Longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.longest
}

// Connections is how many there were.
func (s *Seen) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Answers are how often each answer came.
func (s *Seen) Answers() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.answers)
}

// hear reads what comes over a connection of HTTP/2 until it ends.
func (s *Seen) hear(ctx context.Context, conn net.Conn) {
	r := http2.NewFramer(nil, conn)
	r.ReadMetaHeaders = hpack.NewDecoder(4<<10, nil)
	for {
		f, err := r.ReadFrame()
		if err != nil {
			s.ended(ctx)
			return
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			s.answer("GOAWAY " + f.ErrCode.String())
		case *http2.RSTStreamFrame:
			s.answer("RST_STREAM " + f.ErrCode.String())
		case *http2.MetaHeadersFrame:
			for _, field := range f.RegularFields() {
				if field.Name == "grpc-status" {
					s.answer(codeOf(field.Value))
				}
			}
		}
	}
}

// heardEnd reads what comes over a connection until it ends.
func (s *Seen) heardEnd(ctx context.Context, conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn) // what comes says nothing
	s.ended(ctx)
}

// ended takes the end of a connection, if it was not the attack's.
func (s *Seen) ended(ctx context.Context) {
	if ctx.Err() == nil {
		s.answer(Closed)
	}
}

// called takes the end of a call, if it was not the attack's.
func (s *Seen) called(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.answer(status.Code(err).String())
	}
}

// codeOf is the name of a code on the wire.
func codeOf(number string) string {
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return fmt.Sprintf("grpc-status %q", number)
	}
	return codes.Code(n).String()
}
