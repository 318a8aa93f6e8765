package auth

import (
	"crypto/x509"
	"time"
)

// Presented is what a caller has shown.
type Presented struct {
	Bearer       string              // the bearer token; "" = none
	Certificates []*x509.Certificate // that the TLS handshake has verified, his own first; nil = none
	Address      string              // host:port of the caller, for the log; failures are counted by its host
}

// credential is what was shown, verified.
type credential struct {
	principal string
	// still judges it by what counts now: until when it does (zero = for ever), or why it does
	// not any more.
	still func() (expires time.Time, err error)
}
