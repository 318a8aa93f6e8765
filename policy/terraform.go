package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Terraform is the documents of some kinds as resources of Terraform's AWS provider, in the
// order of kinds.
func (t Terms) Terraform(kinds []Kind) ([]byte, error) {
	var w terraform
	for i, kind := range kinds {
		document, err := t.Document(kind)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			w.line("")
		}
		for line := range strings.SplitSeq(t.about(kind), "\n") {
			w.line("# %s", line)
		}
		w.document(t.label(kind), document)
		if kind != OfKey {
			w.line("")
			t.resource(&w, kind, slices.Contains(kinds, OfTrust))
		}
	}
	return []byte(w.text.String()), nil
}

// about says what a resource is for, and how it goes with what is there.
func (t Terms) about(kind Kind) string {
	switch kind {
	case OfTrust:
		return "The role that the service assumes. If it exists, take its assume_role_policy alone."
	case OfKey:
		return "For the policy of " + t.KMSKey + ", beside the statements that it has:\n" +
			"source_policy_documents = [data.aws_iam_policy_document." + t.label(OfKey) + ".json]"
	case OfRole:
		return "What the role that writes may: AWS asks this, too, where the bucket is in another account."
	case OfService:
		return "What the service's own role may: AWS asks this, too, where the role that it assumes is in another account."
	}
	return "A bucket has one policy. If this one has a policy already, leave out the resource and add the document there:\n" +
		"source_policy_documents = [data.aws_iam_policy_document." + t.label(OfBucket) + ".json]"
}

// label is the name of a kind's document and resource. It says of which bucket or role, so
// that those of several can stand in one module.
func (t Terms) label(kind Kind) string {
	of := t.Bucket
	switch kind {
	case OfTrust, OfRole:
		of, _ = nameOf(t.Principal)
	case OfService:
		of, _ = nameOf(t.AssumedBy)
	}
	plain := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, of)
	return "destinations_" + string(kind) + "_" + plain
}

// resource is what the document is attached to.
func (t Terms) resource(w *terraform, kind Kind, trusted bool) {
	label := t.label(kind)
	json := "data.aws_iam_policy_document." + label + ".json"
	switch kind {
	case OfBucket:
		w.open("resource %s %s", quote("aws_s3_bucket_policy"), quote(label))
		w.line("bucket = %s", quote(t.Bucket))
		w.line("policy = %s", json)
		if trusted {
			w.line("")
			w.line("depends_on = [aws_iam_role.%s]", t.label(OfTrust))
		}
	case OfTrust:
		name, path := nameOf(t.Principal)
		w.open("resource %s %s", quote("aws_iam_role"), quote(label))
		w.line("name               = %s", quote(name))
		w.line("path               = %s", quote(path))
		w.line("assume_role_policy = %s", json)
	case OfRole, OfService:
		principal := t.Principal
		if kind == OfService {
			principal = t.AssumedBy
		}
		whose := "user"
		if isRole(principal) {
			whose = "role"
		}
		name, _ := nameOf(principal)
		w.open("resource %s %s", quote("aws_iam_"+whose+"_policy"), quote(label))
		w.line("name   = %s", quote("destinations"))
		w.line("%s   = %s", whose, quote(name))
		w.line("policy = %s", json)
	}
	w.close()
}

// terraform writes HCL as "terraform fmt" would.
type terraform struct {
	text   strings.Builder
	indent int
}

func (w *terraform) line(format string, args ...any) {
	if format != "" {
		w.text.WriteString(strings.Repeat("  ", w.indent))
	}
	fmt.Fprintf(&w.text, format+"\n", args...)
}

func (w *terraform) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.indent++
}

func (w *terraform) close() {
	w.indent--
	w.line("}")
}

func (w *terraform) document(label string, d Document) {
	w.open("data %s %s", quote("aws_iam_policy_document"), quote(label))
	if d.ID != "" {
		w.line("policy_id = %s", quote(d.ID))
		w.line("")
	}
	for i, statement := range d.Statement {
		if i > 0 {
			w.line("")
		}
		w.statement(statement)
	}
	w.close()
}

func (w *terraform) statement(s Statement) {
	w.open("statement")
	width := len("effect") // of the names of those attributes that stand together, each on a line
	if len(s.Action) == 1 {
		width = len("actions")
		if len(s.Resource) == 1 {
			width = len("resources")
		}
	}
	if s.Sid != "" {
		w.line("%-*s = %s", width, "sid", quote(s.Sid))
	}
	w.line("%-*s = %s", width, "effect", quote(s.Effect))
	w.list("actions", width, s.Action)
	w.list("resources", width, s.Resource)
	for _, kind := range slices.Sorted(maps.Keys(s.Principal)) {
		w.line("")
		w.open("principals")
		w.line("type        = %s", quote(kind))
		w.line("identifiers = [%s]", quote(s.Principal[kind]))
		w.close()
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			w.line("")
			w.open("condition")
			w.line("test     = %s", quote(operator))
			w.line("variable = %s", quote(key))
			w.list("values", len("variable"), s.Condition[operator][key])
			w.close()
		}
	}
	w.close()
}

// list is an attribute of several values: one a line, or all on one if there is but one.
func (w *terraform) list(name string, width int, values []string) {
	switch len(values) {
	case 0:
	case 1:
		w.line("%-*s = [%s]", width, name, quote(values[0]))
	default:
		w.line("%s = [", name)
		for _, value := range values {
			w.line("  %s,", quote(value))
		}
		w.line("]")
	}
}

// quote writes a string that HCL reads as it is: what would begin a template is doubled.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}
