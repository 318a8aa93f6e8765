package uploadertest

import (
	"io"
	"net/http"
	"syscall"
	"time"
)

// Fault says what becomes of a request. The zero value serves it.
type Fault struct {
	kind    faultKind
	status  int
	code    string // of the error
	message string // of the error
	header  map[string]string
	delay   time.Duration
}

type faultKind int

const (
	faultNone faultKind = iota
	faultRefused
	faultLostRequest
	faultReset
	faultHang
	faultLostReply
	faultLateReply
	faultAnswer
	faultErrorBody
	faultEmptyBody
)

// Refused is a connection that nobody takes: nothing is sent.
func Refused() Fault { return Fault{kind: faultRefused} }

// LostRequest is a connection that ends when the request was sent, before the
// server has seen it: nothing is stored.
func LostRequest() Fault { return Fault{kind: faultLostRequest} }

// Reset is a connection that is reset in the middle of the body: nothing is
// stored.
func Reset() Fault { return Fault{kind: faultReset} }

// Hang is a server that never answers and does nothing.
func Hang() Fault { return Fault{kind: faultHang} }

// LostReply is a connection that ends after the server has done what it was
// asked, before its answer arrives.
func LostReply() Fault { return Fault{kind: faultLostReply} }

// LateReply is a server that does what it is asked and then never answers.
func LateReply() Fault { return Fault{kind: faultLateReply} }

// Answer is an error that the server gives instead of doing what it is asked.
func Answer(status int, code string) Fault {
	return Fault{kind: faultAnswer, status: status, code: code}
}

// With returns f with a header in its answer.
func (f Fault) With(name, value string) Fault {
	header := map[string]string{name: value}
	for n, v := range f.header {
		header[n] = v
	}
	f.header = header
	return f
}

// Saying returns f with a text in its answer.
func (f Fault) Saying(message string) Fault {
	f.message = message
	return f
}

// ErrorBody is an error of that code in the body of a 200; nothing is done.
func ErrorBody(code string) Fault {
	return Fault{kind: faultErrorBody, status: http.StatusOK, code: code}
}

// EmptyBody is a 200 whose body is missing; nothing is done.
func EmptyBody() Fault { return Fault{kind: faultEmptyBody} }

// After serves the request once d has passed.
func After(d time.Duration) Fault { return Fault{delay: d} }

// before does what f does instead of serving, or returns false if the request
// is to be served.
func (f Fault) before(req *http.Request) (*http.Response, error, bool) {
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-req.Context().Done():
			return nil, req.Context().Err(), true
		}
	}
	switch f.kind {
	case faultRefused:
		return nil, syscall.ECONNREFUSED, true
	case faultLostRequest:
		drain(req, -1)
		return nil, io.ErrUnexpectedEOF, true
	case faultReset:
		drain(req, req.ContentLength/2)
		return nil, syscall.ECONNRESET, true
	case faultHang:
		drain(req, -1)
		<-req.Context().Done()
		return nil, req.Context().Err(), true
	case faultAnswer, faultErrorBody:
		drain(req, -1)
		return errorSaying(req, f), nil, true
	case faultEmptyBody:
		drain(req, -1)
		return answer(req, http.StatusOK, nil, nil), nil, true
	}
	return nil, nil, false
}

// after loses an answer.
func (f Fault) after(req *http.Request, resp *http.Response) (*http.Response, error) {
	switch f.kind {
	case faultLostReply:
		return nil, syscall.ECONNRESET
	case faultLateReply:
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return resp, nil
}

// drain reads n bytes of the body, or all of it if n is negative.
func drain(req *http.Request, n int64) {
	if req.Body == nil {
		return
	}
	// A body that cannot be read ends the request all the same.
	if n < 0 {
		_, _ = io.Copy(io.Discard, req.Body)
		return
	}
	_, _ = io.CopyN(io.Discard, req.Body, n)
}
