package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/open-destinations/destinations/server/auth"
)

// fakeCondition is a service in some condition.
type fakeCondition struct{ trouble, closed error }

func (f fakeCondition) notReady() error { return f.trouble }
func (f fakeCondition) damage() error   { return f.closed }

func TestAdminPages(t *testing.T) {
	trouble, closed := errors.New("shutting down"), errors.New("partition 2 is closed: damaged")
	for _, test := range []struct {
		name, method, page string
		condition          fakeCondition
		code               int
		body               string
	}{
		{"alive", "GET", "/livez", fakeCondition{}, http.StatusOK, "ok\n"},
		{"alive though not ready", "GET", "/livez", fakeCondition{trouble: trouble}, http.StatusOK, "ok\n"},
		{"ready", "GET", "/readyz", fakeCondition{}, http.StatusOK, "ok\n"},
		{"not ready", "GET", "/readyz", fakeCondition{trouble: trouble}, http.StatusServiceUnavailable, "not ready: shutting down\n"},
		{"partly ready", "GET", "/readyz", fakeCondition{closed: closed}, http.StatusOK, "ok\npartition 2 is closed: damaged\n"},
		{"no such page", "GET", "/", fakeCondition{}, http.StatusNotFound, "404 page not found\n"},
		{"only to be read", "POST", "/readyz", fakeCondition{}, http.StatusMethodNotAllowed, "Method Not Allowed\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			newAdmin(adminParams{Condition: test.condition, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)}).Handler.ServeHTTP(answer, httptest.NewRequest(test.method, test.page, nil))
			if answer.Code != test.code || answer.Body.String() != test.body {
				t.Errorf("got %d %q, want %d %q", answer.Code, answer.Body, test.code, test.body)
			}
		})
	}
}

// Where callers are authenticated, whoever has shown nothing learns whether the service
// takes events, and nothing of its files.
func TestStrangersLearnOnlyWhetherItIsReady(t *testing.T) {
	config := auth.Config{TokensFile: writeFile(t, "tokens.json", ""), GrantsFile: writeFile(t, "grants.yaml", "grants: []\n")}
	gate, err := auth.New(config, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	secret := errors.New("/data/0003: damaged")
	for _, test := range []struct {
		condition fakeCondition
		code      int
		body      string
	}{
		{fakeCondition{}, http.StatusOK, "ok\n"},
		{fakeCondition{trouble: secret}, http.StatusServiceUnavailable, "not ready; the service's log says why\n"},
		{fakeCondition{closed: secret}, http.StatusOK, "ok, but some partitions are closed; the service's log says which\n"},
	} {
		answer := httptest.NewRecorder()
		pages := newAdmin(adminParams{Condition: test.condition, Metrics: http.NotFoundHandler(), Gate: gate, Log: slog.New(slog.DiscardHandler)})
		pages.Handler.ServeHTTP(answer, httptest.NewRequest("GET", "/readyz", nil))
		if answer.Code != test.code || answer.Body.String() != test.body {
			t.Errorf("got %d %q, want %d %q", answer.Code, answer.Body, test.code, test.body)
		}
	}
}

// A stranger who announces a body and never sends it holds his connection no longer than
// the server reads a request.
func TestABodyThatNeverComesEndsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(64 << 10)
		pages := newAdmin(adminParams{Condition: fakeCondition{}, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
		served := make(chan error, 1)
		go func() { served <- pages.Serve(listener) }()
		conn, err := listener.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: admin\r\nContent-Length: 10\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("the connection was not closed: %v", err)
		}
		if took := time.Since(began); took < pages.ReadTimeout || took > 2*pages.ReadTimeout {
			t.Errorf("closed after %v, want about %v", took, pages.ReadTimeout)
		}
		if err := pages.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}
