package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

func (f *fakeOperations) CheckDestination(_ context.Context, r *destinationsv1.CheckDestinationRequest) (*destinationsv1.CheckDestinationResponse, error) {
	f.ask("check", r.GetTenant(), r.GetBucket(), r.GetPrefix(), r.GetRoleArn())
	return &destinationsv1.CheckDestinationResponse{Diagnosis: f.found}, f.err
}

// someDiagnosis has each outcome, something missing of a bucket's policy and of a key's,
// something that no statement grants, and what may not be printed as it is.
func someDiagnosis() *destinationsv1.Diagnosis {
	d := diagnosisOf(&uploader.Diagnosis{
		At: at("2026-01-02T03:04:05Z").AsTime(), Key: "test/2026/01/02/03/2026-01-02-03-04-05-cafe.gz", Region: "eu-west-1", Leftover: true,
		Steps: []uploader.Step{
			{Name: uploader.StepCredentials, Outcome: uploader.OutcomeWorks},
			{Name: uploader.StepLocation, Outcome: uploader.OutcomeWarns, Code: "AccessDenied", Message: "Access\nDenied\x1b[2J", RequestID: "R1", Missing: []string{uploader.ActionGetLocation}},
			{Name: uploader.StepList, Outcome: uploader.OutcomeWorks},
			{Name: uploader.StepCreate, Outcome: uploader.OutcomeWorks},
			{Name: uploader.StepKMS, Outcome: uploader.OutcomeFails, Code: "AccessDenied", Message: "User: arn:aws:sts::111122223333:assumed-role/destinations/i-1 is not authorized", RequestID: "R2",
				Missing: []string{uploader.ActionDataKey, "kms:Unheard"}, Denied: true},
			{Name: uploader.StepAbort, Message: "not tried: see create"},
		},
	}, destinationTerms(nil, "demo", "test/"))
	return d
}

func TestCheckShowsWhatWasFound(t *testing.T) {
	fake := &fakeOperations{found: someDiagnosis()}
	target := fake.start(t)
	got := run(t, "check", "--target", target, "--bucket", "demo", "--prefix", "test")
	if got.code != exitFailed || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "check.golden", got.stdout)
	fake.wantAsked("check  demo test ")
	got = run(t, "check", "--target", target, "--bucket", "demo", "--prefix", "", "--tenant", "acme", "--role-arn", "AKIAEXAMPLE", "--json")
	if got.code != exitFailed || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "check-json.golden", got.stdout)
	fake.wantAsked("check acme demo  AKIAEXAMPLE")
}

func TestCheckEndsWithACodeThatSaysIt(t *testing.T) {
	fake := &fakeOperations{}
	target := fake.start(t)
	for outcome, want := range map[destinationsv1.CheckOutcome]int{
		destinationsv1.CheckOutcome_CHECK_OUTCOME_WORKS:       exitOK,
		destinationsv1.CheckOutcome_CHECK_OUTCOME_WARNS:       exitWarned,
		destinationsv1.CheckOutcome_CHECK_OUTCOME_FAILS:       exitFailed,
		destinationsv1.CheckOutcome_CHECK_OUTCOME_UNKNOWN:     exitFailed,
		destinationsv1.CheckOutcome_CHECK_OUTCOME_UNSPECIFIED: exitFailed,
		destinationsv1.CheckOutcome(99):                       exitFailed, // of a later version
	} {
		fake.found = &destinationsv1.Diagnosis{Outcome: outcome}
		for _, more := range [][]string{nil, {"--json"}} {
			got := run(t, append([]string{"check", "--target", target, "--bucket", "demo", "--prefix", ""}, more...)...)
			if got.code != want || got.stderr != "" || got.stdout == "" {
				t.Errorf("%v %v: got %+v, want exit code %d", outcome, more, got, want)
			}
		}
	}
	fake.err = endOfStream(t, codes.ResourceExhausted, "RATE_EXCEEDED")
	got := run(t, "check", "--target", target, "--bucket", "demo", "--prefix", "")
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "RATE_EXCEEDED") {
		t.Errorf("got %+v", got)
	}
}

func TestCheckRefusesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--prefix", ""}, "--bucket"},
		{[]string{"--bucket", "demo"}, "--prefix"},
		{[]string{"--bucket", "demo", "--prefix", "", "--role-arn", "111122223333"}, "--role-arn"},
		{[]string{"--bucket", "demo", "--prefix", "", "--timeout", "0s"}, "--timeout"},
	} {
		got := run(t, append([]string{"check", "--target", "127.0.0.1:1"}, tt.args...)...)
		if got.code != exitNothing || got.stdout != "" || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%v: got %+v, want %s named", tt.args, got, tt.want)
		}
	}
}

// TestEveryActionOfACheckHasItsStatement holds the uploader's names of actions against the
// table of policies, and its steps against those of the API.
func TestEveryActionOfACheckHasItsStatement(t *testing.T) {
	terms := destinationTerms(&auth.AWS{RoleARN: "arn:aws:iam::111122223333:role/acme"}, "demo", "test/")
	for _, action := range []string{
		uploader.ActionPutObject, uploader.ActionPutACL, uploader.ActionPutTags, uploader.ActionAbort,
		uploader.ActionList, uploader.ActionGetLocation, uploader.ActionDataKey, uploader.ActionDecrypt,
	} {
		m := missingOf(action, terms)
		if !json.Valid([]byte(m.GetStatement())) || !strings.Contains(m.GetStatement(), action) || !strings.Contains(m.GetStatement(), "role/acme") || m.GetPlace() == destinationsv1.PolicyPlace_POLICY_PLACE_UNSPECIFIED {
			t.Errorf("%s: got %v", action, m)
		}
	}
	if actions := terms.Actions(); len(actions) != 8 {
		t.Errorf("the table has %d actions, and 8 are checked", len(actions))
	}
	seen := map[destinationsv1.CheckStep]bool{destinationsv1.CheckStep_CHECK_STEP_UNSPECIFIED: true}
	for _, name := range []uploader.StepName{
		uploader.StepCredentials, uploader.StepLocation, uploader.StepList, uploader.StepOwner, uploader.StepCreate,
		uploader.StepACL, uploader.StepTags, uploader.StepKMS, uploader.StepAbort,
	} {
		if step := checkStepOf(name); seen[step] {
			t.Errorf("%s is %v", name, step)
		} else {
			seen[step] = true
		}
	}
}

func TestWhoTheServiceWritesAs(t *testing.T) {
	for said, want := range map[string]string{
		"Access Denied": unknownPrincipal,
		"User: arn:aws:sts::111122223333:assumed-role/destinations/i-1 is not authorized": "arn:aws:iam::111122223333:role/destinations",
		"User: arn:aws-cn:iam::111122223333:user/team/writer is not authorized":           "arn:aws-cn:iam::111122223333:user/team/writer",
		`User: arn:aws:sts::111122223333:assumed-role/"/x`:                                unknownPrincipal,
	} {
		d := &uploader.Diagnosis{Steps: []uploader.Step{{Name: uploader.StepCreate, Message: said}}}
		if got := principalIn(d); got != want {
			t.Errorf("%s: got %s, want %s", said, got, want)
		}
	}
}

