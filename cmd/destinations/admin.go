package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// condition is what the service says of itself.
type condition interface {
	// notReady says why no events are taken; nil: they are.
	notReady() error
	// damage says which parts of the journal take no events while others do; nil:
	// all take them.
	damage() error
}

// newAdmin is the HTTP server of the pages for the people and machines that
// watch the service. The condition is asked from the moment on that it serves.
func newAdmin(c condition, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := c.notReady(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
		if err := c.damage(); err != nil {
			fmt.Fprintln(w, err)
		}
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
