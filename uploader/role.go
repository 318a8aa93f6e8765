package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Role is a role of AWS IAM that is assumed for a tenant's requests, so that they can do no
// more than it may. The zero value is none: requests are signed with the service's own
// credentials.
type Role struct {
	ARN string
	// ExternalID is shown whenever the role is assumed: its trust policy can ask for it, so
	// that a role that somebody has given to one tenant is not assumed for another. "" shows none.
	ExternalID string
}

// SessionTag is the tag of every session of a role: its value is the tenant's name, so that
// a bucket's policy can ask for it (aws:PrincipalTag/tenant).
const SessionTag = "tenant"

const (
	// roleFor is how long a session of a role lasts: every role allows it, and a role that
	// assumes another may ask for no more.
	roleFor = time.Hour
	// renewBefore is how long before its end a session is replaced, and of a short one the
	// last quarter.
	renewBefore = 5 * time.Minute
	// renewAgain is when that is tried again while the old one still counts.
	renewAgain = 30 * time.Second
)

// maxSessionName is the longest name of a session that AWS takes.
const maxSessionName = 64

// sessionName is the name of a tenant's sessions. It stands in the account's CloudTrail.
func sessionName(tenant string) string {
	name := "destinations-" + tenant
	if len(name) <= maxSessionName {
		return name
	}
	sum := sha256.Sum256([]byte(tenant))
	end := "-" + hex.EncodeToString(sum[:4])
	return name[:maxSessionName-len(end)] + end
}

// assumer assumes roles.
type assumer struct {
	client *sts.Client
	limit  time.Duration // of one request
}

func newAssumer(awsCfg aws.Config, cfg Config, c *clients) *assumer {
	awsCfg.HTTPClient = c.awsCfg.HTTPClient
	client := sts.NewFromConfig(awsCfg, func(o *sts.Options) {
		o.Region = cfg.Region
		if cfg.STSEndpoint != "" {
			o.BaseEndpoint = aws.String(cfg.STSEndpoint)
		}
		o.Retryer = aws.NopRetryer{} // attempts are made, counted and logged here
		o.ClientLogMode, o.Logger = 0, quiet
	})
	return &assumer{client: client, limit: cfg.MinTimeout / 2}
}

// assume begins a session of a tenant's role. It asks once.
func (a *assumer) assume(ctx context.Context, tenant string, role Role) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.limit, errSlow)
	defer cancel()
	provider := stscreds.NewAssumeRoleProvider(a.client, role.ARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration, o.ExternalID = sessionName(tenant), roleFor, optional(role.ExternalID)
		o.Tags = []types.Tag{{Key: aws.String(SessionTag), Value: aws.String(tenant)}}
	})
	credentials, err := provider.Retrieve(ctx)
	if err == nil {
		return credentials, nil
	}
	if context.Cause(ctx) == errSlow {
		err = fmt.Errorf("%w: %w", errSlow, err)
	}
	return aws.Credentials{}, fmt.Errorf("assume role %s as %s: %w", role.ARN, sessionName(tenant), err)
}
