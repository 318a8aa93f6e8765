package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// condition is what the service says of itself.
type condition interface {
	// notReady says why no events are taken; nil: they are.
	notReady() error
	// damage says which parts of the journal take no events while others do; nil:
	// all take them.
	damage() error
}

// adminParams are what the admin pages are made of.
type adminParams struct {
	Condition condition    // asked from the moment on that they are served
	Metrics   http.Handler // the page for Prometheus
	Profiles  bool         // with Go's profiles
	Gate      *auth.Gate   // who sees what says more than whether the service lives; nil = everybody
	Audit     *auth.Audit  // takes who was refused; nil = nothing does
	Log       *slog.Logger
}

// newAdmin is the HTTP server of the pages for the people and machines that
// watch the service.
func newAdmin(p adminParams) *http.Server {
	c, log := p.Condition, p.Log
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.Metrics)
	if p.Profiles {
		addProfiles(mux)
	}
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", readiness(c, p.Gate == nil || p.Gate.Open()))
	return &http.Server{
		Handler:           guardPages(&p, mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // strangers may send bodies
		WriteTimeout:      2 * time.Minute,  // a profile takes half a minute
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10, // strangers send them
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// blockEvery is the time blocked, in nanoseconds, that makes one sample: short waits are
// seen in proportion, long ones always.
const blockEvery = 10_000

// readiness says whether events are taken, and, only where everybody may know it, what is
// wrong: that names files, and strangers see this page.
func readiness(c condition, openly bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		trouble, damage := c.notReady(), c.damage()
		switch {
		case trouble != nil && openly:
			http.Error(w, "not ready: "+trouble.Error(), http.StatusServiceUnavailable)
		case trouble != nil:
			http.Error(w, "not ready; the service's log says why", http.StatusServiceUnavailable)
		case damage != nil && openly:
			fmt.Fprintf(w, "ok\n%v\n", damage)
		case damage != nil:
			fmt.Fprintln(w, "ok, but some partitions are closed; the service's log says which")
		default:
			fmt.Fprintln(w, "ok")
		}
	}
}

// addProfiles adds Go's own pages, of which Index has one for each kind of profile.
func addProfiles(mux *http.ServeMux) {
	runtime.SetBlockProfileRate(blockEvery)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
