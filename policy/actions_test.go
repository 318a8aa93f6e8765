package policy_test

import (
	"slices"
	"testing"

	"github.com/open-destinations/destinations/policy"
)

// The five of the seed's policy are all that is needed with nothing switched on, and each
// thing that is brings its own and no other.
func TestActionsAreExactlyThoseOfWhatIsOn(t *testing.T) {
	five := []string{
		policy.AbortMultipartUpload, policy.GetBucketLocation, policy.PutObject, policy.PutObjectACL, policy.ListBucketMultipartUploads,
	}
	for name, test := range map[string]struct {
		terms policy.Terms
		want  []string
	}{
		"nothing":    {policy.Terms{}, five},
		"no ACL":     {policy.Terms{NoACL: true}, slices.Delete(slices.Clone(five), 3, 4)},
		"tags":       {policy.Terms{Tags: true}, append(slices.Clone(five), "s3:PutObjectTagging")},
		"KMS":        {policy.Terms{KMSKey: key}, append(slices.Clone(five), "kms:GenerateDataKey", "kms:Decrypt")},
		"everything": {policy.Terms{Tags: true, KMSKey: key}, append(slices.Clone(five), "s3:PutObjectTagging", "kms:GenerateDataKey", "kms:Decrypt")},
	} {
		var got []string
		for _, action := range test.terms.Actions() {
			got = append(got, action.Name)
			if action.For == "" {
				t.Errorf("%s: nothing says what %s is for", name, action.Name)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// Each statement of one action says where it belongs, and all of them together allow what
// the documents do.
func TestAllowing(t *testing.T) {
	terms := policy.Terms{
		Bucket: "demo", Prefixes: []string{"a/"}, Principal: role, Tags: true,
		KMSKey: key,
	}
	resource := map[policy.Place]string{
		policy.OnBucket: "arn:aws:s3:::demo", policy.OnObjects: "arn:aws:s3:::demo/a/*", policy.OnKey: "*",
	}
	for _, action := range terms.Actions() {
		got, on, ok := terms.Allowing(action.Name)
		if !ok || on != action.On || got.Effect != "Allow" || got.Principal["AWS"] != role ||
			!slices.Equal(got.Action, []string{action.Name}) || !slices.Equal(got.Resource, []string{resource[on]}) {
			t.Errorf("%s: got %+v on %v, %v", action.Name, got, on, ok)
		}
		if via := got.Condition["StringEquals"]["kms:ViaService"]; on == policy.OnKey && !slices.Equal(via, []string{"s3.eu-west-1.amazonaws.com"}) {
			t.Errorf("%s: got through %q", action.Name, via)
		}
	}
	for _, never := range []string{"s3:GetObject", "s3:DeleteObject", "kms:CreateKey", ""} {
		if got, _, ok := terms.Allowing(never); ok {
			t.Errorf("%s: got %+v", never, got)
		}
	}
	if _, _, ok := (policy.Terms{Principal: role}).Allowing(policy.PutObjectTagging); ok {
		t.Error("a tag is allowed that is not on")
	}
}
