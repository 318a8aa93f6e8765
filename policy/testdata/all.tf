# The role that the service assumes. If it exists, take its assume_role_policy alone.
data "aws_iam_policy_document" "destinations_trust_acme" {
  statement {
    sid     = "DestinationsAssumes"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::444455556666:role/destinations"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/tenant"
      values   = ["acme"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["destinations-0123456789abcdef"]
    }
  }

  statement {
    sid     = "DestinationsTagsSessions"
    effect  = "Allow"
    actions = ["sts:TagSession"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::444455556666:role/destinations"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["tenant"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/tenant"
      values   = ["acme"]
    }
  }
}

resource "aws_iam_role" "destinations_trust_acme" {
  name               = "acme"
  path               = "/service/"
  assume_role_policy = data.aws_iam_policy_document.destinations_trust_acme.json
}

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
      "s3:PutObjectTagging",
    ]
    resources = [
      "arn:aws:s3:::acme-logs",
      "arn:aws:s3:::acme-logs/logs/a$${*}b/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }
  }

  statement {
    sid     = "DestinationsOnlyFromItsAddresses"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      "arn:aws:s3:::acme-logs",
      "arn:aws:s3:::acme-logs/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }

    condition {
      test     = "NotIpAddress"
      variable = "aws:SourceIp"
      values = [
        "198.51.100.0/24",
        "203.0.113.7/32",
        "2001:db8::/64",
      ]
    }
  }

  statement {
    sid     = "DestinationsOnlyEncrypted"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      "arn:aws:s3:::acme-logs",
      "arn:aws:s3:::acme-logs/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "DestinationsOnlyForTenant"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::acme-logs/logs/a$${*}b/*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalTag/tenant"
      values   = ["acme"]
    }
  }

  statement {
    sid       = "DestinationsOnlyCreates"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-logs/logs/a$${*}b/*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }

    condition {
      test     = "Bool"
      variable = "s3:ObjectCreationOperation"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
  }
}

resource "aws_s3_bucket_policy" "destinations_bucket_acme-logs" {
  bucket = "acme-logs"
  policy = data.aws_iam_policy_document.destinations_bucket_acme-logs.json

  depends_on = [aws_iam_role.destinations_trust_acme]
}

# For the policy of arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, beside the statements that it has:
# source_policy_documents = [data.aws_iam_policy_document.destinations_key_acme-logs.json]
data "aws_iam_policy_document" "destinations_key_acme-logs" {
  statement {
    sid    = "DestinationsEncrypts"
    effect = "Allow"
    actions = [
      "kms:GenerateDataKey",
      "kms:Decrypt",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/service/acme"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.eu-west-1.amazonaws.com"]
    }
  }
}

# What the role that writes may: AWS asks this, too, where the bucket is in another account.
data "aws_iam_policy_document" "destinations_role_acme" {
  statement {
    sid    = "DestinationsDelivers"
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetBucketLocation",
      "s3:PutObject",
      "s3:PutObjectAcl",
      "s3:ListBucketMultipartUploads",
      "s3:PutObjectTagging",
    ]
    resources = [
      "arn:aws:s3:::acme-logs",
      "arn:aws:s3:::acme-logs/logs/a$${*}b/*",
    ]
  }

  statement {
    sid    = "DestinationsEncrypts"
    effect = "Allow"
    actions = [
      "kms:GenerateDataKey",
      "kms:Decrypt",
    ]
    resources = ["arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.eu-west-1.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "destinations_role_acme" {
  name   = "destinations"
  role   = "acme"
  policy = data.aws_iam_policy_document.destinations_role_acme.json
}

# What the service's own role may: AWS asks this, too, where the role that it assumes is in another account.
data "aws_iam_policy_document" "destinations_service_destinations" {
  statement {
    sid    = "DestinationsAssumes"
    effect = "Allow"
    actions = [
      "sts:AssumeRole",
      "sts:TagSession",
    ]
    resources = ["arn:aws:iam::111122223333:role/service/acme"]
  }
}

resource "aws_iam_role_policy" "destinations_service_destinations" {
  name   = "destinations"
  role   = "destinations"
  policy = data.aws_iam_policy_document.destinations_service_destinations.json
}
