package batcher

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What an answer that came late has said of the credentials is not listed for ever when nobody needs
// them: nobody finds out then that they work.
func TestWhatNobodyWaitsForIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		c := newConditions(&cfg, nil, func(string) bool { return false }, func() {})
		c.await(subjectCredentials, 1)
		c.block(subjectCredentials, errors.New("expired"), time.Now())
		<-time.After(time.Hour)
		if c.blocked("default", "bucket") != subjectCredentials || c.status(subjectCredentials).State != StateBlocked {
			t.Error("forgotten while somebody waits")
		}
		c.await(subjectCredentials, -1)
		if s := c.status(subjectCredentials); s.State != StateActive || !s.Since.IsZero() {
			t.Errorf("listed as %+v while nobody has been waiting for an hour", s)
		}
		c.block(subjectCredentials, errors.New("expired"), time.Now())
		if c.blocked("default", "bucket") != subjectCredentials {
			t.Error("forgotten before its time to be tried")
		}
	})
}
