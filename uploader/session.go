package uploader

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// session is a tenant's role, assumed: the credentials of its requests. They are asked for
// when they are needed, and again before they end; while that fails, those that are left
// are used to their end.
type session struct {
	tenant string
	role   Role
	start  func(*session, *assuming) // assumes the role, which ends by calling finish; immutable
	sign   []func(*s3.Options)       // lets a request be signed with the session
	warn   func(*session, error)     // that it could not be renewed in time

	mu struct {
		sync.Mutex
		credentials aws.Credentials // of no keys: there are none
		got         time.Time       // when they were given
		renewAt     time.Time       // when new ones are asked for
		asking      *assuming       // under way; nil = nothing
	}
}

// assuming is one request for credentials under way. The others are set before done is
// closed.
type assuming struct {
	done        chan struct{}
	credentials aws.Credentials
	err         error
}

// Retrieve returns the credentials for a request. It waits for new ones only if there are
// none that count, and no longer than ctx lasts.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, asking := s.current(time.Now())
	if asking == nil {
		return credentials, nil
	}
	select {
	case <-asking.done:
		if asking.err != nil {
			return aws.Credentials{}, &credentialsError{err: asking.err, final: isFinal(asking.err)}
		}
		return asking.credentials, nil
	case <-ctx.Done():
		err := context.Cause(ctx)
		if errors.Is(ctx.Err(), context.Canceled) {
			return aws.Credentials{}, err // the caller wanted that
		}
		return aws.Credentials{}, &credentialsError{err: err}
	}
}

// current returns the credentials that count, or else the request for some, which it
// begins if there is none.
func (s *session) current(now time.Time) (aws.Credentials, *assuming) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.countsLocked(now)
	if s.mu.asking == nil && (!counts || !now.Before(s.mu.renewAt)) {
		s.mu.asking = &assuming{done: make(chan struct{})}
		s.start(s, s.mu.asking)
	}
	if counts {
		return s.mu.credentials, nil
	}
	return aws.Credentials{}, s.mu.asking
}

func (s *session) countsLocked(now time.Time) bool {
	return s.mu.credentials.HasKeys() && now.Before(s.mu.credentials.Expires)
}

// finish ends a request for credentials.
func (s *session) finish(a *assuming, credentials aws.Credentials, err error) {
	if s.ended(a, credentials, err) {
		s.warn(s, err)
	}
}

// ended notes what came of a request, and reports whether it failed while the credentials
// before still count.
func (s *session) ended(a *assuming, credentials aws.Credentials, err error) (failed bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch failed = err != nil && s.countsLocked(now); {
	case err == nil:
		s.mu.credentials, s.mu.got, s.mu.renewAt = credentials, now, renewAt(now, credentials.Expires)
	case failed:
		s.mu.renewAt = now.Add(renewAgain)
	}
	s.mu.asking = nil
	a.credentials, a.err = credentials, err
	close(a.done)
	return failed
}

// renewAt is when credentials that were given now are replaced. Sessions that were begun
// together, as after a start, are not renewed together.
func renewAt(now, end time.Time) time.Time {
	before := min(renewBefore, end.Sub(now)/4)
	if before <= 0 {
		return end
	}
	return end.Add(-before - rand.N(before))
}

// Ages of credentials at which a refusal makes new ones worth a request: others are not
// likely to be better sooner.
const (
	refusedAge = 10 * time.Second // S3 does not take them: they have ended, or somebody has ended them
	deniedAge  = 5 * time.Minute  // S3 denies what was asked: somebody may have ended the role's sessions
)

// refused learns from an answer of S3 to a request of the session, and reports whether the
// same request may succeed with other credentials, which the next one asks for.
func (s *session) refused(e *Error, now time.Time) (renewed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.mu.got)
	switch {
	case e.Code == CodeNoCredentials || !s.mu.credentials.HasKeys():
	case rowOf(e).class == ClassCredentials && age >= refusedAge:
		s.mu.credentials = aws.Credentials{}
		return true
	case e.Code == "AccessDenied" && age >= deniedAge:
		s.mu.renewAt = now
	}
	return false
}
