package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/versity/versitygw/auth"
)

const (
	roleA = "arn:aws:iam::111122223333:role/a"
	roleB = "arn:aws:iam::444455556666:role/teams/b"
)

// roleArgs are the arguments of a server with a bucket for each of two roles.
func roleArgs(t *testing.T, dir string) []string {
	t.Helper()
	args := []string{"--sessions", filepath.Join(dir, "sessions"), "--role", roleA, "--role", roleB}
	for bucket, principal := range map[string]string{"of-a": roleA, "of-b": roleB} {
		policy := filepath.Join(dir, bucket+".json")
		text := strings.NewReplacer("writer", principal, "box", bucket).Replace(writeOnly)
		if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--bucket", bucket+"="+policy)
	}
	return args
}

// sessionARN is the ARN of a role's session.
func sessionARN(role, name string) string {
	account := strings.Split(role, ":")[4]
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, role[strings.LastIndex(role, "/")+1:], name)
}

// begin writes a session as the token service does.
func begin(t *testing.T, dir, access, role string, lasting time.Duration) session {
	t.Helper()
	s := session{
		AccessKeyID: access, SecretAccessKey: "secret of " + access, SessionToken: "token of " + access,
		Expiration: time.Now().Add(lasting), RoleARN: role, ARN: sessionARN(role, "destinations"),
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, access), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// checkRoles lets sessions of the two roles put objects.
func checkRoles(t *testing.T, at ready, dir string) {
	t.Helper()
	a := begin(t, dir, "ASIAAAAAAAAAAAAAAAAA", roleA, time.Hour)
	b := begin(t, dir, "ASIABBBBBBBBBBBBBBBB", roleB, time.Hour)
	ended := begin(t, dir, "ASIACCCCCCCCCCCCCCCC", roleA, -time.Second)
	put := func(bucket, access, secret, token string, change ...func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("x")}
		for _, c := range change {
			c(in)
		}
		_, err := client(at, access, secret, token).PutObject(t.Context(), in)
		return err
	}
	tagged := func(in *s3.PutObjectInput) { in.Tagging = aws.String("team=acme") }
	for _, step := range []struct {
		what string
		err  error
		want string
	}{
		{"a into its own", put("of-a", a.AccessKeyID, a.SecretAccessKey, a.SessionToken), ""},
		{"a into b's", put("of-b", a.AccessKeyID, a.SecretAccessKey, a.SessionToken), "AccessDenied"},
		{"b into its own", put("of-b", b.AccessKeyID, b.SecretAccessKey, b.SessionToken), ""},
		{"b into a's", put("of-a", b.AccessKeyID, b.SecretAccessKey, b.SessionToken), "AccessDenied"},
		{"a into a user's", put("box", a.AccessKeyID, a.SecretAccessKey, a.SessionToken), "AccessDenied"},
		{"a user into a's", put("of-a", "writer", "writersecret", ""), "AccessDenied"},
		{"a with tags that its policy does not allow", put("of-a", a.AccessKeyID, a.SecretAccessKey, a.SessionToken, tagged), "AccessDenied"},
		{"a without its token", put("of-a", a.AccessKeyID, a.SecretAccessKey, ""), "InvalidToken"},
		{"a with b's token", put("of-a", a.AccessKeyID, a.SecretAccessKey, b.SessionToken), "InvalidToken"},
		{"a with b's secret", put("of-a", a.AccessKeyID, b.SecretAccessKey, a.SessionToken), "SignatureDoesNotMatch"},
		{"a session that has ended", put("of-a", ended.AccessKeyID, ended.SecretAccessKey, ended.SessionToken), "ExpiredToken"},
		{"a session that was not", put("of-a", "ASIADDDDDDDDDDDDDDDD", "s", "t"), "InvalidAccessKeyId"},
	} {
		var got smithy.APIError
		switch {
		case step.want == "" && step.err != nil:
			t.Errorf("%s: got %v, want that it works", step.what, step.err)
		case step.want != "" && (!errors.As(step.err, &got) || got.ErrorCode() != step.want):
			t.Errorf("%s: got %v, want %s", step.what, step.err, step.want)
		}
	}
	if err := wrongPolicy(t, at); statusOf(err) != http.StatusBadRequest {
		t.Errorf("a policy that names a role that is not there: got %v, want 400", err)
	}
}

// wrongPolicy sets a policy that names nobody.
func wrongPolicy(t *testing.T, at ready) error {
	_, err := client(at, owner, "rootsecret", "").PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: aws.String("box"), Policy: aws.String(strings.Replace(writeOnly, "writer", roleA+"2", 1)),
	})
	return err
}

func TestSessionKeyNamesNoOtherFile(t *testing.T) {
	dir := t.TempDir()
	begin(t, dir, "ASIAAAAAAAAAAAAAAAAA", roleA, time.Hour)
	i := &identities{sessions: filepath.Join(dir, "below"), IAMService: &auth.IAMServiceSingle{}}
	for _, access := range []string{"ASIA/../ASIAAAAAAAAAAAAAAAAA", "ASIA", "ASIA..", "ASIAAAAAAAAAAAAAAAAA.tmp", "ASIAaaaaaaaaaaaaaaaa"} {
		if _, err := i.find(access, "token of ASIAAAAAAAAAAAAAAAAA"); !errors.Is(err, auth.ErrNoSuchUser) {
			t.Errorf("%s: got %v, want that there is nobody", access, err)
		}
	}
	i.sessions = ""
	if _, err := i.find("ASIAAAAAAAAAAAAAAAAA", ""); !errors.Is(err, auth.ErrNoSuchUser) {
		t.Errorf("without sessions: got %v, want that there is nobody", err)
	}
}

func TestHalfASessionIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ASIAAAAAAAAAAAAAAAAA"), []byte(`{"Acce`), 0o600); err != nil {
		t.Fatal(err)
	}
	i := &identities{sessions: dir}
	if _, err := i.find("ASIAAAAAAAAAAAAAAAAA", ""); err == nil || errors.Is(err, auth.ErrNoSuchUser) {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestPrincipals(t *testing.T) {
	dir := t.TempDir()
	cfg := config{iam: dir, root: account{owner, "r"}, users: []account{{"writer", "w"}}, roles: []string{roleA}}
	known, err := newIdentities(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := known.(auth.PrincipalResolver).ResolvePrincipals([]string{"writer", roleA, roleB, "nobody"})
	if slices.Sort(got); err != nil || !slices.Equal(got, []string{roleB, "nobody"}) {
		t.Errorf("got %v, %v, want %s and nobody", got, err, roleB)
	}
}
