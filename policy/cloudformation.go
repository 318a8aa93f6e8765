package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// CloudFormation is the documents of some kinds as a template, in YAML. A key's policy can't
// be added to by a template: its statement is an output.
func (t Terms) CloudFormation(kinds []Kind) ([]byte, error) {
	if name, _ := nameOf(t.Principal); name == "" {
		return nil, fmt.Errorf("--format cloudformation: is of AWS alone, and --role-arn is %q", t.Principal)
	}
	template := cloudFormation{Format: "2010-09-09", Description: "Lets Destinations deliver into the bucket " + t.Bucket + "."}
	roleBefore := ""
	for _, kind := range kinds {
		document, err := t.Document(kind)
		if err != nil {
			return nil, err
		}
		if kind == OfKey {
			if template.Outputs, err = t.keyOutput(document); err != nil {
				return nil, err
			}
			continue
		}
		name, resource := t.cloudResource(kind, document)
		if kind == OfTrust {
			roleBefore = name
		} else if kind == OfBucket {
			resource.DependsOn = roleBefore // a bucket's policy can't name a role that does not exist
		}
		template.Resources = append(template.Resources, named{name, resource})
	}
	if len(template.Resources) == 0 {
		return nil, errors.New("--document key: a template can't add to a key's policy")
	}
	return template.yaml()
}

// cloudFormation is a template.
type cloudFormation struct {
	Format      string `json:"AWSTemplateFormatVersion"`
	Description string
	Resources   resources
	Outputs     map[string]output `json:",omitempty"`
}

type output struct {
	Description string
	Value       string
}

// named is a resource with its name.
type named struct {
	name     string
	resource cloudResource
}

// resources are written as one object, in their order.
type resources []named

// MarshalJSON implements [json.Marshaler].
func (r resources) MarshalJSON() ([]byte, error) {
	text := []byte("{")
	for i, one := range r {
		if i > 0 {
			text = append(text, ',')
		}
		resource, err := json.Marshal(one.resource)
		if err != nil {
			return nil, err
		}
		text = fmt.Appendf(text, "%q:%s", one.name, resource)
	}
	return append(text, '}'), nil
}

// cloudResource is a resource. Properties that a type does not have are empty.
type cloudResource struct {
	Type       string
	DependsOn  string `json:",omitempty"`
	Properties struct {
		RoleName                 string    `json:",omitempty"`
		UserName                 string    `json:",omitempty"`
		Path                     string    `json:",omitempty"`
		PolicyName               string    `json:",omitempty"`
		AssumeRolePolicyDocument *Document `json:",omitempty"`
		Bucket                   string    `json:",omitempty"`
		PolicyDocument           *Document `json:",omitempty"`
	}
}

func (t Terms) cloudResource(kind Kind, d Document) (name string, r cloudResource) {
	p := &r.Properties
	switch kind {
	case OfTrust:
		r.Type = "AWS::IAM::Role"
		p.RoleName, p.Path = nameOf(t.Principal)
		p.AssumeRolePolicyDocument = &d
		return "DestinationsRole", r
	case OfBucket:
		r.Type = "AWS::S3::BucketPolicy"
		p.Bucket, p.PolicyDocument = t.Bucket, &d
		return "DestinationsBucketPolicy", r
	}
	principal, name := t.Principal, "DestinationsRolePolicy"
	if kind == OfService {
		principal, name = t.AssumedBy, "DestinationsServicePolicy"
	}
	p.PolicyName, p.PolicyDocument = "destinations", &d
	if isRole(principal) {
		r.Type = "AWS::IAM::RolePolicy"
		p.RoleName, _ = nameOf(principal)
	} else {
		r.Type = "AWS::IAM::UserPolicy"
		p.UserName, _ = nameOf(principal)
	}
	return name, r
}

func (t Terms) keyOutput(d Document) (map[string]output, error) {
	statement, err := json.Marshal(d.Statement[0])
	if err != nil {
		return nil, err
	}
	return map[string]output{"KeyPolicyStatement": {
		Description: "To be added to the policy of " + t.KMSKey + ", which a template can't do.",
		Value:       string(statement),
	}}, nil
}

// yaml writes the template in YAML, in the order of its fields, which are JSON's.
func (c cloudFormation) yaml() ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	inBlocks(&root)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&root), encoder.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// inBlocks takes JSON's brackets and quotes off all that does not need them.
func inBlocks(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		inBlocks(child)
	}
}
