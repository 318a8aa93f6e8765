package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// owner owns the buckets: an account's number, which is what a client may expect.
const owner = "111122223333"

const writeOnly = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "writer"},
	"Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::box", "arn:aws:s3:::box/*"]}]}`

// One server runs in a process at a time, and it moves the working directory: so
// one test, and its paths are absolute.
func TestUserMayDoWhatThePolicySays(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // and back, when the server has moved it
	policy := filepath.Join(dir, "policy.json")
	if err := os.WriteFile(policy, []byte(writeOnly), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--data", filepath.Join(dir, "data"), "--iam", filepath.Join(dir, "iam"),
		"--root", owner + ":rootsecret", "--other-owner", "444455556666:other", "--user", "writer:writersecret", "--bucket", "box=" + policy,
	}, roleArgs(t, dir)...)
	stdin, closeStdin := io.Pipe()
	stdout, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(context.Background(), args, stdin, printed)
		_ = printed.CloseWithError(err) // who waits for what is printed learns of it
		ended <- err
	}()
	text, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var at ready
	if err := json.Unmarshal(text, &at); err != nil {
		t.Fatalf("%s: %v", text, err)
	}

	checkRights(t, at)
	checkRoles(t, at, filepath.Join(dir, "sessions"))
	checkOwner(t, at)

	closeStdin.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("still runs 5 seconds after its standard input was closed")
	}
}

// checkRights lets the user and root put and get an object.
func checkRights(t *testing.T, at ready) {
	t.Helper()
	put := func(c *s3.Client) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("box"), Key: aws.String("k"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*"),
		})
		return err
	}
	get := func(c *s3.Client) error {
		_, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("box"), Key: aws.String("k")})
		return err
	}
	writer, root := client(at, "writer", "writersecret", ""), client(at, owner, "rootsecret", "")
	for _, step := range []struct {
		what string
		err  error
		want int
	}{
		{"the user puts", put(writer), http.StatusOK},
		{"the user puts again, if there is none", put(writer), http.StatusPreconditionFailed},
		{"the user gets", get(writer), http.StatusForbidden},
		{"root gets", get(root), http.StatusOK},
		{"the user puts with a session's token", put(client(at, "writer", "writersecret", "token")), http.StatusBadRequest},
		{"someone with a wrong secret puts", put(client(at, "writer", "guess", "")), http.StatusForbidden},
	} {
		if got := statusOf(step.err); got != step.want {
			t.Errorf("%s: got %d (%v), want %d", step.what, got, step.err, step.want)
		}
	}
}

// client is a client of the server with somebody's credentials.
func client(at ready, access, secret, token string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &at.Endpoint, Region: at.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, token),
	})
}

// checkOwner lets the user put objects into a bucket that he takes to be somebody's: one of
// root, and one that another account has made and given the same policy.
func checkOwner(t *testing.T, at ready) {
	t.Helper()
	const other = "444455556666"
	theirs := client(at, other, "other", "")
	_, err := theirs.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("theirs")})
	if err == nil {
		_, err = theirs.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("theirs"), Policy: aws.String(strings.ReplaceAll(writeOnly, "box", "theirs"))})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		bucket, expected string
		want             int
	}{{"box", owner, 200}, {"box", other, 403}, {"theirs", other, 200}, {"theirs", owner, 403}} {
		_, err := client(at, "writer", "writersecret", "").PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &tt.bucket, Key: aws.String("owned"), Body: strings.NewReader("x"), ExpectedBucketOwner: &tt.expected,
		})
		if got := statusOf(err); got != tt.want {
			t.Errorf("the user puts into %s as a bucket of %s: got %d (%v), want %d", tt.bucket, tt.expected, got, err, tt.want)
		}
	}
}

// statusOf is the HTTP status that a call ended with; 0 if it got no answer.
func statusOf(err error) int {
	var resp *awshttp.ResponseError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &resp):
		return resp.HTTPStatusCode()
	default:
		return 0
	}
}

func TestFlags(t *testing.T) {
	good := []string{"--data", "/d", "--iam", "/i", "--root", "a:b"}
	tests := []struct {
		name string
		args []string
		want string // part of the error; "" = none
	}{
		{"least", good, ""},
		{"all", append(good, "--listen", "127.0.0.1:1", "--user", "c:d", "--user", "e:f", "--bucket", "g=/h", "--bucket", "i", "--sessions", "/s", "--role", roleA), ""},
		{"relative sessions folder", append(good, "--sessions", "s"), "--sessions"},
		{"a user's ARN as a role", append(good, "--role", "arn:aws:iam::111122223333:user/a"), "--role"},
		{"user with a session's key", append(good, "--user", "ASIA:d"), "ASIA"},
		{"relative data folder", []string{"--data", "d", "--iam", "/i", "--root", "a:b"}, "--data"},
		{"relative accounts folder", []string{"--data", "/d", "--iam", "i", "--root", "a:b"}, "--iam"},
		{"no root", []string{"--data", "/d", "--iam", "/i"}, "--root"},
		{"user without a secret", append(good, "--user", "c"), "want ACCESS:SECRET"},
		{"bucket without a name", append(good, "--bucket", "=/h"), "--bucket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseFlags(tt.args)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want it to name %s", err, tt.want)
			}
		})
	}
}
