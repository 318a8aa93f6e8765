package policy

import (
	"errors"
	"fmt"
)

// Kind is what a document is the policy of.
type Kind string

// The documents that AWS may have to be told.
const (
	OfBucket  Kind = "bucket"  // the bucket's policy
	OfTrust   Kind = "trust"   // who may assume the role that writes
	OfKey     Kind = "key"     // a statement for the KMS key's policy
	OfRole    Kind = "role"    // what the role that writes may, where the bucket is in another account
	OfService Kind = "service" // what the service's own role may, where it assumes the one that writes
)

// Kinds are those that belong to whose bucket it is, in the order in which they have to be
// there: a bucket's policy can't name a role that does not exist.
func (t Terms) Kinds() []Kind {
	var kinds []Kind
	if t.AssumedBy != "" {
		kinds = append(kinds, OfTrust)
	}
	kinds = append(kinds, OfBucket)
	if t.KMSKey != "" {
		kinds = append(kinds, OfKey)
	}
	return kinds
}

// Document is the document of a kind. What is of [OfKey] is one statement, for a policy that
// is there already. The error says what the terms lack for it.
func (t Terms) Document(kind Kind) (Document, error) {
	switch kind {
	case OfBucket:
		return t.ofBucket(), nil
	case OfTrust, OfService:
		if t.AssumedBy == "" {
			return Document{}, fmt.Errorf("--document %s: needs --assumed-by, the role that assumes the one of --role-arn", kind)
		}
		if kind == OfTrust {
			return t.ofTrust(), nil
		}
		return t.ofService(), nil
	case OfKey:
		if t.KMSKey == "" {
			return Document{}, errors.New("--document key: needs --kms-key")
		}
		return t.ofKey(), nil
	case OfRole:
		if name, _ := nameOf(t.Principal); name == "" {
			return Document{}, fmt.Errorf("--document role: --role-arn is %q, which has no policy of its own", t.Principal)
		}
		return t.ofRole(), nil
	}
	return Document{}, fmt.Errorf("--document %s: unknown", kind)
}

// JSON is the document of a kind as AWS takes it, indented, with a line end.
func (t Terms) JSON(kind Kind) ([]byte, error) {
	document, err := t.Document(kind)
	if err != nil {
		return nil, err
	}
	if kind == OfKey {
		return document.Statement[0].JSON()
	}
	return document.JSON()
}
