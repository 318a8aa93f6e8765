package auth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
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

// answering is an issuer that answers everything with one text, or with a redirection.
type answering struct {
	text, to string
	asked    []string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.URL.String())
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.text)), Request: r}
	if a.to != "" {
		answer.StatusCode = http.StatusFound
		answer.Header.Set("Location", a.to)
	}
	return answer, nil
}

// Keys that somebody on the way could have put there are not asked for.
func TestKeysAreReadOverTLSAlone(t *testing.T) {
	for name, from := range map[string]*answering{
		"keys":          {text: `{"issuer": "https://issuer.example", "jwks_uri": "http://issuer.example/keys"}`},
		"a redirection": {to: "http://issuer.example/discovery"},
	} {
		i, err := newIssuer(IssuerConfig{URL: "https://issuer.example", Audience: "a", Claim: "sub", Algorithms: []string{"ES256"}})
		if err != nil {
			t.Fatal(err)
		}
		i.client.Transport = from
		if _, err := i.refresh(t.Context(), 0); !errors.Is(err, errForged) || len(from.asked) != 1 {
			t.Errorf("%s: got %v, asked %q", name, err, from.asked)
		}
	}
}
