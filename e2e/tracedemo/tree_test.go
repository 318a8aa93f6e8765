package main

import (
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/open-destinations/destinations/e2e/otlp"
)

func TestTreeLeadsFromTheClientToTheRequest(t *testing.T) {
	span := func(name, id, parent string, links ...*tracev1.Span_Link) otlp.Span {
		return otlp.Span{Span: &tracev1.Span{Name: name, SpanId: []byte(id), ParentSpanId: []byte(parent), Links: links}}
	}
	tree := treeOf([]otlp.Span{
		span("S3.PutObject", "p", "u"),
		span("upload s3", "u", "", &tracev1.Span_Link{SpanId: []byte("c")}), // back to the client
		span("deliver s3", "d", "c", &tracev1.Span_Link{SpanId: []byte("u")}),
		span("send s3", "c", ""),
	})
	if len(tree) != 1 || tree[0].Name != "send s3" || len(tree[0].Children) != 1 {
		t.Fatalf("got %+v, want the client's span with one child", tree)
	}
	deliver := tree[0].Children[0]
	if deliver.Name != "deliver s3" || len(deliver.Links) != 1 || deliver.Links[0].Name != "upload s3" ||
		len(deliver.Links[0].Children) != 1 || deliver.Links[0].Children[0].Name != "S3.PutObject" || deliver.Links[0].Links != nil {
		t.Errorf("got %+v, want the delivery with a link to the upload and its request", deliver)
	}
}
