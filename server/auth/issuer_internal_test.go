package auth

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is an issuer that does not answer in its time.
type hanging struct{ asked atomic.Int32 }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Whoever comes while an issuer hangs waits for one answer at most, and not for one of each who
// came before him; and who has gone is not waited for.
func TestAnIssuerThatHangsIsAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &hanging{}
		i, err := newIssuer(IssuerConfig{
			URL: "https://issuer.example", Audience: "a", Claim: "sub", Algorithms: []string{"ES256"},
			Client: &http.Client{Transport: issuer},
		})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		done := make(chan time.Duration, 5)
		for range cap(done) {
			go func() {
				if _, err := i.verify(t.Context(), "a.b.c"); !errors.Is(err, ErrIssuerUnavailable) {
					t.Errorf("got %v", err)
				}
				done <- time.Since(begun)
			}()
		}
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := i.verify(gone, "a.b.c"); !errors.Is(err, ErrIssuerUnavailable) || time.Since(begun) != 0 {
			t.Errorf("a caller who has gone: got %v after %v", err, time.Since(begun))
		}
		for range cap(done) {
			if waited := <-done; waited != askFor {
				t.Errorf("a caller has waited %v, want %v", waited, askFor)
			}
		}
		if n := issuer.asked.Load(); n != 1 {
			t.Errorf("the issuer was asked %d times, want 1", n)
		}
	})
}
