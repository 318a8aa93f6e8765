package sts

import (
	"encoding/xml"
	"net/http"
)

// Hanging is the Code of a request that gets no answer.
const Hanging = "hanging"

// Fault says what becomes of requests. The zero value lets them be answered as they
// deserve.
type Fault struct {
	status int
	code   string
	hang   bool
}

// Answer is an error of AWS: its status and its code.
func Answer(status int, code string) Fault { return Fault{status: status, code: code} }

// Deny is the answer to who may not assume a role.
func Deny() Fault { return Answer(http.StatusForbidden, "AccessDenied") }

// Throttle is the answer to who asks too often.
func Throttle() Fault { return Answer(http.StatusBadRequest, "Throttling") }

// Fail is the answer of a service that is down.
func Fail() Fault { return Answer(http.StatusServiceUnavailable, "ServiceUnavailable") }

// Hang is no answer at all, until the client goes away.
func Hang() Fault { return Fault{hang: true} }

// refusal is the answer that f is; nil if it is none.
func (f Fault) refusal() *refusal {
	if f.status == 0 {
		return nil
	}
	return &refusal{f.status, f.code, "made by a test"}
}

// refusal is an error that a request is answered with.
type refusal struct {
	status  int
	code    string
	message string
}

// write writes it as AWS does.
func (no *refusal) write(w http.ResponseWriter) {
	type detail struct{ Type, Code, Message string }
	answer := struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     detail
		RequestID string `xml:"RequestId"`
	}{Error: detail{"Sender", no.code, no.message}, RequestID: requestID}
	if no.status >= http.StatusInternalServerError {
		answer.Error.Type = "Receiver"
	}
	writeXML(w, no.status, answer)
}

// requestID stands in every answer.
const requestID = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"

// writeXML writes an answer. A client that is gone needs none.
func writeXML(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("x-amzn-RequestId", requestID)
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(answer)
}