// TestCheckOfARunningService takes each of the five actions away from the bucket of a
// service, and asks it by the command.
func TestCheckOfARunningService(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	r := start(t, testParams(testConfig(t, t.TempDir()), s3.Config()))
	check := func() (checked, int) {
		t.Helper()
		got := run(t, "check", "--target", r.listener.Addr().String(), "--bucket", "demo", "--prefix", "test", "--role-arn", "AKIAEXAMPLE", "--json")
		var found checked
		if err := json.Unmarshal([]byte(got.stdout), &found); err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
		return found, got.code
	}
	five := []string{uploader.ActionPutObject, uploader.ActionPutACL, uploader.ActionAbort, uploader.ActionList, uploader.ActionGetLocation}
	for i, missing := range five {
		s3.Grant(slices.Delete(slices.Clone(five), i, i+1)...)
		found, code := check()
		var named []string
		for _, step := range found.Steps {
			for _, m := range step.Missing {
				named = append(named, m.Action)
				if m.Place != "bucket" || !strings.Contains(string(m.Statement), "arn:aws:s3:::demo") || !strings.Contains(string(m.Statement), `"AWS":"AKIAEXAMPLE"`) {
					t.Errorf("%s: got the statement %s", missing, m.Statement)
				}
			}
		}
		want := exitWarned
		if i < 2 {
			want = exitFailed
		}
		if !slices.Equal(named, []string{missing}) || code != want {
			t.Errorf("without %s: got %q missing, exit code %d, want %d: %+v", missing, named, code, want, found)
		}
		if left := found.LeftoverKey != ""; left != (missing == uploader.ActionAbort) || left != (len(s3.Uploads()) > 0) {
			t.Errorf("without %s: got left %q, uploads %v", missing, found.LeftoverKey, s3.Uploads())
		}
		s3.AbortUploads()
	}
	s3.Grant(five...)
	if found, code := check(); code != exitOK || found.Outcome != "works" || found.Region != uploadertest.DefaultRegion {
		t.Errorf("got %+v, exit code %d", found, code)
	}
	if len(s3.Objects())+len(s3.Uploads()) != 0 {
		t.Errorf("left behind: %d objects, uploads %v", len(s3.Objects()), s3.Uploads())
	}
}

// TestCheckerHidesWhatAllShare holds that tenants are not told of the service's own
// credentials.
func TestCheckerHidesWhatAllShare(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	s3.OnCall(func(uploadertest.Call) uploadertest.Fault {
		return uploadertest.Answer(403, "InvalidAccessKeyId").Saying("AKIATHESERVICE is not known")
	})
	r := start(t, testParams(testConfig(t, t.TempDir()), s3.Config()))
	var own *auth.AWS
	c := checker{uploader: r.uploader, batcher: r.batcher, log: r.log, awsOf: func(string) *auth.AWS { return own }}
	for _, tt := range []struct {
		own     *auth.AWS
		seesAll bool
		want    bool
	}{
		{nil, false, false}, {nil, true, true}, {&auth.AWS{BucketOwner: "444455556666"}, false, false},
		{&auth.AWS{RoleARN: "arn:aws:iam::111122223333:role/acme"}, false, true},
	} {
		own = tt.own
		d, err := c.Check(t.Context(), server.CheckParams{Tenant: "acme", Bucket: "demo", SeesAll: tt.seesAll})
		if err != nil {
			t.Fatal(err)
		}
		step := d.GetSteps()[0]
		if step.GetCode() != "InvalidAccessKeyId" || strings.Contains(d.String(), "AKIATHESERVICE") != tt.want {
			t.Errorf("%+v: got %v", tt, d)
		}
	}
}

// TestListSaysWhatABlockedDestinationMisses blocks one by its policy, and mends that.
func TestListSaysWhatABlockedDestinationMisses(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	r := start(t, testParams(testConfig(t, t.TempDir()), s3.Config()))
	target := r.listener.Addr().String()
	five := []string{uploader.ActionPutObject, uploader.ActionPutACL, uploader.ActionAbort, uploader.ActionList, uploader.ActionGetLocation}
	s3.Grant(five[1:]...)
	if got := run(t, "send", "--target", target, "--bucket", "demo", "--prefix", "test", writeFile(t, "events", "{}\n")); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	if got := run(t, "flush", "--target", target); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	const want = `missing for bucket demo, prefix "test/": s3:PutObject; see destinations check --bucket "demo" --prefix "test/"`
	eventually(t, "a diagnosis in the list", func() bool {
		return strings.Contains(run(t, "list", "--target", target).stdout, want)
	})
	if got := run(t, "list", "--target", target, "--state", "blocked", "--json").stdout; !strings.Contains(got, `"missing":[{"action":"s3:PutObject","place":"bucket","statement":{"Effect":"Allow"`) {
		t.Errorf("got %s", got)
	}
	s3.Grant(five...)
	run(t, "redrive", "--target", target, "--all")
	eventually(t, "an object", func() bool { return len(s3.Objects()) == 1 })
	eventually(t, "an empty list", func() bool {
		return strings.Contains(run(t, "list", "--target", target).stdout, "no destination has undelivered events")
	})
	if len(s3.Uploads()) != 0 {
		t.Errorf("left behind: %v", s3.Uploads())
	}
}
