package faultproxy

import (
	"fmt"
	"net/http"
	"time"
)

// Fault says what becomes of a request. The zero value passes it on.
type Fault struct {
	end    end
	after  bool // S3 does what it is asked first; its answer is lost
	status int
	code   string
	region string
	delay  time.Duration
	hold   bool
}

// end is how a request ends.
type end int

const (
	endServed end = iota
	endAnswer
	endHang
	endReset
	endCutRequest
	endCutAnswer
)

// Answer is an error of S3: its status, and its code in the body. A status of 200
// makes it the error that S3 finds after it has begun to answer.
func Answer(status int, code string) Fault { return Fault{end: endAnswer, status: status, code: code} }

// Hang is no answer at all, until the client goes away.
func Hang() Fault { return Fault{end: endHang} }

// Reset is a connection that breaks when the whole request is through.
func Reset() Fault { return Fault{end: endReset} }

// CutRequest is a connection that breaks in the middle of the request's body, of
// which S3 never sees anything.
func CutRequest() Fault { return Fault{end: endCutRequest} }

// CutAnswer is a connection that breaks in the middle of S3's true answer, whatever
// that is.
func CutAnswer() Fault { return Fault{end: endCutAnswer} }

// Slow passes a request on after d.
func Slow(d time.Duration) Fault { return Fault{delay: d} }

// Hold passes a request on when the rules are replaced, and not before.
func Hold() Fault { return Fault{hold: true} }

// AfterEffect returns f as what happens after S3 has done what it was asked. If S3
// refuses, its answer is passed on, and the next request is the one that f happens
// to: a test must not make up an effect that there was not.
func (f Fault) AfterEffect() Fault {
	f.after = true
	return f
}

// Naming returns f with an answer that says in which region the bucket is.
func (f Fault) Naming(region string) Fault {
	f.region = region
	return f
}

// writeError writes the error that f is, as S3 writes them.
func (f Fault) writeError(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-amz-request-id", "FAULTPROXY")
	if f.region != "" {
		w.Header().Set("x-amz-bucket-region", f.region)
	}
	w.WriteHeader(f.status)
	if req.Method != http.MethodHead {
		// A client that is gone needs no answer.
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>made by a test</Message><RequestId>FAULTPROXY</RequestId></Error>`, f.code)
	}
}
