package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// Operations and reflection can be kept to an address of their own.
func TestOperationsHaveAnAddressOfTheirOwn(t *testing.T) {
	w := newAccessWorld(t, false, "--operations-listen", "127.0.0.1:0")
	events, operations := w.as("all", w.listener.Addr().String()), w.as("all", w.operationsListener.Addr().String())
	flush := &destinationsv1.FlushRequest{}
	if _, err := destinationsv1.NewOperationsClient(operations).Flush(soon(t), flush); err != nil {
		t.Errorf("at its address: got %v", err)
	}
	if _, err := destinationsv1.NewOperationsClient(events).Flush(soon(t), flush); status.Code(err) != codes.Unimplemented {
		t.Errorf("at the senders' address: got %v, want it not to be there", err)
	}
	for _, method := range methodsOf(w.grpc) {
		if strings.Contains(method, "Operations") || strings.Contains(method, "reflection") {
			t.Errorf("%s is at the senders' address", method)
		}
	}
	for _, method := range methodsOf(w.operations) {
		if strings.Contains(method, "Destinations/") {
			t.Errorf("%s is at the operators' address", method)
		}
	}
}

// From the first command to the object, over TLS: with a token from a file or the
// environment, with a certificate, and with what a profile remembers.
func TestCommandsOverTLS(t *testing.T) {
	w := newAccessWorld(t, true)
	target := w.listener.Addr().String()
	certificate := w.ca.Issue(authtest.Certificate{URI: "spiffe://acme/send"})
	at := authtest.Write(t, w.dir, map[string][]byte{"client.pem": certificate.Cert, "client-key.pem": certificate.Key,
		"empty": []byte("\n"), "two": []byte("dst_a\ndst_b\n")})
	home := "HOME=" + t.TempDir()
	token, err := os.ReadFile(w.tokens["send"])
	if err != nil {
		t.Fatal(err)
	}
	save := invocation{args: []string{"profile", "save", "prod", "--target", target, "--tls-ca", at("ca.pem"), "--token-file", w.tokens["send"]}, environ: []string{home}}
	if got := save.run(t); got.code != exitOK {
		t.Fatalf("profile save: got %+v", got)
	}
	send := []string{"send", "--bucket", "acme", "--retry-for", "0s"}
	reach := append(send, "--target", target, "--tls-ca", at("ca.pem"))
	retry := slices.Clip(append(slices.Clone(reach), "--retry-for", "1h")) // that nothing cures but another token
	for name, c := range map[string]struct {
		invocation
		code int
		says string
	}{
		"token file":      {invocation{args: append(reach, "--token-file", w.tokens["send"])}, exitOK, ""},
		"variable":        {invocation{args: reach, environ: []string{"DESTINATIONS_TOKEN=" + strings.TrimSpace(string(token))}}, exitOK, ""},
		"certificate":     {invocation{args: append(reach, "--tls-client-cert", at("client.pem"), "--tls-client-key", at("client-key.pem"))}, exitOK, ""},
		"profile":         {invocation{args: append(send, "--profile", "prod"), environ: []string{home}}, exitOK, ""},
		"nothing":         {invocation{args: reach}, exitNothing, "CREDENTIAL_MISSING"},
		"another role":    {invocation{args: append(reach, "--token-file", w.tokens["inspect"])}, exitNothing, "ROLE_MISSING"},
		"another tenant":  {invocation{args: append(reach, "--token-file", w.tokens["other"])}, exitFailed, `no grant of the caller reaches it: bucket "acme", prefix ""`},
		"unknown service": {invocation{args: append(send, "--target", target, "--tls", "--token-file", w.tokens["send"])}, exitNothing, "certificate"},
		"no TLS":          {invocation{args: append(send, "--target", target, "--token-file", w.tokens["send"])}, exitNothing, "if it speaks TLS, so must this command (--tls or --tls-ca)"},
		"no token file":   {invocation{args: append(retry, "--token-file", w.dir+"/nothing")}, exitNothing, "destinations send: --token-file: open "},
		"empty token":     {invocation{args: append(retry, "--token-file", at("empty"))}, exitNothing, "destinations send: --token-file: " + at("empty") + ": is empty"},
		"two tokens":      {invocation{args: append(retry, "--token-file", at("two"))}, exitNothing, "holds more than a token"},
		"wrong variable":  {invocation{args: retry, environ: []string{"DESTINATIONS_TOKEN=a b"}}, exitNothing, "destinations send: DESTINATIONS_TOKEN holds more than a token"},
		"no such profile": {invocation{args: append(send, "--profile", "pro"), environ: []string{home}}, exitNothing, `there is no profile "pro"`},
	} {
		c.stdin = "one\n"
		if got := c.run(t); got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Contains(got.stderr, string(token[4:])) {
			t.Errorf("%s: got %+v, want exit code %d and %q", name, got, c.code, c.says)
		}
	}
	flush := []string{"flush", "--target", target, "--tls-ca", at("ca.pem"), "--token-file"}
	if got := run(t, append(flush, w.tokens["operate"])...); got.code != exitOK || !strings.Contains(got.stdout, "closed 1 batch") {
		t.Errorf("flush: got %+v", got)
	}
	if got := run(t, append(flush, w.tokens["send"])...); got.code != exitFailed || !strings.Contains(got.stderr, "ROLE_MISSING") {
		t.Errorf("flush by a sender: got %+v", got)
	}
}

