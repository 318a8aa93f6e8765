package main

import (
	"net/http"

	"github.com/open-destinations/destinations/server/auth"
)

// open are the pages that nobody is authenticated for: what asks for them has no
// credentials, and learns only whether the service lives and takes events.
var openPages = map[string]bool{"/livez": true, "/readyz": true}

// guardPages lets only those see the other pages who may inspect what is of every tenant:
// they say how all of them are. Whoever is refused stands in the audit log.
func guardPages(p *adminParams, pages http.Handler) http.Handler {
	if p.Gate == nil || p.Gate.Open() {
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
		refused := auth.Entry{Address: r.RemoteAddr, Action: "admin " + r.URL.Path}
		caller, err := p.Gate.Enter(r.Context(), shown, auth.Inspect)
		if caller != nil {
			refused.Principal = caller.Principal()
		}
		if err != nil {
			refused.Outcome, refused.Reason = http.StatusText(http.StatusUnauthorized), err.Error()
			p.Audit.Refusal(refused)
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "not let in", http.StatusUnauthorized)
			return
		}
		defer caller.Leave()
		if !caller.Grant().ReachesAll() {
			const reason = "only for those who see every tenant"
			refused.Tenant, refused.Outcome, refused.Reason = caller.Tenant(), http.StatusText(http.StatusForbidden), reason
			p.Audit.Refusal(refused)
			http.Error(w, reason, http.StatusForbidden)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
