package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

const accessGrants = `
tenants:
  acme: {weight: 2}
grants:
  - principals: ["uri:spiffe://acme/send", "token:send", "oidc:send"]
    tenant: acme
    roles: [send]
    destinations: [{bucket: access-a, prefixes: ["*"]}]
  - principals: ["uri:spiffe://acme/ops"]
    tenant: "*"
    roles: [inspect, operate]
    destinations: [{bucket: "*", prefixes: ["*"]}]
`

// accessWorld is a world whose services know their callers in every way that there is.
type accessWorld struct {
	*world
	ca     *authtest.CA
	issuer *authtest.Issuer
	access *harness.Access
	path   func(name string) string // of a file
}

func newAccessWorld(t *testing.T) *accessWorld {
	w := &accessWorld{world: newWorld(t, "access-a"), ca: authtest.NewCA(t, "first"), issuer: authtest.NewIssuer(t)}
	var err error
	w.access, err = harness.NewAccess(filepath.Join(w.dir, "access"), accessGrants, "send")
	must(t, err)
	w.writeCertificate()
	w.world.ca = w.ca.Pool()
	return w
}

// writeCertificate gives the services a certificate of the authority, and makes it the one
// whose clients they know.
func (w *accessWorld) writeCertificate() {
	server := w.ca.Issue(authtest.Certificate{Server: true})
	w.path = authtest.Write(w.t, w.dir, map[string][]byte{"cert.pem": server.Cert, "key.pem": server.Key, "ca.pem": w.ca.PEM})
}

func (w *accessWorld) args() []string {
	return append(w.access.Args(), "--window", "1s",
		"--tls-cert", w.path("cert.pem"), "--tls-key", w.path("key.pem"), "--tls-client-ca", w.path("ca.pem"),
		"--oidc-issuer", w.issuer.URL, "--oidc-audience", "destinations", "--audit-log", w.path("audit.log"))
}

// as is the service for somebody with a certificate, or with something else to show.
func (w *accessWorld) as(svc *service, certificate *authtest.Certificate, show ...grpc.DialOption) *service {
	w.t.Helper()
	config := &tls.Config{RootCAs: w.ca.Pool(), MinVersion: tls.VersionTLS13}
	if certificate != nil {
		config = w.ca.Issue(*certificate).Config(w.ca)
	}
	conn, err := grpc.NewClient(svc.Target, append(show, grpc.WithTransportCredentials(credentials.NewTLS(config)))...)
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	return &service{Service: svc.Service, events: destinationsv1.NewDestinationsClient(conn), operations: destinationsv1.NewOperationsClient(conn)}
}

// jwt shows a JWT of the issuer's newest key.
func (w *accessWorld) jwt() grpc.DialOption {
	return grpc.WithPerRPCCredentials(jwt(w.issuer.Sign(w.issuer.Claims("send", "destinations", nil))))
}

type jwt string

func (j jwt) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(j)}, nil
}

func (jwt) RequireTransportSecurity() bool { return true }

var (
	sendCertificate = authtest.Certificate{URI: "spiffe://acme/send"}
	opsCertificate  = authtest.Certificate{URI: "spiffe://acme/ops"}
)

// sendsOne says whether somebody may send, by sending.
func sendsOne(ctx context.Context, svc *service) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stream, err := svc.events.SendS3(ctx)
	if err != nil {
		return err
	}
	_, err = stream.CloseAndRecv()
	return err
}

// TestEveryWayInOverTLS sends with a certificate, a token and a JWT, kills the service, and
// finds every event in the bucket once: what was acknowledged keeps its tenant in the
// journal.
func TestEveryWayInOverTLS(t *testing.T) {
	w := newAccessWorld(t)
	svc := w.serve("data", w.args()...)
	to := harness.Destination{Bucket: "access-a", Prefix: "p/"}
	for i, sender := range []*service{w.as(svc, &sendCertificate), w.as(svc, nil, w.access.As("send")), w.as(svc, nil, w.jwt())} {
		w.sendNumbered(sender, 100+i, 50, to)
	}
	svc.Kill()
	svc = w.serve("data", w.args()...)
	w.sendNumbered(w.as(svc, &sendCertificate), 200, 50, to)
	_, err := w.as(svc, &opsCertificate).operations.Flush(t.Context(), &destinationsv1.FlushRequest{Tenant: "acme", Bucket: to.Bucket, Prefix: to.Prefix})
	must(t, err)
	w.await(time.Minute)
	for name, wrong := range map[string]*service{
		"nothing":      w.as(svc, nil),
		"another role": w.as(svc, &opsCertificate),
		"unknown name": w.as(svc, &authtest.Certificate{URI: "spiffe://acme/nobody"}),
		"a server's":   w.as(svc, nil, grpc.WithPerRPCCredentials(jwt(w.issuer.Sign(w.issuer.Claims("send", "billing", nil))))),
		"without TLS":  svc,
	} {
		if err := sendsOne(t.Context(), wrong); err == nil {
			t.Errorf("%s: let in", name)
		}
	}
	w.check(svc)
	audit, err := os.ReadFile(w.path("audit.log"))
	if err != nil || !strings.Contains(string(audit), `"msg":"operation","principal":"uri:spiffe://acme/ops"`) || !strings.Contains(string(audit), `"msg":"refusal"`) {
		t.Errorf("got audit log %s, %v", audit, err)
	}
}

// TestRotatedWithoutARestart replaces the certificate, the authority and the issuer's keys
// under a running service: the new ones count, and what counted before ends, also in the
// middle of a stream.
func TestRotatedWithoutARestart(t *testing.T) {
	w := newAccessWorld(t)
	svc := w.serve("data", w.args()...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := w.as(svc, &sendCertificate).events.StreamS3(ctx)
	must(t, err)
	must(t, stream.Send(&destinationsv1.StreamS3Request{Sequence: 1}))
	_, err = stream.Recv()
	must(t, err)
	old := w.jwt()
	must(t, sendsOne(t.Context(), w.as(svc, nil, old)))

	w.ca = authtest.NewCA(t, "second")
	w.writeCertificate()
	began := time.Now()
	if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated || time.Since(began) > 5*time.Second {
		t.Errorf("a stream of the first authority: got %v after %v, want it ended within 5 s", err, time.Since(began))
	}
	must(t, sendsOne(t.Context(), w.as(svc, &sendCertificate))) // who trusts the second authority alone

	w.issuer.Rotate(false)
	fresh, stale := w.as(svc, nil, w.jwt()), w.as(svc, nil, old)
	w.poll("the issuer's new key to count, and its old one not to", func() error {
		if err := sendsOne(t.Context(), fresh); err != nil {
			return fmt.Errorf("the new key: %w", err)
		}
		if err := sendsOne(t.Context(), stale); status.Code(err) != codes.Unauthenticated {
			return errors.Join(errors.New("the old key still counts"), err)
		}
		return nil
	})
	w.world.ca = w.ca.Pool()
	w.stop(svc)
}
