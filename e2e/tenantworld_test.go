package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/sts"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// tenant is a tenant with a bucket of its own, "tenant-NAME", and a token, whose name is
// its own.
type tenant struct {
	name   string
	role   string // that its bucket's policy names; "" = it names the service
	policy []string
	trust  sts.Role // what its role asks for beside the service's key
	aws    string   // what stands in the grants file under "aws"; "" = nothing
	reach  []string // other buckets that its grant reaches
}

func (t *tenant) bucket() string { return "tenant-" + t.name }

// tenantWorld is a world whose tenants have roles: an S3 server and a token service, both of
// which know them, and a proxy in front of S3 that records what is asked.
type tenantWorld struct {
	*world
	tenants  []tenant
	policies map[string]string // files, by bucket
	sts      *sts.Server
	proxy    *faultproxy.Proxy
	access   *harness.Access
}

func newTenantWorld(t *testing.T, tenants ...tenant) *tenantWorld {
	t.Helper()
	var buckets, roles, names []string
	for _, of := range tenants {
		buckets, names = append(buckets, of.bucket()), append(names, of.name)
		if of.role != "" {
			roles = append(roles, of.role)
		}
	}
	w := &tenantWorld{world: prepareWorld(t, buckets...), tenants: tenants, policies: map[string]string{}}
	for _, of := range tenants {
		principal := of.role
		if principal == "" {
			principal = harness.ServiceKey
		}
		w.policies[of.bucket()] = w.policy(of.bucket(), append([]string{"--role-arn", principal}, of.policy...)...)
	}
	w.startS3(harness.S3Params{Buckets: w.policies, Roles: roles})
	w.startSTS()
	w.proxy = w.listenProxy()
	w.proxy.Record()
	w.endpoint = w.proxy.URL()
	var err error
	w.access, err = harness.NewAccess(filepath.Join(w.dir, "access"), w.grants(), append(names, "ops")...)
	must(t, err)
	return w
}

// startSTS starts a token service that knows the service's own key, and the roles, each of
// which trusts that.
func (w *tenantWorld) startSTS() {
	w.t.Helper()
	roles := map[string]sts.Role{}
	for _, of := range w.tenants {
		if of.role != "" {
			of.trust.Trusts = []string{w.s3.Service.Key}
			roles[of.role] = of.trust
		}
	}
	var err error
	w.sts, err = sts.Listen(sts.Params{
		Callers: map[string]string{w.s3.Service.Key: w.s3.Service.Secret}, Roles: roles, Sessions: w.s3.Sessions,
	})
	must(w.t, err)
	w.t.Cleanup(w.sts.Close)
}

// grants is the grants file.
func (w *tenantWorld) grants() string {
	file := "tenants:\n"
	for _, of := range w.tenants {
		if of.aws != "" {
			file += fmt.Sprintf("  %s: {aws: %s}\n", of.name, of.aws)
		}
	}
	file += "grants:\n"
	for _, of := range w.tenants {
		file += fmt.Sprintf("  - principals: [\"token:%s\"]\n    tenant: %s\n    roles: [send, inspect]\n    destinations:\n", of.name, of.name)
		for _, bucket := range append([]string{of.bucket()}, of.reach...) {
			file += fmt.Sprintf("      - {bucket: %s, prefixes: [\"*\"]}\n", bucket)
		}
	}
	return file + `  - principals: ["token:ops"]
    tenant: "*"
    roles: [inspect, operate]
    destinations: [{bucket: "*", prefixes: ["*"]}]
`
}

// setAWS changes what stands in the grants file of a tenant.
func (w *tenantWorld) setAWS(name, aws string) {
	w.t.Helper()
	i := slices.IndexFunc(w.tenants, func(of tenant) bool { return of.name == name })
	w.tenants[i].aws = aws
	temporary := w.access.Grants + ".new"
	must(w.t, os.WriteFile(temporary, []byte(w.grants()), 0o600))
	must(w.t, os.Rename(temporary, w.access.Grants))
}

// start starts the service with windows of that length.
func (w *tenantWorld) start(window string) *service {
	w.t.Helper()
	return w.serve("data", append(w.access.Args(), "--window", window, "--sts-endpoint", w.sts.URL(), "--s3-part-size", "5MiB")...)
}

// as is the service for a tenant, or for "ops".
func (w *tenantWorld) as(svc *service, name string) *service {
	w.t.Helper()
	conn, err := grpc.NewClient(svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), w.access.As(name))
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	return &service{
		Service: svc.Service, events: destinationsv1.NewDestinationsClient(conn), operations: destinationsv1.NewOperationsClient(conn),
		deliveries: destinationsv1.NewDeliveriesClient(conn),
	}
}

// sendOne sends an event of a tenant past the ledger, and returns the answer.
func (w *tenantWorld) sendOne(svc *service, name string, to harness.Destination) *destinationsv1.SendS3Response {
	w.t.Helper()
	call, err := w.as(svc, name).events.SendS3(w.t.Context())
	must(w.t, err)
	must(w.t, call.Send(request([]outgoing{{to, []byte(`{"from":"` + name + `"}`)}})))
	answer, err := call.CloseAndRecv()
	must(w.t, err)
	return answer
}

// list is what somebody is told of how the destinations are.
func (w *tenantWorld) list(svc *service, name string) (all []*destinationsv1.ListDestinationsResponse, err error) {
	stream, err := w.as(svc, name).operations.ListDestinations(w.t.Context(), &destinationsv1.ListDestinationsRequest{})
	if err != nil {
		return nil, err
	}
	for {
		line, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, line)
	}
}

// command is what a command prints for somebody.
func (w *tenantWorld) command(svc *service, name string, args ...string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name+".token")
	must(w.t, os.WriteFile(file, []byte(w.access.Token(name)), 0o600))
	out, err := harness.Output(w.t.Context(), nil, bins.Service, append(args, "--target", svc.Target, "--token-file", file)...)
	must(w.t, err)
	return string(out)
}

// lineOf is the line of a destination; nil if there is none.
func lineOf(lines []*destinationsv1.ListDestinationsResponse, tenant string, d harness.Destination) *destinationsv1.ListDestinationsResponse {
	for _, l := range lines {
		if to := l.GetDestination(); to != nil && to.GetTenant() == tenant && to.GetBucket() == d.Bucket && to.GetPrefix() == d.Prefix {
			return l
		}
	}
	return nil
}

// acmeID is the external id that the service makes for the tenant acme.
var acmeID = auth.ExternalID("acme")
