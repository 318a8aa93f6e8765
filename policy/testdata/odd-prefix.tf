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
      "arn:aws:s3:::acme-logs",
      "arn:aws:s3:::acme-logs/a\"b\\c$${?}%%{d}$${$}{e} é: #'/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }
  }
}

resource "aws_s3_bucket_policy" "destinations_bucket_acme-logs" {
  bucket = "acme-logs"
  policy = data.aws_iam_policy_document.destinations_bucket_acme-logs.json
}
