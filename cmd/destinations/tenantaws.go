package main

import (
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader"
)

// inAWS is what a tenant has in AWS of its own, as the uploader asks for it.
func inAWS(of *auth.AWS) uploader.Tenant {
	if of == nil {
		return uploader.Tenant{}
	}
	return uploader.Tenant{
		Role:         uploader.Role{ARN: of.RoleARN, ExternalID: of.ExternalID},
		BucketOwner:  of.BucketOwner,
		KMSKey:       of.KMSKey,
		ACL:          of.ACL,
		StorageClass: of.Class,
		Tags:         of.Tags,
	}
}
