package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// fiveActions are those of the printed policy. That of an ACL is not among what the S3
// server enforces.
var fiveActions = []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation", "s3:PutObjectAcl"}

// printedPolicy is a bucket's policy as the service prints it.
type printedPolicy struct {
	Version   string
	Statement []json.RawMessage
}

// setPolicy gives a bucket the printed policy without one of the actions, and with more
// statements.
func (w *world) setPolicy(bucket, without string, more ...json.RawMessage) {
	w.t.Helper()
	text, err := os.ReadFile(w.policy(bucket, "--role-arn", harness.ServiceKey))
	must(w.t, err)
	text = []byte(strings.NewReplacer(`"`+without+`",`, "").Replace(string(text)))
	if without != "" && strings.Contains(string(text), `"`+without+`"`) { // the last of the list has no comma
		text = []byte(strings.ReplaceAll(string(text), `"`+without+`"`, `"s3:PutBucketCORS"`))
	}
	var policy printedPolicy
	must(w.t, json.Unmarshal(text, &policy))
	policy.Statement = append(policy.Statement, more...)
	text, err = json.Marshal(policy)
	must(w.t, err)
	_, err = w.s3.Admin().PutBucketPolicy(w.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(string(text))})
	must(w.t, err)
}

// checkedStep and checkedBucket are what the command prints with --json.
type checkedStep struct {
	Step, Outcome, Code string
	Missing             []struct {
		Action    string
		Statement json.RawMessage
	}
}

type checkedBucket struct {
	Outcome     string
	LeftoverKey string `json:"leftover_key"`
	Steps       []checkedStep
}

// missing are the actions that are, and the statements that grant them.
func (c *checkedBucket) missing() (actions []string, statements []json.RawMessage) {
	for _, step := range c.Steps {
		for _, m := range step.Missing {
			actions, statements = append(actions, m.Action), append(statements, m.Statement)
		}
	}
	return actions, statements
}

// checkBucket runs the command, and returns what it prints and its exit code. Who has asked
// for too many checks asks again.
func (w *world) checkBucket(svc *service, bucket string) (found checkedBucket, code int) {
	w.t.Helper()
	w.poll("a check of "+bucket, func() error {
		out, err := exec.CommandContext(w.t.Context(), bins.Service, "check", "--target", svc.Target,
			"--bucket", bucket, "--prefix", "p", "--role-arn", harness.ServiceKey, "--json").Output()
		var exited *exec.ExitError
		if errors.As(err, &exited) {
			code = exited.ExitCode()
			if strings.Contains(string(exited.Stderr), "RATE_EXCEEDED") {
				return err
			}
		} else if code = 0; err != nil {
			return err
		}
		must(w.t, json.Unmarshal(out, &found))
		return nil
	})
	return found, code
}

// TestCheckUnderTheBucketsPolicy takes each action away from a bucket's policy in turn. The
// check names it, leaves nothing behind, and with its statement added to the policy
// everything works.
func TestCheckUnderTheBucketsPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "checked")
	svc := w.serve("data")
	for _, action := range fiveActions {
		w.setPolicy("checked", action)
		found, code := w.checkBucket(svc, "checked")
		actions, statements := found.missing()
		want, wantCode := []string{action}, 5
		switch action {
		case "s3:PutObject":
			wantCode = 1
		case "s3:PutObjectAcl":
			want, wantCode = nil, 0
		}
		if !slices.Equal(actions, want) || code != wantCode {
			t.Errorf("without %s: got %q missing, exit code %d, want %q, %d: %+v", action, actions, code, want, wantCode, found)
		}
		uploads := w.uploadsOf("checked")
		if left := action == "s3:AbortMultipartUpload"; left != (len(uploads) == 1 && uploads[0] == found.LeftoverKey) || !left && len(uploads) > 0 {
			t.Errorf("without %s: got uploads %q left, told of %q", action, uploads, found.LeftoverKey)
		}
		w.setPolicy("checked", action, statements...)
		if found, code := w.checkBucket(svc, "checked"); code != 0 || found.Outcome != "works" {
			t.Errorf("with the statement for %s: got exit code %d: %+v", action, code, found)
		}
		w.abortUploads("checked")
	}
	if objects, err := w.s3.List(t.Context(), "checked", ""); err != nil || len(objects) != 0 {
		t.Errorf("got objects %v, %v", objects, err)
	}
	found, code := w.checkBucket(svc, "there-is-none")
	if code != 1 || !slices.ContainsFunc(found.Steps, func(s checkedStep) bool { return s.Code == "NoSuchBucket" }) {
		t.Errorf("of no bucket: got exit code %d: %+v", code, found)
	}
}

// abortUploads aborts all multipart uploads of a bucket, as its owner does.
func (w *world) abortUploads(bucket string) {
	w.t.Helper()
	uploads, err := w.s3.Uploads(w.t.Context(), bucket)
	must(w.t, err)
	for _, up := range uploads {
		_, err := w.s3.Admin().AbortMultipartUpload(w.t.Context(), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &up.Key, UploadId: &up.ID})
		must(w.t, err)
	}
}

// TestARefusedDestinationIsDiagnosed sends to a bucket whose policy does not let objects be
// written. The list says which action is missing, with the statement; with it in the policy
// everything is delivered.
func TestARefusedDestinationIsDiagnosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "refusing")
	svc := w.serve("data", "--window", "1s")
	w.setPolicy("refusing", "s3:PutObject")
	w.sendNumbered(svc, 0, 30, harness.Destination{Bucket: "refusing", Prefix: "p/"})
	var statement string
	w.poll("a diagnosis of the refused destination", func() (err error) {
		statement, err = w.diagnosed(svc, "s3:PutObject")
		return err
	})
	statement = strings.ReplaceAll(statement, "ARN-OF-THE-ROLE-THAT-THE-SERVICE-WRITES-WITH", harness.ServiceKey)
	w.setPolicy("refusing", "s3:PutObject", json.RawMessage(statement))
	_, err := svc.operations.Redrive(t.Context(), &destinationsv1.RedriveRequest{Bucket: "refusing", Prefix: "p"})
	must(t, err)
	w.await(30 * time.Second)
	if uploads := w.uploadsOf("refusing"); len(uploads) > 0 {
		t.Errorf("got uploads %q left", uploads)
	}
	w.check(svc)
}

// diagnosed returns the statement that grants an action, as the list has it.
func (w *world) diagnosed(svc *service, action string) (statement string, err error) {
	lines, err := svc.operations.ListDestinations(w.t.Context(), &destinationsv1.ListDestinationsRequest{})
	if err != nil {
		return "", err
	}
	for {
		line, err := lines.Recv()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("no diagnosis says that %s is missing", action)
		}
		if err != nil {
			return "", err
		}
		for _, step := range line.GetDiagnosis().GetSteps() {
			for _, m := range step.GetMissing() {
				if m.GetAction() == action {
					return m.GetStatement(), nil
				}
			}
		}
	}
}
