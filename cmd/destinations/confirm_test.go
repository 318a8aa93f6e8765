package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// challenge switches the challenge of the tenant acme on or off.
func (w *accessWorld) challenge(on bool) {
	w.t.Helper()
	grants := acmeGrants
	if on {
		grants = "tenants: {acme: {challenge: true}}\n" + grants
	}
	if err := os.WriteFile(filepath.Join(w.dir, "grants.yaml"), []byte(grants), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.gate.Reload()
}

// command runs a command as somebody.
func (w *accessWorld) command(as, stdin string, args ...string) outcome {
	w.t.Helper()
	args = append(args, "--target", w.listener.Addr().String(), "--token-file", w.tokens[as])
	return invocation{args: args, stdin: stdin}.run(w.t)
}

// challenges are the contents of the challenges in the buckets, by "bucket/key".
func (w *accessWorld) challenges() map[string]string {
	found := map[string]string{}
	for name, body := range w.s3.Objects() {
		if strings.HasPrefix(path.Base(name), "_destinations-challenge-") {
			found[name] = string(body)
		}
	}
	return found
}

// From the first event that is rejected to the first that is accepted, by the commands that
// people use.
func TestABucketIsConfirmedByCommand(t *testing.T) {
	w := newAccessWorld(t, false, "--window", "1h")
	send := func() outcome {
		return w.command("send", "x\n", "send", "--bucket", "acme", "--prefix", "p", "--retry-for", "0s")
	}
	confirm := func(stdin string, args ...string) outcome {
		return w.command("send", stdin, append([]string{"confirm", "--bucket", "acme", "--prefix", "p"}, args...)...)
	}
	if got := send(); got.code != exitOK {
		t.Fatalf("before the challenge is on: got %+v", got)
	}
	w.challenge(true)
	got := send()
	const says = `stdin:1: bucket: tenant "acme" has not shown yet that it can read bucket "acme"`
	if got.code != exitFailed && got.code != exitNothing || !strings.Contains(got.stderr, says) || !strings.Contains(got.stderr, "destinations confirm --bucket acme --prefix p/") {
		t.Fatalf("got %+v", got)
	}
	eventually(t, "the challenge that the rejected event has asked for", func() bool { return len(w.challenges()) == 1 })
	if got := w.command("all", "", "list", "--state", "unconfirmed"); !strings.Contains(got.stdout, "unconfirmed") || !strings.Contains(got.stdout, "destinations confirm") {
		t.Errorf("list: got %+v", got)
	}
	// What was accepted before goes on being delivered.
	if got := w.command("operate", "", "flush"); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	eventually(t, "the event of before", func() bool { return len(w.s3.Objects()) == 2 })

	asked := confirm("")
	var content string
	for name, text := range w.challenges() {
		content = strings.TrimSpace(text)
		if asked.code != exitUnconfirmed || asked.stdout != "the challenge is s3://"+name+": run this command again with its content\n" {
			t.Errorf("got %+v of %s", asked, name)
		}
	}
	file := filepath.Join(w.dir, "content")
	if err := os.WriteFile(file, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		outcome
		code int
		says string
	}{
		"wrong":            {confirm("", "destinations-challenge-1-wrong"), exitFailed, "PermissionDenied (CHALLENGE_CONTENT_WRONG): confirm bucket: content is wrong"},
		"nothing":          {confirm(" \n", "-"), exitNothing, "the content is empty"},
		"empty":            {confirm("", ""), exitNothing, "the content is empty"}, // of a command whose output it should be
		"another object":   {confirm(strings.Repeat("x", 2000), "-"), exitNothing, "more than 1024 bytes"},
		"no such file":     {confirm("", "--file", "/no/such/file"), exitNothing, "--file: open /no/such/file"},
		"two contents":     {confirm("", "--file", file, "x"), exitNothing, "--file and a content: only one of them"},
		"another's bucket": {w.command("other", content, "confirm", "--bucket", "acme", "--prefix", "p", "-"), exitFailed, "DESTINATION_NOT_GRANTED"},
		"another role":     {w.command("inspect", content, "confirm", "--bucket", "acme", "--prefix", "p", "-"), exitFailed, "ROLE_MISSING"},
		"another tenant":   {w.command("other", content, "confirm", "--bucket", "other", "--prefix", "p", "-"), exitFailed, "CHALLENGE_CONTENT_WRONG"},
	} {
		if c.outcome.code != c.code || !strings.Contains(c.stderr, c.says) || strings.Contains(c.stderr, content) {
			t.Errorf("%s: got %+v, want exit code %d and %q", name, c.outcome, c.code, c.says)
		}
	}
	if got := send(); got.code == exitOK {
		t.Errorf("before it is confirmed: got %+v", got)
	}
	if got := confirm("", "--json"); got.code != exitUnconfirmed || !strings.Contains(got.stdout, `"key":"p/_destinations-challenge-`) || !strings.Contains(got.stdout, `"needed":true,"confirmed":false}`) {
		t.Errorf("got %+v", got)
	}
	for _, got := range []outcome{confirm(content+"\n", "-"), confirm("", content), confirm("", "--file", file), confirm("")} {
		if got.code != exitOK || !strings.HasPrefix(got.stdout, "bucket acme is confirmed since ") {
			t.Errorf("got %+v", got)
		}
	}
	if got := confirm("", "--json"); got.code != exitOK || !strings.Contains(got.stdout, `"confirmed":true,"since":"2`) {
		t.Errorf("got %+v", got)
	}
	if got := send(); got.code != exitOK {
		t.Errorf("when it is confirmed: got %+v", got)
	}
	if got := w.command("all", "", "list", "--state", "unconfirmed"); got.code != exitOK || strings.Contains(got.stdout, "acme") {
		t.Errorf("list: got %+v", got)
	}
	info, err := os.Stat(filepath.Join(w.dir, "data", "confirmed"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	w.challenge(false)
	if got := w.command("operate", "", "confirm", "--bucket", "more"); got.code != exitOK || !strings.Contains(got.stdout, "; events are accepted without it at present") {
		t.Errorf("where nothing has to be confirmed: got %+v", got)
	}
}

// A challenge that S3 refuses is listed with AWS's code, and said to who asks for it.
func TestAChallengeThatIsRefusedIsListed(t *testing.T) {
	w := newAccessWorld(t, false, "--window", "1h")
	w.s3.OnCall(func(c uploadertest.Call) uploadertest.Fault {
		if c.Op == "PutObject" {
			return uploadertest.Answer(403, "AccessDenied")
		}
		return uploadertest.Fault{}
	})
	w.challenge(true)
	events := destinationsv1.NewDestinationsClient(w.as("send", w.listener.Addr().String()))
	eventually(t, "the refusal to be said to the sender", func() bool {
		stream, err := events.SendS3(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "acme", Events: someEvents}); err != nil {
			t.Fatal(err)
		}
		r, err := stream.CloseAndRecv()
		if err != nil || len(r.GetRejections()) != 1 || r.GetRejections()[0].GetCode() != destinationsv1.RejectionCode_REJECTION_CODE_BUCKET_NOT_CONFIRMED {
			t.Fatalf("got %v, %v", r, err)
		}
		return strings.Contains(r.GetRejections()[0].GetReason(), "(the object could not be written: AccessDenied, since ")
	})
	got := w.command("inspect", "", "list", "--json")
	if !strings.Contains(got.stdout, `"state":"unconfirmed"`) || !strings.Contains(got.stdout, `"code":"AccessDenied"`) || !strings.Contains(got.stdout, `"next_try"`) {
		t.Errorf("list: got %+v", got)
	}
	if got := w.command("other", "", "list"); strings.Contains(got.stdout, "acme") {
		t.Errorf("another tenant sees %s", got.stdout)
	}
	if got := w.command("operate", "", "confirm", "--bucket", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "FailedPrecondition (CHALLENGE_REFUSED)") || !strings.Contains(got.stderr, "AccessDenied") {
		t.Errorf("confirm: got %+v", got)
	}
	w.s3.OnCall(func(uploadertest.Call) uploadertest.Fault {
		return uploadertest.Answer(403, "InvalidAccessKeyId").Saying("the key of all")
	})
	got = w.command("operate", "", "confirm", "--bucket", "acme")
	if listed := w.command("inspect", "", "list", "--json"); got.code != exitFailed || !strings.Contains(got.stderr, "its credentials do not work") ||
		!strings.Contains(listed.stdout, `"code":"InvalidAccessKeyId"`) || strings.Contains(got.stderr+listed.stdout, "the key of all") {
		t.Errorf("credentials: got %+v, %+v", got, listed)
	}
	w.s3.OnCall(func(uploadertest.Call) uploadertest.Fault { return uploadertest.LostRequest() })
	if got := w.command("operate", "", "confirm", "--bucket", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "Unavailable (CHALLENGE_NOT_WRITTEN)") {
		t.Errorf("confirm: got %+v", got)
	}
}

// Who has gone while a challenge was written is not told that S3 has refused it.
func TestChallengeOfACallerWhoHasGone(t *testing.T) {
	k, err := ownership.Open(ownership.Params{
		Dir: t.TempDir(), Key: make([]byte, 32), Challenged: func(string) bool { return true }, Uploader: refusing{&uploader.Error{Code: "AccessDenied", Err: errors.New("denied")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = confirming{k}.Challenge(gone, server.Selection{Tenant: "acme", Bucket: "acme"})
	if !errors.Is(err, context.Canceled) || errors.Is(err, server.ErrChallengeRefused) {
		t.Errorf("got %v", err)
	}
}

// Who asks while the service of the credentials is down is to ask again; nobody has to help.
func TestChallengeWithoutCredentials(t *testing.T) {
	for failure, want := range map[*uploader.Error]error{
		{Code: uploader.CodeNoCredentials, Err: errors.New("connection refused")}:         server.ErrChallengeNotWritten,
		{Code: "InvalidAccessKeyId", Status: 403, Err: errors.New("said of all of ours")}: server.ErrChallengeRefused,
	} {
		k, err := ownership.Open(ownership.Params{
			Dir: t.TempDir(), Key: make([]byte, 32), Challenged: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler), Uploader: refusing{failure},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = confirming{k}.Challenge(t.Context(), server.Selection{Tenant: "acme", Bucket: "acme"})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "its credentials do not work") {
			t.Errorf("%v: got %v, want %v", failure, err, want)
		}
		k.Close()
	}
}

// refusing is an uploader of which every upload fails.
type refusing struct{ err error }

func (r refusing) Upload(context.Context, *uploader.Object) (uploader.Result, error) {
	return uploader.Result{}, r.err
}
