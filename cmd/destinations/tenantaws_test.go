package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader"
)

// awsOf is what a grants file says of a tenant's field.
func awsOf(field, value string) (*auth.AWS, error) {
	g, err := auth.ParseGrants(fmt.Appendf(nil, "tenants: {acme: {aws: {%s: %s}}}\n", field, value))
	if err != nil {
		return nil, err
	}
	return g.TenantOf("acme").AWS, nil
}

// The grants file is checked without the SDK, which alone knows what S3 takes.
func TestGrantsKnowTheValuesOfS3(t *testing.T) {
	for _, acl := range types.ObjectCannedACL("").Values() {
		if _, err := awsOf("acl", string(acl)); err != nil {
			t.Error(err)
		}
	}
	// These are of other kinds of buckets and of devices.
	others := []types.StorageClass{types.StorageClassOutposts, types.StorageClassSnow, types.StorageClassExpressOnezone,
		types.StorageClassFsxOpenzfs, types.StorageClassFsxOntap, types.StorageClassAwsBackupWarm, types.StorageClassAwsBackupLowCostWarm}
	for _, class := range types.StorageClass("").Values() {
		if _, err := awsOf("storage-class", string(class)); (err == nil) == slices.Contains(others, class) {
			t.Errorf("%s: got %v", class, err)
		}
	}
}

func TestWhatATenantHasInAWSIsHandedOn(t *testing.T) {
	g, err := auth.ParseGrants([]byte(`
tenants:
  acme:
    aws:
      role-arn: arn:aws:iam::111122223333:role/a
      external-id: acme-1
      expected-bucket-owner: 012345678901
      kms-key: alias/acme
      acl: ""
      storage-class: STANDARD_IA
      tags: {team: acme}
`))
	if err != nil {
		t.Fatal(err)
	}
	none := ""
	want := uploader.Tenant{
		Role: uploader.Role{ARN: "arn:aws:iam::111122223333:role/a", ExternalID: "acme-1"}, BucketOwner: "012345678901",
		KMSKey: "alias/acme", ACL: &none, StorageClass: "STANDARD_IA", Tags: map[string]string{"team": "acme"},
	}
	if diff := cmp.Diff(want, inAWS(g.TenantOf("acme").AWS)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(uploader.Tenant{}, inAWS(g.TenantOf("other").AWS)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// From the file to the requests, and back again when the file says nothing of it any more.
func TestATenantsRoleFollowsTheGrants(t *testing.T) {
	const role = "arn:aws:iam::444455556666:role/acme"
	w := newAccessWorld(t, false)
	w.sts.AddRole(role, auth.ExternalID("acme"))
	grants := filepath.Join(w.dir, "grants.yaml")
	put := make(chan struct{}, 100)
	w.s3.Record(func(op, _, _ string) {
		if op == "PutObject" {
			put <- struct{}{}
		}
	})
	deliver := func(sender string) (signer, owner string) {
		t.Helper()
		bucket := map[string]string{"send": "acme", "other": "other"}[sender]
		conn := w.as(sender, w.listener.Addr().String())
		request := &destinationsv1.SendS3Request{Bucket: bucket, Events: someEvents}
		stream, err := destinationsv1.NewDestinationsClient(conn).SendS3(soon(t))
		if err == nil {
			if err = stream.Send(request); err == nil {
				_, err = stream.CloseAndRecv()
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := destinationsv1.NewOperationsClient(w.as("all", w.listener.Addr().String())).Flush(soon(t), &destinationsv1.FlushRequest{}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-put:
		case <-soon(t).Done():
			t.Fatal("nothing was delivered")
		}
		calls := w.s3.Calls()
		last := calls[len(calls)-1]
		return last.Signer, last.Owner
	}
	for _, step := range []struct{ grants, sender, signer, owner string }{
		{acmeGrants, "send", "AKIDTEST", ""},
		{"tenants: {acme: {aws: {role-arn: \"" + role + "\", expected-bucket-owner: 444455556666}}}\n" + acmeGrants, "send", "ASIA0000000000000001", "444455556666"},
		{"", "other", "AKIDTEST", ""},
		{"tenants: {acme: {aws: {role-arn: nonsense}}}\n" + acmeGrants, "send", "ASIA0000000000000001", "444455556666"}, // changes nothing
		{acmeGrants, "send", "AKIDTEST", ""},
	} {
		if step.grants != "" {
			if err := os.WriteFile(grants, []byte(step.grants), 0o600); err != nil {
				t.Fatal(err)
			}
			w.gate.Reload()
		}
		if signer, owner := deliver(step.sender); signer != step.signer || owner != step.owner {
			t.Errorf("%.60s...: %s's object is signed with %s and expects owner %q, want %s and %q", step.grants, step.sender, signer, owner, step.signer, step.owner)
		}
	}
}
