package policy

import (
	"net/netip"
	"slices"
)

// ofBucket is the bucket's policy. Its first statement allows what [Terms.Actions] lists:
// objects can be written for their owner to read, multipart uploads can be made, found and
// aborted, and the bucket's region can be asked for. Nothing can be read, listed, deleted.
//
// Each condition is a statement of its own that denies what does not meet it, so that it
// holds whatever else allows the principal something. All of them name the principal: who
// else writes into the bucket is not concerned.
func (t Terms) ofBucket() Document {
	statements := []Statement{{
		Effect:    allow,
		Principal: t.principal(),
		Action:    t.named(OnBucket, OnObjects),
		Resource:  t.everything(),
	}}
	if len(t.Sources) > 0 {
		statements = append(statements, t.onlyFrom())
	}
	if t.TLS {
		statements = append(statements, t.onlyEncrypted())
	}
	if t.Tenant != "" {
		statements = append(statements, t.onlyForTenant())
	}
	if t.ConditionalWrites {
		statements = append(statements, t.onlyCreating())
	}
	return Document{Version: version, ID: "allow-destinations-limited-access", Statement: statements}
}

// denying is the statement that denies the principal actions on some condition.
func (t Terms) denying(sid string, resources []string, when Condition, actions ...string) Statement {
	return Statement{
		Sid: sid, Effect: deny, Principal: t.principal(), Action: actions, Resource: resources, Condition: when,
	}
}

// onlyFrom is docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-IP.
// A request through a VPC's endpoint has no aws:SourceIp, and is denied, too.
func (t Terms) onlyFrom() Statement {
	sources := slices.Clone(t.Sources)
	slices.SortFunc(sources, netip.Prefix.Compare)
	var from Values
	for _, source := range slices.Compact(sources) {
		from = append(from, source.String())
	}
	when := Condition{"NotIpAddress": {"aws:SourceIp": from}}
	return t.denying("DestinationsOnlyFromItsAddresses", t.whole(), when, "s3:*")
}

// onlyEncrypted is docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS.
func (t Terms) onlyEncrypted() Statement {
	return t.denying("DestinationsOnlyEncrypted", t.whole(), Condition{"Bool": {"aws:SecureTransport": {"false"}}}, "s3:*")
}

// onlyForTenant is docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principaltag.
// A session without the tag is denied, too. Where there are prefixes it leaves the bucket
// itself alone, since another tenant's prefixes may be in it.
func (t Terms) onlyForTenant() Statement {
	resources := t.everything()
	if len(t.Prefixes) > 0 {
		resources = t.resources(OnObjects)
	}
	when := Condition{"StringNotEquals": {"aws:PrincipalTag/" + TenantTag: {t.Tenant}}}
	return t.denying("DestinationsOnlyForTenant", resources, when, "s3:*")
}

// onlyCreating is docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html:
// s3:PutObject is also what CreateMultipartUpload and UploadPart need, which have no
// If-None-Match; only of PutObject and CompleteMultipartUpload, which create the object,
// s3:ObjectCreationOperation is true.
func (t Terms) onlyCreating() Statement {
	when := Condition{
		"Null": {"s3:if-none-match": {"true"}},
		"Bool": {"s3:ObjectCreationOperation": {"true"}},
	}
	return t.denying("DestinationsOnlyCreates", t.resources(OnObjects), when, PutObject)
}
