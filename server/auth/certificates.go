package auth

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Names of a client certificate that can be a principal.
const (
	NameURI = "uri" // a URI of its subject alternative names, such as a SPIFFE id
	NameDNS = "dns" // a DNS name of them
	NameCN  = "cn"  // the common name of its subject
)

// Certificates are the service's own certificate, and the authorities whose client
// certificates it takes; both from files that may change, each by itself: a certificate
// that was not rotated well must not keep an authority trusted that was taken away.
type Certificates struct {
	names       []string // kinds of names, the first that a certificate has counts
	own         atomic.Pointer[tls.Certificate]
	authorities atomic.Pointer[x509.CertPool] // nil = client certificates are not taken
}

func newCertificates(names []string) (*Certificates, error) {
	for i, name := range names {
		if name != NameURI && name != NameDNS && name != NameCN || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%q: must be %s, %s and %s, each at most once", name, NameURI, NameDNS, NameCN)
		}
	}
	return &Certificates{names: names}, nil
}

// loadOwn takes PEM: a certificate with its chain, and its key.
func (c *Certificates) loadOwn(certificate, key []byte) error {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	c.own.Store(&pair)
	return nil
}

// loadAuthorities takes PEM. What is broken in it is an error, and not one authority less.
func (c *Certificates) loadAuthorities(text []byte) error {
	pool, found := x509.NewCertPool(), false
	block, rest := pem.Decode(text)
	for ; block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(certificate)
		found = true
	}
	switch {
	case bytes.Contains(rest, []byte("-----BEGIN ")):
		return errors.New("ends with a certificate that can't be read")
	case !found:
		return errors.New("no certificate of an authority")
	}
	c.authorities.Store(pool)
	return nil
}

// TLS is a configuration for servers that speak the given protocols. Each handshake
// takes the certificate and the authorities of its moment.
func (c *Certificates) TLS(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := &tls.Config{
				MinVersion:   tls.VersionTLS13,
				NextProtos:   protocols,
				Certificates: []tls.Certificate{*c.own.Load()},
				// A session that is resumed would be judged by the authorities of its first
				// handshake.
				SessionTicketsDisabled: true,
			}
			if pool := c.authorities.Load(); pool != nil {
				// Who has none may show a token, or ask for the health.
				config.ClientCAs, config.ClientAuth = pool, tls.VerifyClientCertIfGiven
			}
			return config, nil
		},
	}
}

// authenticates reports whether client certificates are taken.
func (c *Certificates) authenticates() bool { return c != nil && c.authorities.Load() != nil }

// verify judges a client certificate that a handshake has verified, perhaps long ago.
// Its errors wrap [ErrCredential].
func (c *Certificates) verify(chain []*x509.Certificate) (credential, error) {
	principal, err := c.principal(chain[0])
	if err != nil {
		return credential{}, fmt.Errorf("%w: %w", ErrCredential, err)
	}
	judged := credential{principal: principal, still: func() (time.Time, error) {
		expires, err := c.check(chain)
		if err != nil {
			return expires, fmt.Errorf("%w: %w", ErrCredential, err)
		}
		return expires, nil
	}}
	_, err = judged.still()
	return judged, err
}

// check returns until when a certificate counts: until the first one of its chain to an
// authority expires, of several chains the last.
func (c *Certificates) check(chain []*x509.Certificate) (expires time.Time, err error) {
	pool := c.authorities.Load()
	if pool == nil {
		return expires, errors.New("client certificates are not taken")
	}
	between := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	chains, err := chain[0].Verify(x509.VerifyOptions{
		Roots: pool, Intermediates: between, CurrentTime: time.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	for _, verified := range chains {
		first := slices.MinFunc(verified, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		if first.NotAfter.After(expires) {
			expires = first.NotAfter
		}
	}
	return expires, err
}

// principal is the one name that a certificate has of the first kind that it has any
// of. Several would leave it to chance who it is.
func (c *Certificates) principal(of *x509.Certificate) (string, error) {
	for _, kind := range c.names {
		names := namesOf(of, kind)
		switch len(names) {
		case 0:
			continue
		case 1:
			return kind + ":" + names[0], nil
		}
		return "", fmt.Errorf("the certificate has %d names of the kind %s, must be 1", len(names), kind)
	}
	return "", fmt.Errorf("the certificate has no name of the kind %s", strings.Join(c.names, " or "))
}

// commonName is what a subject's common names are marked by: RFC 5280, appendix A.
var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func namesOf(of *x509.Certificate, kind string) (names []string) {
	switch kind {
	case NameURI:
		for _, uri := range of.URIs {
			names = append(names, uri.String())
		}
	case NameDNS:
		names = of.DNSNames
	case NameCN:
		for _, name := range of.Subject.Names { // Subject.CommonName is the last of them
			if text, ok := name.Value.(string); ok && name.Type.Equal(commonName) && text != "" {
				names = append(names, text)
			}
		}
	}
	return names
}
