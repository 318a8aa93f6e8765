package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/sts"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// serviceRole is what the service would be in AWS; the token service of the tests knows it by
// its access key.
const serviceRole = "arn:aws:iam::777788889999:role/destinations"

// printedTrust is what the trust policy that the service prints for a tenant of a grants
// file asks for.
func printedTrust(t *testing.T, grants, name string) sts.Role {
	t.Helper()
	file := filepath.Join(t.TempDir(), "grants.yaml")
	must(t, os.WriteFile(file, []byte(grants), 0o600))
	text, err := harness.Output(t.Context(), nil, bins.Service, "policy", "--grants", file, "--tenant", name, "--bucket", "tenant-"+name,
		"--assumed-by", serviceRole, "--document", "trust")
	must(t, err)
	var document struct {
		Statement []struct {
			Effect    string
			Principal struct{ AWS string }
			Action    []string
			Condition map[string]map[string]string
		}
	}
	must(t, json.Unmarshal(text, &document))
	role := sts.Role{Tags: map[string]string{}}
	var actions []string
	for _, s := range document.Statement {
		if s.Effect != "Allow" || s.Principal.AWS != serviceRole {
			t.Errorf("got %+v, want the service's role to be allowed something", s)
		}
		actions = append(actions, s.Action...)
		for key, value := range s.Condition["StringEquals"] {
			if tag, ok := strings.CutPrefix(key, "aws:RequestTag/"); ok {
				role.Tags[tag] = value
			} else if key == "sts:ExternalId" {
				role.ExternalID = value
			}
		}
	}
	if want := []string{"sts:AssumeRole", "sts:TagSession"}; !slices.Equal(actions, want) || role.ExternalID == "" || len(role.Tags) != 1 {
		t.Errorf("got %v, and %+v asked for; want %v, an external id and one tag:\n%s", actions, role, want, text)
	}
	return role
}

// TestRolesAsTheirTrustPoliciesArePrinted lets roles ask for exactly what the printed trust
// policy asks for: the service, which reads the same grants file, may assume its tenant's
// role, whether the external id is said there or made up, and not one whose trust policy is
// another tenant's.
func TestRolesAsTheirTrustPoliciesArePrinted(t *testing.T) {
	t.Parallel()
	tenants := []tenant{acme(), beta(), {name: "other", role: acmeRole + "-other", aws: fmt.Sprintf("{role-arn: %q}", acmeRole+"-other")}}
	grants := (&tenantWorld{tenants: tenants}).grants()
	tenants[0].trust = printedTrust(t, grants, "acme")
	tenants[1].trust = printedTrust(t, grants, "beta")
	tenants[2].trust = printedTrust(t, grants, "acme") // the wrong one
	w := newTenantWorld(t, tenants...)
	svc := w.start("1s")
	w.sendNumbered(w.as(svc, "acme"), 1, 10, ofAcme)
	w.sendNumbered(w.as(svc, "beta"), 2, 10, ofBeta)
	w.await(time.Minute)
	if answer := w.sendOne(svc, "other", harness.Destination{Bucket: "tenant-other", Prefix: "p/"}); answer.GetAccepted() != 1 {
		t.Fatalf("got %v", answer)
	}
	w.poll("the other tenant's role to be refused", func() error {
		lines, err := w.list(svc, "ops")
		for _, l := range lines {
			if l.GetShared() == destinationsv1.Shared_SHARED_CREDENTIALS && l.GetState() == destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED {
				return nil
			}
		}
		return fmt.Errorf("got %v, %w", lines, err)
	})
	asked := map[string]bool{}
	for _, r := range w.sts.Requests() {
		asked[fmt.Sprint(r.RoleARN, " ", r.Code)] = true
	}
	want := []string{acmeRole + " ", acmeRole + "-other AccessDenied", betaRole + " "}
	if got := slices.Sorted(maps.Keys(asked)); !slices.Equal(got, want) {
		t.Errorf("the token service answered %q, want %q", got, want)
	}
	w.check(svc)
}
