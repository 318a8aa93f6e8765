package policy

// OfBucket is the bucket's policy. Its first statement allows what [Terms.Actions] lists:
// objects can be written for their owner to read, multipart uploads can be made, found and
// aborted, and the bucket's region can be asked for. Nothing can be read, listed, deleted.
func (t Terms) OfBucket() Document {
	return Document{
		Version: version,
		ID:      "allow-destinations-limited-access",
		Statement: []Statement{{
			Effect:    allow,
			Principal: t.principal(),
			Action:    t.named(OnBucket, OnObjects),
			Resource:  append(t.resources(OnBucket), t.resources(OnObjects)...),
		}},
	}
}
