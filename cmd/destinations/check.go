package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/policy"
)

// checkCmd has the service find out what it can do at a destination.
type checkCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket  string        `required:"" placeholder:"BUCKET" help:"The destination's bucket."`
	Prefix  *string       `required:"" placeholder:"PREFIX" help:"The destination's prefix (\"\": none)."`
	RoleArn string        `placeholder:"ARN" help:"Who is to be granted what is missing, as of policy; without it, the tenant's role, or whom AWS names, or else a placeholder."`
	JSON    bool          `name:"json" help:"Print what was found as one JSON value."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*checkCmd) Help() string {
	return `The service tries there what it does to deliver, but stores no object: it asks for credentials and for the bucket's region, looks at who owns the bucket, lists multipart uploads, and begins and aborts one under the prefix, with all that objects are stored with (ACL, tags, KMS key). Whether something was ever sent there does not matter. Of each step it says AWS's code and message, and of what is refused which action is missing, and the statement that grants it.

works: S3 has done it. warns: it is refused, and objects are delivered all the same: without "location" the region is found otherwise, without "list" and "abort" the parts of uploads that failed stay in the bucket. fails: no object is delivered. unknown: not tried because of another step, or the answer does not tell.

The exit code is 0 if all of it works, 5 if objects are delivered and a step warns, 1 if a step fails or is unknown, or the service has not answered, and 2 if the command can't be understood.

A statement is for a bucket's policy, or for that of the KMS key. "denied" under MESSAGE: some policy forbids it in so many words, and to allow it is not enough.`
}

// Validate refuses what no service would check.
func (c *checkCmd) Validate() error {
	problems := []error{checkTimeout(c.Timeout)}
	if c.RoleArn != "" {
		if err := policy.CheckPrincipal(c.RoleArn); err != nil {
			problems = append(problems, fmt.Errorf("--role-arn: %w", err))
		}
	}
	return errors.Join(problems...)
}

// Run checks and prints what was found.
func (c *checkCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	response, err := destinationsv1.NewOperationsClient(conn).CheckDestination(ctx, &destinationsv1.CheckDestinationRequest{
		Tenant: c.Tenant, Bucket: c.Bucket, Prefix: *c.Prefix, RoleArn: c.RoleArn,
	})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	d := response.GetDiagnosis()
	if c.JSON {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(checkedOf(d))
	} else {
		err = printDiagnosis(p.stdout, d)
	}
	if err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	switch d.GetOutcome() {
	case destinationsv1.CheckOutcome_CHECK_OUTCOME_WORKS:
		return nil
	case destinationsv1.CheckOutcome_CHECK_OUTCOME_WARNS:
		return &exitError{code: exitWarned}
	}
	return &exitError{code: exitFailed}
}

// printDiagnosis prints a diagnosis for people.
func printDiagnosis(w io.Writer, d *destinationsv1.Diagnosis) error {
	steps := table{header: []string{"STEP", "OUTCOME", "CODE", "MISSING", "MESSAGE"}}
	for _, s := range d.GetSteps() {
		message := s.GetMessage()
		if s.GetDenied() {
			message = "denied: " + message
		}
		steps.add(checkName(checkStepPrefix, s.GetStep().String()), checkName(checkOutcomePrefix, s.GetOutcome().String()),
			s.GetCode(), missingNames(s), message)
	}
	if err := steps.print(w); err != nil {
		return err
	}
	for _, s := range d.GetSteps() {
		for _, missing := range s.GetMissing() {
			fmt.Fprintf(w, "\n%s\n", toAdd(missing)) // an error is that of what follows, too
		}
	}
	if key := d.GetLeftoverKey(); key != "" {
		fmt.Fprintf(w, "\nA multipart upload without parts may have been left behind under %s; it is aborted once that is allowed.\n", plain(key))
	}
	_, err := fmt.Fprintf(w, "\n%s\n", summaryOf(d))
	return err
}

// toAdd says where a missing action is granted, and how.
func toAdd(m *destinationsv1.MissingAction) string {
	where := map[destinationsv1.PolicyPlace]string{
		destinationsv1.PolicyPlace_POLICY_PLACE_BUCKET: "the bucket's policy",
		destinationsv1.PolicyPlace_POLICY_PLACE_KEY:    "the policy of the KMS key",
	}[m.GetPlace()]
	if where == "" || m.GetStatement() == "" {
		return fmt.Sprintf("%s is missing.", plain(m.GetAction()))
	}
	return fmt.Sprintf("%s is missing. Add to %s:\n%s", plain(m.GetAction()), where, m.GetStatement())
}

// summaryOf says in a line what a diagnosis means.
func summaryOf(d *destinationsv1.Diagnosis) string {
	switch d.GetOutcome() {
	case destinationsv1.CheckOutcome_CHECK_OUTCOME_WORKS:
		return "everything works"
	case destinationsv1.CheckOutcome_CHECK_OUTCOME_WARNS:
		return "objects are delivered; something else is refused"
	case destinationsv1.CheckOutcome_CHECK_OUTCOME_FAILS:
		return "no object is delivered"
	}
	return "whether objects are delivered is not known"
}

// missingNames are the names of what a step misses.
func missingNames(s *destinationsv1.DiagnosisStep) (names string) {
	for i, m := range s.GetMissing() {
		if i > 0 {
			names += " "
		}
		names += m.GetAction()
	}
	return names
}

// missingOfAll are the actions that the steps of a diagnosis miss.
func missingOfAll(d *destinationsv1.Diagnosis) (actions []string) {
	for _, s := range d.GetSteps() {
		for _, m := range s.GetMissing() {
			if !slices.Contains(actions, m.GetAction()) {
				actions = append(actions, m.GetAction())
			}
		}
	}
	return actions
}
