package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
)

// published is the --source-ip that stands for what the service publishes.
const published = "published"

// askPublished puts the addresses that the service publishes where they are asked for.
func (c *policyCmd) askPublished(p *process) error {
	at := slices.Index(c.SourceIP, published)
	if at < 0 {
		return nil
	}
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	addresses, err := c.egressAddresses(ctx, p)
	if err != nil {
		return err
	}
	c.SourceIP = slices.Replace(slices.Clone(c.SourceIP), at, at+1, addresses...)
	return nil
}

// terms are what the flags and the grants file say, and whether the service assumes the
// role that writes. The error has every problem.
func (c *policyCmd) terms() (t policy.Terms, assumed bool, err error) {
	t = policy.Terms{
		Bucket: c.Bucket, Principal: c.RoleArn, NoACL: c.S3ACL == "", Tags: c.ObjectTags, KMSKey: c.KMSKey,
		AssumedBy: c.AssumedBy, ExternalID: c.ExternalID, Tenant: c.TenantTag,
		TLS: c.RequireTLS, ConditionalWrites: c.RequireConditionalWrites,
	}
	var problems []error
	if err := server.CheckBucket(c.Bucket); err != nil {
		problems = append(problems, fmt.Errorf("--bucket: %w", err))
	}
	prefix, err := server.CheckPrefix(c.Prefix)
	if err != nil {
		problems = append(problems, fmt.Errorf("--prefix: %w", err))
	} else if prefix != "" {
		t.Prefixes = []string{prefix}
	}
	if t.Sources, err = addressesOf("--source-ip", c.SourceIP); err != nil {
		problems = append(problems, err)
	}
	if c.TenantTag != "" {
		if err := auth.CheckTenantName(c.TenantTag); err != nil {
			problems = append(problems, fmt.Errorf("--tenant-tag: no tenant is called so: %w", err))
		}
	}
	if c.Tenant != "" {
		assumed, err = c.addTenant(&t)
		problems = append(problems, err)
	}
	switch {
	case err != nil: // it may have said who
	case t.Principal == "":
		problems = append(problems, errors.New("--role-arn: missing: who may deliver"))
	default:
		problems = append(problems, t.Validate())
	}
	return t, assumed, errors.Join(problems...)
}

// addTenant adds what the grants file says of the tenant, and reports whether it has a role
// that is assumed.
func (c *policyCmd) addTenant(t *policy.Terms) (assumed bool, err error) {
	has, err := c.tenantInAWS()
	if err != nil {
		return false, err
	}
	var problems []error
	twice := func(flag, value, said string) {
		if value != "" && said != "" && value != said {
			problems = append(problems, fmt.Errorf("--%s: %q, and the service will use %q, which is what %s says of tenant %q", flag, value, said, c.Grants, c.Tenant))
		}
	}
	twice("role-arn", t.Principal, has.RoleARN)
	twice("external-id", t.ExternalID, has.ExternalID)
	if t.Tags = t.Tags || len(has.Tags) > 0; has.ACL != nil {
		t.NoACL = *has.ACL == ""
	}
	switch {
	case policy.IsKeyARN(has.KMSKey):
		twice("kms-key", t.KMSKey, has.KMSKey)
		t.KMSKey = has.KMSKey
	case has.KMSKey != "" && t.KMSKey == "":
		problems = append(problems, fmt.Errorf("--kms-key: missing: %s names tenant %q's key %q, and a policy needs its ARN", c.Grants, c.Tenant, has.KMSKey))
	}
	if has.RoleARN == "" {
		return false, errors.Join(problems...)
	}
	twice("tenant-tag", t.Tenant, c.Tenant)
	t.Principal, t.Tenant = has.RoleARN, c.Tenant
	if t.AssumedBy != "" { // without it there is no trust policy, which the id is for
		t.ExternalID = has.ExternalID
	}
	return true, errors.Join(problems...)
}

// tenantInAWS is what the grants file says that the tenant has there.
func (c *policyCmd) tenantInAWS() (*auth.AWS, error) {
	if c.Grants == "" {
		return nil, errors.New("--tenant: needs --grants, the file that says what it has in AWS")
	}
	grants, err := readGrants(c.Grants)
	if err != nil {
		return nil, fmt.Errorf("--grants: %w", err)
	}
	if names, _ := grants.Tenants(); !slices.Contains(names, c.Tenant) {
		return nil, fmt.Errorf("--tenant: %q: %s says nothing of it", c.Tenant, c.Grants)
	}
	if has := grants.TenantOf(c.Tenant).AWS; has != nil {
		return has, nil
	}
	return &auth.AWS{}, nil
}

// addressesOf reads the values of a flag as ranges of addresses. The error has every problem.
func addressesOf(flag string, values []string) ([]netip.Prefix, error) {
	var ranges []netip.Prefix
	var problems []error
	for _, value := range values {
		addresses, err := policy.ParseAddresses(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", flag, err))
			continue
		}
		ranges = append(ranges, addresses)
	}
	return ranges, errors.Join(problems...)
}

// lockouts are the conditions that the service itself may not meet, so that everything would
// be denied it. They are no errors: of a server other than AWS they may be what is wanted.
func lockouts(t policy.Terms, assumed bool) (found []string) {
	for _, source := range t.Sources {
		if !public(source) {
			found = append(found, fmt.Sprintf("--source-ip %v has no public address: AWS compares where requests come from on the internet, and lets none in by it", source))
		}
	}
	if t.Tenant != "" && t.AssumedBy == "" && !assumed {
		found = append(found, fmt.Sprintf("--tenant-tag %s: if %s is the service's own role, and not one that it assumes, its requests have no tag, and everything is denied", t.Tenant, t.Principal))
	}
	return found
}

// shared is for the networks of carriers: RFC 6598.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// public reports whether requests on the internet may come from a range.
func public(r netip.Prefix) bool {
	a := r.Addr()
	return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !shared.Contains(a)
}
