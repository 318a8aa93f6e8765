# A bucket has one policy. If this one has a policy already, leave out the resource and add the document there:
# source_policy_documents = [data.aws_iam_policy_document.destinations_bucket_acme-logs.json]
data "aws_iam_policy_document" "destinations_bucket_acme-logs" {
  policy_id = "allow-destinations-limited-access"

  statement {
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetBucketLocation",
      "s3:PutObject",
      "s3:PutObjectAcl",
      "s3:ListBucketMultipartUploads",
    ]
    resources = [
      "arn:aws-us-gov:s3:::acme-logs",
      "arn:aws-us-gov:s3:::acme-logs/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws-us-gov:iam::111122223333:user/deliverer"]
    }
  }
}

resource "aws_s3_bucket_policy" "destinations_bucket_acme-logs" {
  bucket = "acme-logs"
  policy = data.aws_iam_policy_document.destinations_bucket_acme-logs.json
}

# What the role that writes may: AWS asks this, too, where the bucket is in another account.
data "aws_iam_policy_document" "destinations_role_deliverer" {
  statement {
    sid    = "DestinationsDelivers"
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetBucketLocation",
      "s3:PutObject",
      "s3:PutObjectAcl",
      "s3:ListBucketMultipartUploads",
    ]
    resources = [
      "arn:aws-us-gov:s3:::acme-logs",
      "arn:aws-us-gov:s3:::acme-logs/*",
    ]
  }
}

resource "aws_iam_user_policy" "destinations_role_deliverer" {
  name   = "destinations"
  user   = "deliverer"
  policy = data.aws_iam_policy_document.destinations_role_deliverer.json
}
