package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	made := run(t, "token", "create", "ci", "--tokens", file, "--expires-after", "1h")
	if made.code != exitOK || !strings.HasPrefix(made.stdout, "dst_") || !strings.Contains(made.stderr, "token:ci") || strings.Contains(made.stderr, strings.TrimSpace(made.stdout)) {
		t.Fatalf("got %+v", made)
	}
	id := made.stdout[4:20]
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), made.stdout[21:40]) {
		t.Errorf("the secret is in the file, or %v", err)
	}
	if got := run(t, "token", "list", "--tokens", file); got.code != exitOK || !strings.Contains(got.stdout, id+"  token:ci") || strings.Contains(got.stdout, "expired") {
		t.Errorf("list: got %+v", got)
	}
	if got := run(t, "token", "list", "--json", "--tokens", file); got.code != exitOK || !strings.Contains(got.stdout, `"principal":"token:ci"`) {
		t.Errorf("list --json: got %+v", got)
	}
	if got := run(t, "token", "revoke", "nobody", id, "--tokens", file); got.code != exitFailed || !strings.Contains(got.stdout, "revoked token "+id) || !strings.Contains(got.stderr, `"nobody"`) {
		t.Errorf("revoke: got %+v", got)
	}
	if got := run(t, "token", "create", "a b", "--tokens", file); got.code != exitFailed || !strings.Contains(got.stderr, `name "a b"`) {
		t.Errorf("a bad name: got %+v", got)
	}
}

func TestGrantsCommands(t *testing.T) {
	const example = "../../docs/grants.example.yaml"
	if got := run(t, "grants", "check", example); got.code != exitOK || !strings.Contains(got.stdout, "3 grants\ntenant \"acme\": weight 2, 20000 events/s, 20971520 bytes/s, backlog of 5368709120 bytes, buckets have to be confirmed; in AWS: role-arn arn:aws:iam::444455556666:role/destinations-for-acme, external-id destinations-4b456dd67d88") {
		t.Errorf("check: got %+v", got)
	}
	typo := "grants: [{principals: [\"token:a\"], tenant: acem, roles: [send], destinations: [{bucket: b, prefixes: [\"*\"]}]}]"
	if got := run(t, "grants", "check", writeFile(t, "g.yaml", typo)); !strings.Contains(got.stdout, `tenant "acem": weight 1 (not under tenants)`) {
		t.Errorf("check of a tenant that is not said: got %+v", got)
	}
	if got := run(t, "grants", "check", writeFile(t, "g.yaml", "grants:\n- {tenant: a}\n")); got.code != exitFailed || !strings.Contains(got.stderr, "line 2: ") {
		t.Errorf("check of a bad file: got %+v", got)
	}
	for _, c := range []struct {
		principal, bucket, prefix string
		code                      int
		want                      string
	}{
		{"token:acme-workflows", "acme-logs", "test", exitOK, `bucket "acme-logs": events are rejected until tenant "acme" has confirmed it`},
		{"uri:spiffe://acme.example/workflows/7", "acme-logs", "logs/a", exitOK, "allowed"},
		{"token:acme-workflows", "acme-logs", "tests", exitFailed, "denied: no destination of the grant matches"},
		{"token:x", "acme-logs", "test", exitFailed, "denied: no grant names this principal"},
		{"token:x", "BAD", "test", exitNothing, ""},
	} {
		got := run(t, "grants", "explain", "--grants", example, "--principal", c.principal, "--bucket", c.bucket, "--prefix", c.prefix)
		if got.code != c.code || !strings.Contains(got.stdout, c.want) {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}

func TestProfileCommands(t *testing.T) {
	home := t.TempDir()
	with := func(args ...string) outcome {
		return invocation{args: args, environ: []string{"HOME=" + home}}.run(t)
	}
	if got := with("profile", "save", "prod", "--target", "10.0.0.1:50051", "--tls", "--token-file", "t"); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	path := filepath.Join(home, ".config", "destinations", "profiles.yaml")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
	if got := with("profile", "list"); !strings.HasPrefix(got.stdout, "prod: --target=10.0.0.1:50051 --tls=true --token-file=/") {
		t.Errorf("got %+v", got)
	}
	if got := with("profile", "save", "far", "--target", "10.0.0.1:50051"); got.code != exitNothing || !strings.Contains(got.stderr, "--insecure") {
		t.Errorf("without TLS: got %+v", got)
	}
	// What a profile says is named as its source.
	if got := with("flush", "--profile", "prod", "--timeout", "1ms"); got.code != exitFailed {
		t.Errorf("got %+v", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := with("flush", "--profile", "prod"); got.code != exitNothing || !strings.Contains(got.stderr, "mode 0644, must be 0600") {
		t.Errorf("a file that others can read: got %+v", got)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := with("profile", "remove", "prod"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
	if got := with("flush", "--profile", "prod"); got.code != exitNothing || !strings.Contains(got.stderr, `no profile "prod"`) {
		t.Errorf("a profile that was removed: got %+v", got)
	}
}
