package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

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
	config := auth.Config{TokensFile: writeFile(t, "tokens.json", ""), GrantsFile: writeFile(t, "grants.yaml", "")}
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
