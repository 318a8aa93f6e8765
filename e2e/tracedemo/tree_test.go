package main

import (
	"slices"
	"strings"
	"testing"
)

// spans are those of a delivery as it should be.
func spans() []span {
	key := attributes{{Key: "aws.s3.key", Value: map[string]any{"stringValue": "demo/1.gz"}}}
	link := func(trace, id string) []struct{ TraceID, SpanID string } {
		return []struct{ TraceID, SpanID string }{{trace, id}}
	}
	return []span{
		{Name: "S3.PutObject", TraceID: "batch", SpanID: "p", ParentSpanID: "u", Attributes: key},
		{Name: "upload s3", TraceID: "batch", SpanID: "u", Links: link("event", "c")}, // back to the client
		{Name: "deliver s3", TraceID: "event", SpanID: "d", ParentSpanID: "c", Start: 2, Links: link("batch", "u"), Attributes: key},
		{Name: "accept s3", TraceID: "event", SpanID: "a", ParentSpanID: "c", Start: 1},
		{Name: "send s3", TraceID: "event", SpanID: "c"},
	}
}

func TestTreeLeadsFromTheClientToTheRequest(t *testing.T) {
	tree := treeOf(spans())
	if key, err := check(tree); key != "demo/1.gz" || err != nil {
		t.Fatalf("got %q, %v, want the object's key", key, err)
	}
	if first := tree[0].Children[0].Name; first != "accept s3" {
		t.Errorf("got %s first of the client's children, want them by their starts", first)
	}
	if upload := tree[0].Children[1].Links[0]; upload.Links != nil {
		t.Errorf("got %+v, want no way back from the upload", upload)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	index := func(all []span, name string) int {
		return slices.IndexFunc(all, func(s span) bool { return s.Name == name })
	}
	without := func(name string) func([]span) []span {
		return func(all []span) []span {
			i := index(all, name)
			return slices.Delete(all, i, i+1)
		}
	}
	change := func(name string, f func(*span)) func([]span) []span {
		return func(all []span) []span {
			f(&all[index(all, name)])
			return all
		}
	}
	for _, c := range []struct {
		name, want string
		spoil      func([]span) []span
	}{
		{"no client", "want the client's send s3 alone", without("send s3")},
		{"no accept", "send s3 has no child accept s3", without("accept s3")},
		{"no delivery", "want the client's send s3 alone", without("deliver s3")},
		{"no upload", "want the client's send s3 alone", without("upload s3")},
		{"no request", "upload s3 has no child S3.PutObject", without("S3.PutObject")},
		{"no link", "want the client's send s3 alone", change("deliver s3", func(s *span) { s.Links = nil })},
		{"the client's trace", "want one of its own", change("upload s3", func(s *span) { s.TraceID = "event" })},
		{"another trace", "of another trace", change("deliver s3", func(s *span) { s.TraceID = "other" })},
		{"no key", "aws.s3.key", change("S3.PutObject", func(s *span) { s.Attributes = nil })},
		{"a delivery twice", "has a second deliver s3", func(all []span) []span {
			again := all[index(all, "deliver s3")]
			again.SpanID = "d2"
			return append(all, again)
		}},
	} {
		if _, err := check(treeOf(c.spoil(spans()))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
}
