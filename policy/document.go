package policy

import (
	"bytes"
	"encoding/json"
)

// Document is a policy. Its fields, and those of what is in it, stand in the order in which
// AWS's own examples write them: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html.
type Document struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []Statement
}

// version is that of the policy language, the newest there is.
const version = "2012-10-17"

// Statement is one sentence of a policy.
type Statement struct {
	Sid       string `json:",omitempty"` // letters and digits
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string  `json:",omitempty"`
	Condition Condition `json:",omitempty"`
}

// What a statement does.
const (
	allow = "Allow"
	deny  = "Deny"
)

// Condition says when a statement counts: when all of it is true. By operator and key.
type Condition map[string]map[string]Values

// Values are what the key of a condition is compared with. One is written as itself.
type Values []string

// MarshalJSON implements [json.Marshaler].
func (v Values) MarshalJSON() ([]byte, error) {
	if len(v) == 1 {
		return json.Marshal(v[0])
	}
	return json.Marshal([]string(v))
}

// JSON is the document as AWS takes it, indented, with a line end.
func (d Document) JSON() ([]byte, error) { return indented(d) }

// JSON is the statement as it stands in a document, indented, with a line end.
func (s Statement) JSON() ([]byte, error) { return indented(s) }

func indented(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(v)
	return text.Bytes(), err
}
