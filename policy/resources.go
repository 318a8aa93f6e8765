package policy

import (
	"slices"
	"strings"
)

func (t Terms) principal() map[string]string { return map[string]string{"AWS": t.Principal} }

// partition is that of the principal, which was checked.
func (t Terms) partition() string {
	partition, err := partitionOf(t.Principal)
	if err != nil {
		return "aws"
	}
	return partition
}

// resources are the ARNs of what an action is allowed on.
func (t Terms) resources(on Place) []string {
	switch on {
	case OnBucket:
		return []string{t.bucketARN()}
	case OnKey:
		return []string{"*"} // in its own policy a key is the only resource there is
	}
	return t.objectARNs()
}

// everything is the bucket and what the terms reach in it.
func (t Terms) everything() []string {
	return slices.Concat(t.resources(OnBucket), t.resources(OnObjects))
}

func (t Terms) bucketARN() string { return "arn:" + t.partition() + ":s3:::" + t.Bucket }

func (t Terms) objectARNs() []string {
	if len(t.Prefixes) == 0 {
		return []string{t.bucketARN() + "/*"}
	}
	var arns []string
	for _, prefix := range t.Prefixes {
		arns = append(arns, t.bucketARN()+"/"+literally.Replace(prefix)+"*")
	}
	return arns
}

// literally writes what an ARN in a policy would not take as it stands:
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars.
var literally = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// whole is the bucket with all that is in it.
func (t Terms) whole() []string { return []string{t.bucketARN(), t.bucketARN() + "/*"} }
