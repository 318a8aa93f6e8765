// Package authtest makes what tests authenticate with: a certificate authority, and an
// OpenID Connect issuer that can also be wrong in the ways of forgers.
package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is a certificate authority of its own.
type CA struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	PEM  []byte // its certificate
}

// Certificate is what a certificate is to say.
type Certificate struct {
	URI, DNS, CN string    // names; "" = none
	MoreDNS      []string  // further ones
	MoreCN       string    // a second one
	Server       bool      // it is a server's on loopback, and not a client's
	NotAfter     time.Time // zero = in an hour
}

// Issued is a certificate with its key.
type Issued struct {
	Cert, Key []byte // PEM
	Pair      tls.Certificate
}

// NewCA makes an authority.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	return newCA(t, name, time.Now().Add(24*time.Hour), nil)
}

// Under makes an authority whose certificate this one has signed.
func (ca *CA) Under(name string, notAfter time.Time) *CA {
	ca.t.Helper()
	return newCA(ca.t, name, notAfter, ca)
}

func newCA(t testing.TB, name string, notAfter time.Time, above *CA) *CA {
	t.Helper()
	ca := &CA{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, key := template, ca.key
	if above != nil {
		parent, key = above.cert, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, ca.key.Public(), key)
	must(t, err)
	ca.cert, err = x509.ParseCertificate(der)
	must(t, err)
	ca.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return ca
}

// Issue makes a certificate.
func (ca *CA) Issue(c Certificate) Issued {
	ca.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(ca.t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.CN},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: c.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames: c.MoreDNS,
	}
	if c.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	if c.MoreCN != "" {
		template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: c.CN}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: c.MoreCN}}
	}
	if c.DNS != "" {
		template.DNSNames = append(template.DNSNames, c.DNS)
	}
	if c.URI != "" {
		uri, err := url.Parse(c.URI)
		must(ca.t, err)
		template.URIs = []*url.URL{uri}
	}
	if c.Server {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		template.DNSNames = append(template.DNSNames, "localhost")
	}
	key := newKey(ca.t)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	must(ca.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(ca.t, err)
	issued := Issued{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	issued.Pair, err = tls.X509KeyPair(issued.Cert, issued.Key)
	must(ca.t, err)
	return issued
}

// Pool is a pool of this authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Write writes files into a folder and returns their paths.
func Write(t testing.TB, dir string, files map[string][]byte) func(name string) string {
	t.Helper()
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Config is a client's of the certificate, who trusts an authority.
func (i Issued) Config(trusts *CA) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: trusts.Pool(), ServerName: "localhost", NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{i.Pair},
	}
}