// A stream that is under way ends within five seconds of the revocation, by the command
// that people use.
func TestRevokedByCommand(t *testing.T) {
	w := newAccessWorld(t, false)
	stream, err := destinationsv1.NewDestinationsClient(w.as("send", w.listener.Addr().String())).StreamS3(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&destinationsv1.StreamS3Request{Sequence: 1, Bucket: "acme", Events: someEvents}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || answer.GetAccepted() != 1 {
		t.Fatalf("got %v, %v", answer, err)
	}
	if got := run(t, "token", "revoke", "send", "--tokens", w.store.Path); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	begun := time.Now()
	_, err = stream.Recv()
	if status.Code(err) != codes.Unauthenticated || time.Since(begun) > 5*time.Second {
		t.Errorf("got %v after %v, want it to be ended within 5 s", err, time.Since(begun))
	}
}

// What says more than whether the service lives is for those who see every tenant.
func TestAdminPagesAreGuarded(t *testing.T) {
	w := newAccessWorld(t, true)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: w.ca.Pool()}}}
	for _, c := range []struct {
		page, as string
		want     int
	}{
		{"/livez", "", 200}, {"/readyz", "", 200},
		{"/metrics", "", 401}, {"/metrics", "inspect", 403}, {"/metrics", "send", 401}, {"/metrics", "all", 200}, {"/debug/pprof/", "", 401},
	} {
		request, err := http.NewRequestWithContext(soon(t), http.MethodGet, "https://"+w.adminListener.Addr().String()+c.page, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.as != "" {
			token, err := os.ReadFile(w.tokens[c.as])
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s as %q: got %d, want %d", c.page, c.as, response.StatusCode, c.want)
		}
	}
	var refused []string
	for _, e := range w.audited() {
		refused = append(refused, fmt.Sprint(e["msg"], " ", e["action"], " ", e["principal"], " ", e["outcome"]))
	}
	want := []string{
		"refusal admin /metrics <nil> Unauthorized", "refusal admin /metrics token:inspect Forbidden",
		"refusal admin /metrics token:send Unauthorized", "refusal admin /debug/pprof/ <nil> Unauthorized",
	}
	if !slices.Equal(refused, want) {
		t.Errorf("got audit log %q, want %q", refused, want)
	}
}

