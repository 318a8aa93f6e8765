package policy

// ofKey is the statement that the key's policy needs:
// docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
// docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions.
func (t Terms) ofKey() Document {
	return Document{Version: version, Statement: []Statement{{
		Sid: "DestinationsEncrypts", Effect: allow, Principal: t.principal(), Action: t.named(OnKey), Resource: t.resources(OnKey),
		Condition: t.throughS3(),
	}}}
}

// throughS3 is the condition that the key is used by S3 in the key's region, for the
// principal, and not by the principal itself:
// docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service.
// What S3 is called in the partitions of others, such as China's, that page does not say: there
// it is left out.
func (t Terms) throughS3() Condition {
	match := keyARN.FindStringSubmatch(t.KMSKey)
	if match == nil || match[1] != "aws" && match[1] != "aws-us-gov" {
		return nil
	}
	return Condition{"StringEquals": {"kms:ViaService": {"s3." + match[2] + ".amazonaws.com"}}}
}
