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
	expires   time.Time    // zero = never
	still     func() error // why it does not count any more, once what it was judged by has changed
}
