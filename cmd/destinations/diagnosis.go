package main

import (
	"cmp"
	"regexp"
	"strings"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader"
)

// unknownPrincipal stands in a statement for whoever the service writes as, if that is not
// known. AWS takes no policy with it.
const unknownPrincipal = "ARN-OF-THE-ROLE-THAT-THE-SERVICE-WRITES-WITH"

// destinationTerms are terms for what stands under one prefix of a bucket, with everything
// switched on, so that there is a statement for each action. Without a role of the
// tenant's own they have no principal.
func destinationTerms(of *auth.AWS, bucket, prefix string) policy.Terms {
	terms := policy.Terms{Bucket: bucket, Tags: true}
	if of != nil {
		terms.Principal, terms.KMSKey = of.RoleARN, of.KMSKey
	}
	if prefix != "" {
		terms.Prefixes = []string{prefix}
	}
	// Of a key that the bucket has chosen the name is not known, and is not needed: in
	// its own policy it is "*".
	terms.KMSKey = cmp.Or(terms.KMSKey, "unknown")
	return terms
}

// diagnosisOf is a diagnosis as the API says it, with a statement for each missing action.
func diagnosisOf(d *uploader.Diagnosis, terms policy.Terms) *destinationsv1.Diagnosis {
	if terms.Principal == "" {
		terms.Principal = principalIn(d)
	}
	of := &destinationsv1.Diagnosis{Outcome: checkOutcomeOf(d.Outcome()), CheckedAt: stampOf(d.At), Region: d.Region}
	if d.Leftover {
		of.LeftoverKey = d.Key
	}
	for _, s := range d.Steps {
		step := &destinationsv1.DiagnosisStep{
			Step: checkStepOf(s.Name), Outcome: checkOutcomeOf(s.Outcome), Code: s.Code,
			Message: strings.ToValidUTF8(s.Message, "\uFFFD"), RequestId: strings.ToValidUTF8(s.RequestID, "\uFFFD"), Denied: s.Denied,
		}
		for _, action := range s.Missing {
			step.Missing = append(step.Missing, missingOf(action, terms))
		}
		of.Steps = append(of.Steps, step)
	}
	return of
}

// missingOf is an action that has to be granted.
func missingOf(action string, terms policy.Terms) *destinationsv1.MissingAction {
	missing := &destinationsv1.MissingAction{Action: action}
	statement, on, ok := terms.Allowing(action)
	if !ok {
		return missing
	}
	text, err := statement.JSON()
	if err != nil {
		panic("destinations: invariant: a statement can be written as JSON: " + err.Error())
	}
	missing.Statement = strings.TrimSpace(string(text))
	missing.Place = destinationsv1.PolicyPlace_POLICY_PLACE_BUCKET
	if on == policy.OnKey {
		missing.Place = destinationsv1.PolicyPlace_POLICY_PLACE_KEY
	}
	return missing
}

// namedUser finds who it is that AWS refuses something.
var namedUser = regexp.MustCompile(`User: arn:(aws|aws-cn|aws-us-gov):(?:sts::([0-9]{12}):assumed-role/([\w+=,.@-]+)/|iam::([0-9]{12}):(user/[\w+=,.@/-]+))`)

// principalIn is who the service writes as, as far as AWS has said it: of a role without its
// path, which AWS leaves out.
func principalIn(d *uploader.Diagnosis) string {
	for _, s := range d.Steps {
		switch m := namedUser.FindStringSubmatch(s.Message); {
		case m == nil || s.Name == uploader.StepCredentials: // that may be somebody before the role was assumed
		case m[3] != "":
			return "arn:" + m[1] + ":iam::" + m[2] + ":role/" + m[3]
		default:
			return "arn:" + m[1] + ":iam::" + m[4] + ":" + m[5]
		}
	}
	return unknownPrincipal
}

func checkOutcomeOf(o uploader.Outcome) destinationsv1.CheckOutcome {
	switch o {
	case uploader.OutcomeWorks:
		return destinationsv1.CheckOutcome_CHECK_OUTCOME_WORKS
	case uploader.OutcomeWarns:
		return destinationsv1.CheckOutcome_CHECK_OUTCOME_WARNS
	case uploader.OutcomeFails:
		return destinationsv1.CheckOutcome_CHECK_OUTCOME_FAILS
	}
	return destinationsv1.CheckOutcome_CHECK_OUTCOME_UNKNOWN
}

// checkStepOf is a step of the API; it has one for each of the uploader's, under its name.
func checkStepOf(name uploader.StepName) destinationsv1.CheckStep {
	return destinationsv1.CheckStep(destinationsv1.CheckStep_value[checkStepPrefix+strings.ToUpper(string(name))])
}

const (
	checkStepPrefix    = "CHECK_STEP_"
	checkOutcomePrefix = "CHECK_OUTCOME_"
)

// checkName is a step or an outcome in words; a later version's by its number.
func checkName(prefix, value string) string {
	return strings.ToLower(strings.TrimPrefix(value, prefix))
}
