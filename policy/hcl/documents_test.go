package hcl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// module is what the golden files of the package policy hold.
type module struct {
	Documents []document `hcl:"data,block"`
	Resources []resource `hcl:"resource,block"`
}

// document is the data source aws_iam_policy_document, as far as it is used:
// registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document.
type document struct {
	Type       string      `hcl:"type,label"`
	Name       string      `hcl:"name,label"`
	ID         string      `hcl:"policy_id,optional"`
	Statements []statement `hcl:"statement,block"`
}

type statement struct {
	Sid        string      `hcl:"sid,optional"`
	Effect     string      `hcl:"effect"`
	Actions    []string    `hcl:"actions"`
	Resources  []string    `hcl:"resources,optional"`
	Principals []principal `hcl:"principals,block"`
	Conditions []condition `hcl:"condition,block"`
}

type principal struct {
	Type        string   `hcl:"type"`
	Identifiers []string `hcl:"identifiers"`
}

type condition struct {
	Test     string   `hcl:"test"`
	Variable string   `hcl:"variable"`
	Values   []string `hcl:"values"`
}

type resource struct {
	Type string   `hcl:"type,label"`
	Name string   `hcl:"name,label"`
	Rest hcl.Body `hcl:",remain"`
}

// attributes are those that each type of resource needs, and the policy among them.
var attributes = map[string][]string{
	"aws_s3_bucket_policy": {"policy", "bucket"},
	"aws_iam_role":         {"assume_role_policy", "name", "path"},
	"aws_iam_role_policy":  {"policy", "name", "role"},
	"aws_iam_user_policy":  {"policy", "name", "user"},
}

// Every golden file is HCL as its own formatter leaves it, and each document in it is the
// one that the JSON golden file of its kind holds.
func TestTerraformReadsTheDocuments(t *testing.T) {
	const folder = "../testdata"
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(files) < 10 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if formatted := hclwrite.Format(text); string(formatted) != string(text) {
			t.Errorf("%s: not formatted: want\n%s", file, formatted)
		}
		parsed, problems := hclparse.NewParser().ParseHCL(text, file)
		if problems.HasErrors() {
			t.Errorf("%s: %v", file, problems)
			continue
		}
		var m module
		if problems := gohcl.DecodeBody(parsed.Body, nil, &m); problems.HasErrors() {
			t.Errorf("%s: %v", file, problems)
			continue
		}
		kinds, err := filepath.Glob(strings.TrimSuffix(file, ".tf") + ".*.json")
		if err != nil || len(kinds) != len(m.Documents) {
			t.Errorf("%s: got %d documents, want those of %v", file, len(m.Documents), kinds)
		}
		attached := checkResources(t, file, m.Resources)
		for _, d := range m.Documents {
			kind := strings.Split(d.Name, "_")[1]
			if !attached[d.Name] && kind != "key" {
				t.Errorf("%s: document %s is of nothing", file, d.Name)
			}
			checkDocument(t, d, strings.TrimSuffix(file, ".tf")+"."+kind+".json")
		}
	}
}

// checkResources returns the names of the documents that the resources take.
func checkResources(t *testing.T, file string, resources []resource) map[string]bool {
	t.Helper()
	attached := map[string]bool{}
	for _, r := range resources {
		have, problems := r.Rest.JustAttributes()
		want := attributes[r.Type]
		if problems.HasErrors() || want == nil {
			t.Errorf("%s: %s: %v", file, r.Type, problems)
			continue
		}
		for _, name := range want {
			if have[name] == nil {
				t.Errorf("%s: %s has no %s", file, r.Type, name)
				return attached
			}
		}
		for _, of := range have[want[0]].Expr.Variables() {
			if of.RootName() == "data" && len(of) == 4 {
				attached[of[2].(hcl.TraverseAttr).Name] = true
			}
		}
	}
	return attached
}

// checkDocument compares a data source with a JSON document, or its one statement.
func checkDocument(t *testing.T, d document, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	var want map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	if d.Type != "aws_iam_policy_document" {
		t.Errorf("%s: got a %s", file, d.Type)
	}
	got := asJSON(t, d)
	if _, whole := want["Statement"]; !whole {
		got = got["Statement"].([]any)[0].(map[string]any)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", file, got, want)
	}
}

// asJSON is what the data source gives as its json, read back.
func asJSON(t *testing.T, d document) map[string]any {
	t.Helper()
	var statements []map[string]any
	for _, s := range d.Statements {
		one := map[string]any{"Effect": s.Effect, "Action": s.Actions}
		if s.Sid != "" {
			one["Sid"] = s.Sid
		}
		if s.Resources != nil {
			one["Resource"] = s.Resources
		}
		for _, p := range s.Principals {
			one["Principal"] = map[string]any{p.Type: p.Identifiers[0]}
		}
		conditions := map[string]map[string]any{}
		for _, c := range s.Conditions {
			if conditions[c.Test] == nil {
				conditions[c.Test] = map[string]any{}
			}
			if conditions[c.Test][c.Variable] = c.Values; len(c.Values) == 1 {
				conditions[c.Test][c.Variable] = c.Values[0]
			}
		}
		if len(conditions) > 0 {
			one["Condition"] = conditions
		}
		statements = append(statements, one)
	}
	whole := map[string]any{"Version": "2012-10-17", "Statement": statements} // its default
	if d.ID != "" {
		whole["Id"] = d.ID
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}
