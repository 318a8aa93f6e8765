package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/sts"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// roled is a tenant with a role that asks for its external id and its tag.
func roled(name string) tenant {
	arn := "arn:aws:iam::111122223333:role/" + name
	return tenant{
		name: name, role: arn, aws: fmt.Sprintf("{role-arn: %q}", arn),
		trust: sts.Role{ExternalID: auth.ExternalID(name), Tags: map[string]string{"tenant": name}},
	}
}

// outages are the tenants whose roles can't be assumed, each for another reason, and what
// AWS's words for that have in them; "" = it takes longer than this test to tell.
var outages = []struct {
	tenant string
	fault  sts.Fault // of the token service
	aws    string    // what the grants file says instead; "" = what is right
	said   string
}{
	{"denied", sts.Fault{}, fmt.Sprintf("{role-arn: %q, external-id: %s}", roled("denied").role, auth.ExternalID("well")), "AccessDenied"},
	{"deputy", sts.Fault{}, fmt.Sprintf("{role-arn: %q}", roled("well").role), "AccessDenied"}, // another's role, which trusts the service
	{"failing", sts.Fail(), "", "ServiceUnavailable"},
	{"throttled", sts.Throttle(), "", "Throttling"},
	{"hanging", sts.Hang(), "", ""},
}

// TestRolesThatCannotBeAssumed takes their roles from some tenants, in every way in which a
// token service can, while others have theirs or none. Each outage is its tenant's alone, and
// when it is over everything is delivered, once.
func TestRolesThatCannotBeAssumed(t *testing.T) {
	t.Parallel()
	all := []tenant{roled("well"), plain()}
	for _, o := range outages {
		all = append(all, roled(o.tenant))
	}
	w := newTenantWorld(t, all...)
	for _, o := range outages {
		w.sts.SetFault(roled(o.tenant).role, o.fault)
		if o.aws != "" {
			w.setAWS(o.tenant, o.aws)
		}
	}
	svc := w.start("1s")
	ops := w.as(svc, "ops")
	for round := range 2 {
		for i, of := range w.tenants {
			w.sendNumbered(w.as(svc, of.name), 10*round+i, 20, harness.Destination{Bucket: of.bucket(), Prefix: "p/"})
		}
		w.flush(ops)
		w.awaitObjects("tenant-well", round+1)
		w.awaitObjects("tenant-plain", round+1)
		if round == 0 {
			w.poll("the outages to be listed", func() error { return w.outagesListed(svc) })
		}
	}
	w.checkOutages(svc)

	for _, o := range outages {
		w.sts.SetFault(roled(o.tenant).role, sts.Fault{})
		w.setAWS(o.tenant, roled(o.tenant).aws)
	}
	w.await(time.Minute)
	w.poll("the list to be quiet", func() error {
		lines, err := w.list(svc, "ops")
		if i := slices.IndexFunc(lines, func(l *destinationsv1.ListDestinationsResponse) bool { return l.GetTenant() != "" }); err == nil && i >= 0 {
			return fmt.Errorf("got %v", lines[i])
		}
		return err
	})
	w.check(svc)
}

// outagesListed returns nil when who sees every tenant is told of each outage.
func (w *tenantWorld) outagesListed(svc *service) error {
	lines, err := w.list(svc, "ops")
	if err != nil {
		return err
	}
	for _, o := range outages {
		l := credentialsOf(lines, o.tenant)
		if o.said != "" && (l.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED || l.GetCode() != "NoCredentials" || !strings.Contains(l.GetMessage(), o.said)) {
			return fmt.Errorf("%s: got %v, want its credentials blocked, with %s", o.tenant, l, o.said)
		}
	}
	return nil
}

// checkOutages looks at what is told to whom while the outages last, and that nothing has
// gone round them.
func (w *tenantWorld) checkOutages(svc *service) {
	w.t.Helper()
	must(w.t, w.outagesListed(svc))
	seen, err := w.list(svc, "ops")
	must(w.t, err)
	for _, name := range []string{"", "well", "plain"} { // "" are the service's own
		if l := credentialsOf(seen, name); l.GetState() == destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED {
			w.t.Errorf("%q: got %v, want nothing of its credentials, or that they work", name, l)
		}
	}
	for _, o := range outages {
		objects, err := w.s3.List(w.t.Context(), "tenant-"+o.tenant, "")
		if err != nil || len(objects) > 0 {
			w.t.Errorf("%s: got objects %v, %v, want none", o.tenant, objects, err)
		}
		lines, err := w.list(svc, o.tenant)
		must(w.t, err)
		if l := credentialsOf(lines, o.tenant); o.said != "" && l.GetState() != destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED {
			w.t.Errorf("%s is told %v of its credentials, want that they are blocked", o.tenant, l)
		}
		for _, other := range w.tenants {
			if l := credentialsOf(lines, other.name); other.name != o.tenant && l != nil {
				w.t.Errorf("%s is told of the credentials of %s: %v", o.tenant, other.name, l)
			}
		}
	}
	if out := w.command(svc, "ops", "list"); !strings.Contains(out, "credentials of the tenant denied") || !strings.Contains(out, "AccessDenied") {
		w.t.Errorf("destinations list: got\n%s", out)
	}
}

// credentialsOf is the line of a tenant's own credentials, or with "" of the service's; nil
// if there is none.
func credentialsOf(lines []*destinationsv1.ListDestinationsResponse, tenant string) *destinationsv1.ListDestinationsResponse {
	for _, l := range lines {
		if l.GetShared() == destinationsv1.Shared_SHARED_CREDENTIALS && l.GetTenant() == tenant {
			return l
		}
	}
	return nil
}
