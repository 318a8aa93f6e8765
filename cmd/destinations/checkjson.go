package main

import (
	"encoding/json"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// checked is a diagnosis as check --json and list --json print it.
type checked struct {
	Outcome     string        `json:"outcome"`
	CheckedAt   *time.Time    `json:"checked_at,omitempty"`
	Region      string        `json:"region,omitempty"`
	LeftoverKey string        `json:"leftover_key,omitempty"`
	Steps       []checkedStep `json:"steps"`
}

// checkedStep is a step of it.
type checkedStep struct {
	Step      string          `json:"step"`
	Outcome   string          `json:"outcome"`
	Code      string          `json:"code,omitempty"`
	Message   string          `json:"message,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Denied    bool            `json:"denied,omitempty"`
	Missing   []missingAction `json:"missing,omitempty"`
}

// missingAction is an action that a step misses.
type missingAction struct {
	Action    string          `json:"action"`
	Place     string          `json:"place,omitempty"` // bucket or key
	Statement json.RawMessage `json:"statement,omitempty"`
}

const policyPlacePrefix = "POLICY_PLACE_"

func checkedOf(d *destinationsv1.Diagnosis) *checked {
	if d == nil {
		return nil
	}
	of := &checked{
		Outcome: checkName(checkOutcomePrefix, d.GetOutcome().String()), CheckedAt: timeOf(d.GetCheckedAt()),
		Region: d.GetRegion(), LeftoverKey: d.GetLeftoverKey(), Steps: []checkedStep{},
	}
	for _, s := range d.GetSteps() {
		step := checkedStep{
			Step: checkName(checkStepPrefix, s.GetStep().String()), Outcome: checkName(checkOutcomePrefix, s.GetOutcome().String()),
			Code: s.GetCode(), Message: s.GetMessage(), RequestID: s.GetRequestId(), Denied: s.GetDenied(),
		}
		for _, m := range s.GetMissing() {
			step.Missing = append(step.Missing, missingActionOf(m))
		}
		of.Steps = append(of.Steps, step)
	}
	return of
}

func missingActionOf(m *destinationsv1.MissingAction) missingAction {
	of := missingAction{Action: m.GetAction()}
	if json.Valid([]byte(m.GetStatement())) {
		of.Statement = json.RawMessage(m.GetStatement())
	}
	if m.GetPlace() != destinationsv1.PolicyPlace_POLICY_PLACE_UNSPECIFIED {
		of.Place = checkName(policyPlacePrefix, m.GetPlace().String())
	}
	return of
}
