package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Upload is a multipart upload that is neither complete nor aborted.
type Upload struct {
	Key   string
	ID    string
	Begun time.Time // by the clock of the S3 server
}

// Uploads lists the multipart uploads of a bucket, whoever has begun them, in the
// order of their keys.
func (s *S3) Uploads(ctx context.Context, bucket string) ([]Upload, error) {
	var all []Upload
	pages := s3.NewListMultipartUploadsPaginator(s.admin, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the multipart uploads of %s: %w", bucket, err)
		}
		for _, up := range page.Uploads {
			all = append(all, Upload{Key: *up.Key, ID: *up.UploadId, Begun: *up.Initiated})
		}
	}
	return all, nil
}

// BeginUpload begins a multipart upload as the account would, and leaves it there.
func (s *S3) BeginUpload(ctx context.Context, a Account, bucket, key string) error {
	_, err := s.Client(a).CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return fmt.Errorf("begin an upload of s3://%s/%s: %w", bucket, key, err)
	}
	return nil
}
