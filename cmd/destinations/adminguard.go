package main

import (
	"net/http"

	"github.com/open-destinations/destinations/server/auth"
)

// open are the pages that nobody is authenticated for: what asks for them has no
// credentials, and learns only whether the service lives and takes events.
var openPages = map[string]bool{"/livez": true, "/readyz": true}

// guardPages lets only those see the other pages who may inspect what is of every tenant:
// they say how all of them are.
func guardPages(gate *auth.Gate, pages http.Handler) http.Handler {
	if gate == nil || gate.Open() {
		return pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if openPages[r.URL.Path] {
			pages.ServeHTTP(w, r)
			return
		}
		shown := auth.Presented{Bearer: auth.BearerOf(r.Header.Values("Authorization")), Address: r.RemoteAddr}
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			shown.Certificates = r.TLS.PeerCertificates
		}
		caller, err := gate.Enter(r.Context(), shown, auth.Inspect)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "not let in", http.StatusUnauthorized)
			return
		}
		defer caller.Leave()
		if !caller.Grant().ReachesAll() {
			http.Error(w, "only for those who see every tenant", http.StatusForbidden)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
