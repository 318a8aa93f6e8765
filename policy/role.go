package policy

// TenantTag is the session tag that says for which tenant a role was assumed.
const TenantTag = "tenant"

// Actions of STS: docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html.
const (
	assumeRole = "sts:AssumeRole"
	tagSession = "sts:TagSession"
)

// ofTrust is the trust policy of the principal: who may assume it, and what he has to say
// then. The external id is a condition of this, since a bucket never sees it. That tags are
// given to the session is an action of its own, which the role has to allow:
// docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required,
// docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html.
func (t Terms) ofTrust() Document {
	by := map[string]string{"AWS": t.AssumedBy}
	assuming := map[string]Values{}
	tagging := Condition{"ForAllValues:StringEquals": {"aws:TagKeys": {TenantTag}}}
	if t.ExternalID != "" {
		assuming["sts:ExternalId"] = Values{t.ExternalID}
	}
	if t.Tenant != "" {
		const requested = "aws:RequestTag/" + TenantTag
		assuming[requested] = Values{t.Tenant}
		tagging["StringEquals"] = map[string]Values{requested: {t.Tenant}}
	}
	assumes := Statement{Sid: "DestinationsAssumes", Effect: allow, Principal: by, Action: []string{assumeRole}}
	if len(assuming) > 0 {
		assumes.Condition = Condition{"StringEquals": assuming}
	}
	tags := Statement{Sid: "DestinationsTagsSessions", Effect: allow, Principal: by, Action: []string{tagSession}, Condition: tagging}
	return Document{Version: version, Statement: []Statement{assumes, tags}}
}

// ofRole is the policy of the principal itself. AWS asks it, beside the bucket's and the
// key's, where these are in another account:
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html.
func (t Terms) ofRole() Document {
	statements := []Statement{{
		Sid: "DestinationsDelivers", Effect: allow, Action: t.named(OnBucket, OnObjects), Resource: t.everything(),
	}}
	if t.KMSKey != "" {
		statements = append(statements, Statement{
			Sid: "DestinationsEncrypts", Effect: allow, Action: t.named(OnKey), Resource: []string{t.KMSKey}, Condition: t.throughS3(),
		})
	}
	return Document{Version: version, Statement: statements}
}

// ofService is the policy of the service's own role, where it assumes the principal: AWS
// asks it, beside the trust policy, where that is in another account.
func (t Terms) ofService() Document {
	return Document{Version: version, Statement: []Statement{{
		Sid: "DestinationsAssumes", Effect: allow, Action: []string{assumeRole, tagSession}, Resource: []string{t.Principal},
	}}}
}
