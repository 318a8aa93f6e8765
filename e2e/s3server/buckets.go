package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// createBuckets makes the buckets that are missing and sets their policies. It
// goes through the server's own front door, as root, so that a policy that S3
// would refuse is refused here.
//
// Root owns the buckets: an owner whom the policy does not name would be locked
// out by it, and root is above policies.
func createBuckets(ctx context.Context, endpoint string, cfg config) error {
	transport, err := ownTransport(cfg)
	if err != nil {
		return err
	}
	client := s3.New(s3.Options{
		HTTPClient:   &http.Client{Transport: transport},
		BaseEndpoint: aws.String(endpoint),
		UsePathStyle: true,
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(cfg.root.access, cfg.root.secret, ""),
	})
	for _, b := range cfg.buckets {
		if err := createBucket(ctx, client, b); err != nil {
			return fmt.Errorf("create bucket %s: %w", b.name, err)
		}
	}
	return nil
}

// ownTransport knows the server by its own certificate, if it has one.
func ownTransport(cfg config) (*http.Transport, error) {
	transport := &http.Transport{}
	if cfg.cert == "" {
		return transport, nil
	}
	text, err := os.ReadFile(cfg.cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate", cfg.cert)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return transport, nil
}

// createBucket makes one bucket with its policy.
func createBucket(ctx context.Context, client *s3.Client, b bucket) error {
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b.name})
	var owned *types.BucketAlreadyOwnedByYou
	if err != nil && !errors.As(err, &owned) {
		return err
	}
	if b.policyFile == "" {
		return nil
	}
	policy, err := os.ReadFile(b.policyFile)
	if err != nil {
		return err
	}
	_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &b.name,
		Policy: aws.String(string(policy)),
	})
	if err != nil {
		return fmt.Errorf("set the policy of %s: %w", b.policyFile, err)
	}
	return nil
}