// Who speaks TLS is known by his certificate, unless it has expired or is another's.
func TestClientCertificates(t *testing.T) {
	w := newAccessWorld(t, true)
	for name, c := range map[string]struct {
		certificate authtest.Certificate
		want        codes.Code
	}{
		"granted":     {authtest.Certificate{URI: "spiffe://acme/send"}, ok},
		"not granted": {authtest.Certificate{URI: "spiffe://acme/x"}, denied},
		"expired":     {authtest.Certificate{URI: "spiffe://acme/send", NotAfter: time.Now().Add(-time.Minute)}, codes.Unavailable},
		"no name":     {authtest.Certificate{CN: "send"}, codes.Unauthenticated},
	} {
		request := &destinationsv1.SendS3Request{Bucket: "acme", Events: someEvents}
		if err := callOnce(t, w.withCertificate(c.certificate), destinationsv1.Destinations_SendS3_FullMethodName, request); status.Code(err) != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := destinationsv1.NewOperationsClient(plainly(t, w.listener.Addr().String())).Flush(soon(t), &destinationsv1.FlushRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: got %v", err)
	}
}

// Everything that somebody does or is refused stands in the audit log, and no secret.
func TestTheAuditLogSaysWhoDidWhat(t *testing.T) {
	w := newAccessWorld(t, false)
	target := w.listener.Addr().String()
	run(t, "flush", "--target", target, "--bucket", "acme", "--token-file", w.tokens["operate"])
	run(t, "flush", "--target", target, "--token-file", w.tokens["send"])
	run(t, "flush", "--target", target)
	if err := os.WriteFile(filepath.Join(w.dir, "grants.yaml"), []byte(acmeGrants+"\n# changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.gate.Reload()
	var said []string
	for _, e := range w.audited() {
		text := e["msg"].(string)
		for _, key := range []string{"principal", "tenant", "action", "bucket", "outcome", "what"} {
			if value, has := e[key]; has {
				text += " " + value.(string)
			}
		}
		said = append(said, text)
	}
	want := "operation token:operate acme Operations/Flush acme OK\n" +
		"refusal token:send Operations/Flush PermissionDenied\n" +
		"refusal Operations/Flush Unauthenticated\n" +
		"change --grants"
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	log, err := os.ReadFile(filepath.Join(w.dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range w.tokens {
		token, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(log), strings.TrimSpace(string(token))[22:]) {
			t.Errorf("%v; the token of %s stands in the audit log", err, name)
		}
	}
}

func TestServeRefusesHalfOfAnAccess(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--tokens", "t"}, "--grants: missing"},
		{[]string{"--grants", "g"}, "--grants: nobody is authenticated"},
		{[]string{"--tls-cert", "c"}, "--tls-cert: needs --tls-key"},
		{[]string{"--tls-key", "k"}, "--tls-key: needs --tls-cert"},
		{[]string{"--tls-client-ca", "a", "--grants", "g"}, "--tls-client-ca: needs --tls-cert"},
		{[]string{"--oidc-audience", "a"}, "--oidc-audience: needs --oidc-issuer"},
		{[]string{"--listen", ":1", "--tls-cert", "c", "--tls-key", "k"}, "nobody is authenticated (--tls-client-ca, --tokens or --oidc-issuer, and --grants); --insecure-listen allows it"},
		{[]string{"--listen", ":1", "--tokens", "t", "--grants", "g"}, "nothing is encrypted (--tls-cert, --tls-key); --insecure-listen allows it"},
		{[]string{"--operations-listen", ":1"}, "--operations-listen: :1 can be reached from other machines"},
		{[]string{"--operations-listen", "127.0.0.1:9464"}, "--operations-listen: 127.0.0.1:9464 is --admin-listen already"},
	} {
		if _, err := serveFlags(t, nil, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := serveFlags(t, nil, "--listen", ":1", "--tokens", "t", "--grants", "g", "--tls-cert", "c", "--tls-key", "k"); err != nil {
		t.Errorf("encrypted and authenticated: got %v", err)
	}
}

// A receipt says something to its own tenant alone, and to those who see all.
func TestReceiptsOfAnotherTenantAreUnknown(t *testing.T) {
	w := newAccessWorld(t, false)
	address := w.listener.Addr().String()
	stream, err := destinationsv1.NewDestinationsClient(w.as("send", address)).SendS3(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "acme", Events: someEvents}); err != nil {
		t.Fatal(err)
	}
	sent, err := stream.CloseAndRecv()
	if err != nil || len(sent.GetReceipts()) != 1 {
		t.Fatalf("got %v, %v", sent, err)
	}
	request := &destinationsv1.GetDeliveryRequest{Tokens: []string{sent.GetReceipts()[0].GetToken()}}
	for as, want := range map[string]codes.Code{"send": ok, "inspect": ok, "all": ok, "other": notFound} {
		if got, err := destinationsv1.NewDeliveriesClient(w.as(as, address)).GetDelivery(soon(t), request); status.Code(err) != want {
			t.Errorf("as %s: got %v, %v, want %v", as, got, err, want)
		}
	}
}

// After the audit log was moved away a SIGHUP begins another one, and the service goes on.
func TestHangupBeginsAnotherAuditLog(t *testing.T) {
	w := &accessWorld{t: t, dir: t.TempDir(), tokens: map[string]string{}}
	at := authtest.Write(t, w.dir, map[string][]byte{"grants.yaml": []byte(acmeGrants)})
	w.store = auth.TokenStore{Path: at("tokens.json")}
	w.token("operate", time.Time{})
	log := at("audit.log")
	c := serveChild(t, t.TempDir(), "--tokens", w.store.Path, "--grants", at("grants.yaml"), "--audit-log", log)
	flush := func() {
		t.Helper()
		if got := run(t, "flush", "--target", c.listen, "--token-file", w.tokens["operate"]); got.code != exitOK {
			t.Fatalf("got %+v", got)
		}
	}
	flush()
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	c.signal(t, syscall.SIGHUP)
	eventually(t, "another audit log", func() bool { _, err := os.Stat(log); return err == nil })
	flush()
	for _, name := range []string{log, log + ".1"} {
		if text, err := os.ReadFile(name); err != nil || strings.Count(string(text), "Operations/Flush") != 1 {
			t.Errorf("%s: got %q, %v, want one call in each", name, text, err)
		}
	}
}
