package sts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/sts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	acme   = "arn:aws:iam::111122223333:role/teams/acme-destinations"
	beta   = "arn:aws:iam::444455556666:role/beta"
	secret = "of-the-service"
)

// start returns a token service and the folder of its sessions.
func start(t *testing.T) (*sts.Server, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sessions")
	s, err := sts.Listen(sts.Params{
		Callers: map[string]string{"destinations-service": secret, "stranger": "other"},
		Roles: map[string]sts.Role{
			acme: {Trusts: []string{"destinations-service"}, ExternalID: "id-of-acme", Tags: map[string]string{"tenant": "acme"}},
			beta: {Trusts: []string{"destinations-service"}},
		},
		Sessions: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, dir
}

// client is a client of AWS's own that tries once.
func client(t *testing.T, s *sts.Server, access, secret string) *awssts.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return awssts.New(awssts.Options{
		BaseEndpoint: aws.String(s.URL()), Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, ""),
		HTTPClient:  &http.Client{Transport: transport},
	})
}

// asks is a request that the role of acme is given for, changed.
func asks(change ...func(*awssts.AssumeRoleInput)) *awssts.AssumeRoleInput {
	in := &awssts.AssumeRoleInput{
		RoleArn: aws.String(acme), RoleSessionName: aws.String("destinations"), ExternalId: aws.String("id-of-acme"),
		Tags:              []types.Tag{{Key: aws.String("tenant"), Value: aws.String("acme")}, {Key: aws.String("team"), Value: aws.String("")}},
		TransitiveTagKeys: []string{"tenant"},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

// codeOf is AWS's code of an error; "" for none.
func codeOf(err error) string {
	var apiError smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &apiError):
		return apiError.ErrorCode()
	default:
		return err.Error()
	}
}

func TestASessionIsGivenAndKept(t *testing.T) {
	s, dir := start(t)
	out, err := client(t, s, "destinations-service", secret).AssumeRole(t.Context(), asks(func(in *awssts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(900) }))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, *out.Credentials.AccessKeyId))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		AccessKeyID                   string `json:"AccessKeyId"`
		SecretAccessKey, SessionToken string
		Expiration                    time.Time
		RoleArn, Arn                  string
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if kept.SecretAccessKey != *out.Credentials.SecretAccessKey || kept.SessionToken != *out.Credentials.SessionToken || kept.AccessKeyID != *out.Credentials.AccessKeyId || !kept.Expiration.Equal(*out.Credentials.Expiration) {
		t.Errorf("got %+v in the answer, %+v in the file", out.Credentials, kept)
	}
	if left := time.Until(kept.Expiration); left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("it ends in %v, want 15 minutes", left)
	}
	const arn = "arn:aws:sts::111122223333:assumed-role/acme-destinations/destinations"
	if kept.RoleArn != acme || kept.Arn != arn || *out.AssumedRoleUser.Arn != arn {
		t.Errorf("got role %s, session %s and %s", kept.RoleArn, kept.Arn, *out.AssumedRoleUser.Arn)
	}
	got := s.Requests()
	if len(got) != 1 || got[0].Caller != "destinations-service" || got[0].RoleARN != acme || got[0].SessionName != "destinations" || got[0].ExternalID != "id-of-acme" ||
		got[0].Duration != 15*time.Minute || !maps.Equal(got[0].Tags, map[string]string{"tenant": "acme", "team": ""}) || !slices.Equal(got[0].Transitive, []string{"tenant"}) ||
		got[0].Code != "" || got[0].AccessKey != kept.AccessKeyID || !got[0].Expires.Equal(kept.Expiration) {
		t.Errorf("got requests %+v", got)
	}
	if s.Role(kept.AccessKeyID) != acme || s.Role("") != "" || s.Role("ASIA") != "" {
		t.Errorf("got role %q of the session, %q of none", s.Role(kept.AccessKeyID), s.Role("ASIA"))
	}
}

