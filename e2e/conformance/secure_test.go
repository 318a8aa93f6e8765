package conformance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// entrance is what stands in front of the service where scenarios speak of security: two
// ways in that are encrypted, and what a client needs for them. Words of options that
// begin with "$" are its.
type entrance struct {
	words     map[string]string
	listeners []net.Listener
	running   sync.WaitGroup
}

// newEntrance makes authorities and certificates, and opens the ways to target.
func newEntrance(t *testing.T, target, token string) *entrance {
	t.Helper()
	dir := t.TempDir()
	ca, other := newAuthority(t), newAuthority(t)
	e := &entrance{words: map[string]string{
		"$ca": ca.write(t, dir, "ca"), "$other-ca": other.write(t, dir, "other-ca"), "$token": token,
	}}
	e.words["$cert"], e.words["$key"] = ca.issue(t, dir, "client")
	certFile, keyFile := ca.issue(t, dir, "localhost")
	own, err := tls.LoadX509KeyPair(certFile, keyFile)
	must(t, err)
	known := x509.NewCertPool()
	known.AddCert(ca.cert)
	config := &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}
	e.words["$tls"] = e.open(t, config, target)
	mutual := config.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, known
	e.words["$mtls"] = e.open(t, mutual, target)
	t.Cleanup(func() {
		for _, l := range e.listeners {
			l.Close()
		}
		e.running.Wait()
	})
	return e
}

// open lets clients in and returns the address.
func (e *entrance) open(t *testing.T, config *tls.Config, target string) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	e.listeners = append(e.listeners, l)
	e.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			e.running.Go(func() { pass(client, target) })
		}
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return "localhost:" + port
}

// pass passes a connection on until either side ends it.
func pass(client net.Conn, target string) {
	defer client.Close()
	service, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: service, service: client} {
		both.Go(func() {
			_, _ = io.Copy(to, from) // it ends when either side is gone
			to.Close()
		})
	}
	both.Wait()
}

// word is an option's value, or what it stands for.
func (e *entrance) word(value any) any {
	if text, ok := value.(string); ok && strings.HasPrefix(text, "$") && e != nil {
		return e.words[text]
	}
	return value
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests " + rand.Text()}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{cert: cert, key: key}
}

// write writes the authority's own certificate.
func (a *authority) write(t *testing.T, dir, name string) string {
	t.Helper()
	return writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", a.cert.Raw)
}

// issue makes a certificate and writes it with its key.
func (a *authority) issue(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der), writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", private)
}

func writePEM(t *testing.T, path, kind string, der []byte) string {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}
