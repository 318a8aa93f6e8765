package policy_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/open-destinations/destinations/policy"
)

// Each document that the terms of a case have, and all that belong to the bucket's owner in
// the two other languages. That Terraform's parser reads them and takes them for the same
// documents is shown in hcl/.
func TestDocuments(t *testing.T) {
	for name, terms := range cases() {
		if err := terms.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kinds := terms.Kinds()
		if name == "plain" || name == "all" || name == "user" {
			kinds = append(kinds, policy.OfRole)
		}
		if name == "all" {
			kinds = append(kinds, policy.OfService)
		}
		for _, kind := range kinds {
			text, err := terms.JSON(kind)
			if err != nil || !json.Valid(text) {
				t.Errorf("%s, %s: got %v, %s", name, kind, err, text)
			}
			golden(t, name+"."+string(kind)+".json", text)
		}
		text, err := terms.Terraform(kinds)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		golden(t, name+".tf", text)
		if name == "access-key" {
			continue // of which CloudFormation knows nothing
		}
		if text, err = terms.CloudFormation(kinds); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		golden(t, name+".yaml", text)
		checkTemplate(t, name, terms, text)
	}
}

// checkTemplate parses a template, and compares each document in it with the JSON one.
func checkTemplate(t *testing.T, name string, terms policy.Terms, text []byte) {
	t.Helper()
	var template struct {
		Format    string `yaml:"AWSTemplateFormatVersion"`
		Resources map[string]struct {
			Type       string         `yaml:"Type"`
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
		Outputs map[string]struct {
			Value string `yaml:"Value"`
		} `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil || template.Format != "2010-09-09" {
		t.Fatalf("%s: got format %q, %v", name, template.Format, err)
	}
	kindOf := map[string]policy.Kind{
		"AWS::S3::BucketPolicy": policy.OfBucket, "AWS::IAM::Role": policy.OfTrust,
		"AWS::IAM::RolePolicy": policy.OfRole, "AWS::IAM::UserPolicy": policy.OfRole,
	}
	for resource, one := range template.Resources {
		kind := kindOf[one.Type]
		if resource == "DestinationsServicePolicy" {
			kind = policy.OfService
		}
		document, ok := one.Properties["PolicyDocument"]
		if kind == policy.OfTrust {
			document, ok = one.Properties["AssumeRolePolicyDocument"]
		}
		got, err := json.Marshal(document)
		if err != nil || !ok {
			t.Errorf("%s, %s: got %v, %v", name, resource, document, err)
		}
		checkSame(t, name+", "+resource, got, terms, kind)
	}
	if output, ok := template.Outputs["KeyPolicyStatement"]; ok {
		checkSame(t, name+", key", []byte(output.Value), terms, policy.OfKey)
	} else if terms.KMSKey != "" {
		t.Errorf("%s: nothing of the key", name)
	}
}

// checkSame compares a document as JSON with that of the terms.
func checkSame(t *testing.T, what string, got []byte, terms policy.Terms, kind policy.Kind) {
	t.Helper()
	want, err := terms.JSON(kind)
	var gotValue, wantValue any
	if err := errors.Join(err, json.Unmarshal(got, &gotValue), json.Unmarshal(want, &wantValue)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(gotValue, wantValue) {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// What a kind of document needs is said, and by which flag.
func TestDocumentsThatTermsDoNotHave(t *testing.T) {
	plain := cases()["plain"]
	for kind, want := range map[policy.Kind]string{
		policy.OfTrust: "--assumed-by", policy.OfService: "--assumed-by", policy.OfKey: "--kms-key", "x": "unknown",
	} {
		for _, print := range []func() ([]byte, error){
			func() ([]byte, error) { return plain.JSON(kind) },
			func() ([]byte, error) { return plain.Terraform([]policy.Kind{kind}) },
			func() ([]byte, error) { return plain.CloudFormation([]policy.Kind{kind}) },
		} {
			if text, err := print(); err == nil || !strings.Contains(err.Error(), want) || text != nil {
				t.Errorf("%s: got %q, %v; want %q", kind, text, err, want)
			}
		}
	}
	if _, err := cases()["access-key"].JSON(policy.OfRole); err == nil {
		t.Error("an access key has a policy of its own")
	}
	if _, err := cases()["access-key"].CloudFormation([]policy.Kind{policy.OfBucket}); err == nil {
		t.Error("a template for an access key")
	}
	if _, err := cases()["kms-key"].CloudFormation([]policy.Kind{policy.OfKey}); err == nil {
		t.Error("a template without resources")
	}
}
