package uploader

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// That a role can't be assumed again is written to a log, which may take its time: no request
// of the tenant waits for that.
func TestNobodyWaitsForTheWarning(t *testing.T) {
	warned := 0
	s := &session{start: func(*session, *assuming) {}, warn: func(s *session, _ error) {
		warned++
		if !s.mu.TryLock() {
			t.Error("it is told while the session is locked")
			return
		}
		s.mu.Unlock()
	}}
	first, again := &assuming{done: make(chan struct{})}, &assuming{done: make(chan struct{})}
	s.finish(first, aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s", Expires: time.Now().Add(time.Hour)}, nil)
	s.finish(again, aws.Credentials{}, errors.New("down"))
	if credentials, asking := s.current(time.Now()); warned != 1 || asking != nil || credentials.AccessKeyID != "a" {
		t.Errorf("warned %d times, got %+v, %v", warned, credentials, asking)
	}
}
