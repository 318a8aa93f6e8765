package uploadertest

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Assume is one AssumeRole as it arrives.
type Assume struct {
	Signer      string // the access key that it is signed with
	Role        string // the ARN
	SessionName string
	ExternalID  string            // "" if none was shown
	Tags        map[string]string // of the session
	Seconds     int               // that the session is to last
	Number      int               // 1 for the first one of that role, and so on
	AccessKey   string            // of the session that it was given; "" = none, or not yet
}

// STS is a token service in memory: it gives sessions of the roles that it was told of, to
// who shows their external ids. It may be used by several goroutines at once.
type STS struct {
	t testing.TB

	mu struct {
		sync.Mutex
		roles    map[string]string    // external ids by ARN
		lifetime time.Duration        // of sessions; 0 = as asked
		ends     map[string]time.Time // of sessions, by access key
		given    int                  // sessions
		calls    []Assume
		onCall   func(Assume) Fault
	}
}

// NewSTS returns a service without roles. What it is asked wrongly fails t.
func NewSTS(t testing.TB) *STS {
	s := &STS{t: t}
	s.mu.roles, s.mu.ends = make(map[string]string), make(map[string]time.Time)
	return s
}

// Config returns a configuration of the AWS SDK whose requests come to s and to the S3
// server, which knows the sessions of s from then on.
func (s *STS) Config(s3 *S3) aws.Config {
	s3.mu.Lock()
	s3.mu.sts = s
	s3.mu.Unlock()
	config := s3.Config()
	config.HTTPClient = &http.Client{Transport: both{s3, s}}
	return config
}

// both sends each request to whom it is for.
type both struct {
	s3  *S3
	sts *STS
}

// RoundTrip implements [http.RoundTripper].
func (b both) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.URL.Host, "sts.") {
		return b.sts.RoundTrip(req)
	}
	return b.s3.RoundTrip(req)
}

// AddRole makes a role that may be assumed by who shows an external id.
func (s *STS) AddRole(arn, externalID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.roles[arn] = externalID
}

// SetLifetime lets sessions end after d, however long was asked for.
func (s *STS) SetLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lifetime = d
}

// EndSessions ends all sessions that there are.
func (s *STS) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.mu.ends)
}

// OnCall sets the function that decides about each request, as that of [S3.OnCall].
func (s *STS) OnCall(decide func(Assume) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.onCall = decide
}

// Calls returns all requests so far.
func (s *STS) Calls() []Assume {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.calls)
}

// sessionKeys is what the access keys of sessions begin with, and others do not.
const sessionKeys = "ASIA"

// counts reports whether a session has not ended.
func (s *STS) counts(accessKey string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.mu.ends[accessKey])
}

// RoundTrip serves one request in the goroutine of its caller.
func (s *STS) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	call := s.parse(req, body)
	call, decide := s.arrive(call)
	var fault Fault
	if decide != nil {
		fault = decide(call)
	}
	if fault.kind == faultAnswer {
		return stsError(req, fault), nil
	}
	if resp, err, done := fault.before(req); done {
		return resp, err
	}
	return fault.after(req, s.serve(call, req))
}

// ServeHTTP serves one request that came over a socket.
func (s *STS) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	resp, err := s.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler) // closes the connection without a word, as net/http says
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	// A client that is gone needs no answer.
	_, _ = io.Copy(w, resp.Body)
}

func (s *STS) parse(req *http.Request, body []byte) Assume {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "AssumeRole" {
		s.t.Errorf("the token service must never be asked for %q (%v)", body, err)
	}
	call := Assume{Role: form.Get("RoleArn"), SessionName: form.Get("RoleSessionName"), ExternalID: form.Get("ExternalId"), Tags: map[string]string{}}
	call.Signer, _ = signature(req)
	call.Seconds, _ = strconv.Atoi(form.Get("DurationSeconds"))
	for i := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		call.Tags[form.Get(fmt.Sprintf("Tags.member.%d.Key", i))] = form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
	}
	if n := len(call.SessionName); n < 2 || n > 64 {
		s.t.Errorf("the name of a session has %d characters: %q", n, call.SessionName)
	}
	return call
}

func (s *STS) arrive(c Assume) (Assume, func(Assume) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Number = 1
	for _, before := range s.mu.calls {
		if before.Role == c.Role {
			c.Number++
		}
	}
	s.mu.calls = append(s.mu.calls, c)
	return c, s.mu.onCall
}

// serve begins a session, or denies it in the words of AWS.
func (s *STS) serve(c Assume, req *http.Request) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, known := s.mu.roles[c.Role]
	if !known || id != c.ExternalID || c.Signer == "" {
		return stsError(req, Fault{status: http.StatusForbidden, code: "AccessDenied",
			message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Signer, c.Role)})
	}
	lifetime := s.mu.lifetime
	if lifetime == 0 {
		lifetime = time.Duration(c.Seconds) * time.Second
	}
	end := time.Now().Add(lifetime).Truncate(time.Second)
	s.mu.given++
	key := fmt.Sprintf("%s%016d", sessionKeys, s.mu.given)
	s.mu.ends[key] = end
	for i := range s.mu.calls {
		if s.mu.calls[i].Role == c.Role && s.mu.calls[i].Number == c.Number {
			s.mu.calls[i].AccessKey = key
		}
	}
	return answer(req, http.StatusOK, map[string]string{"Content-Type": "text/xml"}, fmt.Appendf(nil,
		`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
			`<AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration>`+
			`</Credentials></AssumeRoleResult></AssumeRoleResponse>`, key, end.UTC().Format(time.RFC3339)))
}

// stsError makes the error that f describes.
func stsError(req *http.Request, f Fault) *http.Response {
	var text strings.Builder
	if err := xml.EscapeText(&text, []byte(f.message)); err != nil {
		panic(fmt.Sprintf("uploadertest: invariant: a text can be written as XML: %v", err))
	}
	return answer(req, f.status, map[string]string{"Content-Type": "text/xml"}, fmt.Appendf(nil,
		`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>`+
			`<RequestId>REQUEST2</RequestId></ErrorResponse>`, f.code, text.String()))
}