func TestWhoIsRefused(t *testing.T) {
	s, dir := start(t)
	type input = awssts.AssumeRoleInput
	tests := []struct {
		name           string
		access, secret string
		change         func(*input)
		want           string
	}{
		{"a key that is not known", "nobody", secret, func(*input) {}, "InvalidClientTokenId"},
		{"a wrong secret", "destinations-service", "guess", func(*input) {}, "SignatureDoesNotMatch"},
		{"who is not trusted", "stranger", "other", func(*input) {}, "AccessDenied"},
		{"another's external id", "destinations-service", secret, func(in *input) { in.ExternalId = aws.String("id-of-beta") }, "AccessDenied"},
		{"no external id", "destinations-service", secret, func(in *input) { in.ExternalId = nil }, "AccessDenied"},
		{"a role that is not there", "destinations-service", secret, func(in *input) { in.RoleArn = aws.String(acme + "2") }, "AccessDenied"},
		{"another's tag", "destinations-service", secret, func(in *input) { in.Tags[0].Value = aws.String("beta") }, "AccessDenied"},
		{"no tags", "destinations-service", secret, func(in *input) { in.Tags, in.TransitiveTagKeys = nil, nil }, "AccessDenied"},
		{"an ARN of no role", "destinations-service", secret, func(in *input) { in.RoleArn = aws.String("arn:aws:iam::111122223333:user/acme") }, "ValidationError"},
		{"a session's name with a space", "destinations-service", secret, func(in *input) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		{"an empty external id", "destinations-service", secret, func(in *input) { in.ExternalId = aws.String("") }, "ValidationError"},
		{"a transitive tag that is not passed", "destinations-service", secret, func(in *input) { in.TransitiveTagKeys = []string{"region"} }, "ValidationError"},
		{"a tag of AWS's", "destinations-service", secret, func(in *input) { in.Tags[1].Key = aws.String("aws:team") }, "ValidationError"},
		{"a tag twice", "destinations-service", secret, func(in *input) { in.Tags[1].Key = aws.String("Tenant") }, "InvalidParameterValue"},
		{"a minute", "destinations-service", secret, func(in *input) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		{"a day", "destinations-service", secret, func(in *input) { in.DurationSeconds = aws.Int32(86400) }, "ValidationError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client(t, s, tt.access, tt.secret).AssumeRole(t.Context(), asks(tt.change))
			if got := codeOf(err); got != tt.want {
				t.Errorf("got %q (%v), want %s", got, err, tt.want)
			}
			all := s.Requests()
			if last := all[len(all)-1]; last.Code != tt.want || last.AccessKey != "" {
				t.Errorf("got request %+v, want code %s and no session", last, tt.want)
			}
		})
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("got sessions %v, %v, want none", files, err)
	}
}

func TestARoleThatAsksForNothing(t *testing.T) {
	s, _ := start(t)
	_, err := client(t, s, "destinations-service", secret).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(beta), RoleSessionName: aws.String("destinations")})
	if err != nil {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	s, _ := start(t)
	c := client(t, s, "destinations-service", secret)
	s.SetFault(acme, sts.Throttle())
	s.SetFault("", sts.Fail())
	ofBeta := func(in *awssts.AssumeRoleInput) { in.RoleArn = aws.String(beta) }
	for _, step := range []struct {
		in   *awssts.AssumeRoleInput
		want string
	}{{asks(), "Throttling"}, {asks(ofBeta), "ServiceUnavailable"}} {
		if _, err := c.AssumeRole(t.Context(), step.in); codeOf(err) != step.want {
			t.Errorf("%s: got %v, want %s", *step.in.RoleArn, err, step.want)
		}
	}
	s.SetFault("", sts.Fault{})
	s.SetFault(acme, sts.Deny())
	if _, err := c.AssumeRole(t.Context(), asks()); codeOf(err) != "AccessDenied" {
		t.Errorf("got %v, want AccessDenied", err)
	}
	if _, err := c.AssumeRole(t.Context(), asks(ofBeta)); err != nil {
		t.Errorf("after the fault of all: %v", err)
	}
	s.SetFault(acme, sts.Fault{})
	s.SetLifetime(3 * time.Second)
	out, err := c.AssumeRole(t.Context(), asks())
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*out.Credentials.Expiration); left > 3*time.Second {
		t.Errorf("the session ends in %v, want 3 s", left)
	}
}

func TestHanging(t *testing.T) {
	s, _ := start(t)
	s.SetFault(acme, sts.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := client(t, s, "destinations-service", secret).AssumeRole(ctx, asks())
		ended <- err
	}()
	for len(s.Requests()) == 0 {
		select {
		case err := <-ended:
			t.Fatalf("got an answer: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if got := s.Requests(); got[0].Code != sts.Hanging || got[0].RoleARN != acme {
		t.Errorf("got requests %+v", got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

// TestRequestsThatNobodySigned are those that no client of AWS's makes.
func TestRequestsThatNobodySigned(t *testing.T) {
	s, _ := start(t)
	post := func(authorization string) string {
		form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", string(text))
	}
	const unsigned = "AWS4-HMAC-SHA256 Credential=destinations-service/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature="
	for _, tt := range []struct{ authorization, status, code string }{
		{"", "403 ", "<Code>MissingAuthenticationToken</Code>"},
		{"Bearer x", "400 ", "<Code>IncompleteSignature</Code>"},
		{strings.Replace(unsigned, "/sts/", "/s3/", 1) + strings.Repeat("0", 64), "400 ", "<Code>IncompleteSignature</Code>"},
		{unsigned + strings.Repeat("0", 64), "403 ", "<Code>SignatureDoesNotMatch</Code>"},
	} {
		if got := post(tt.authorization); !strings.HasPrefix(got, tt.status) || !strings.Contains(got, tt.code) {
			t.Errorf("%q: got %s, want %s%s", tt.authorization, got, tt.status, tt.code)
		}
	}
}
