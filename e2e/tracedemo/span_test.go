package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestDecode reads what Jaeger v1.76.0 has answered for an event's trace.
func TestDecode(t *testing.T) {
	answer, err := os.ReadFile(filepath.Join("testdata", "event.json"))
	if err != nil {
		t.Fatal(err)
	}
	spans, err := decode(answer)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]span{}
	for _, s := range spans {
		by[s.Name] = s
	}
	client, deliver := by["send s3"], by[delivery]
	if len(spans) != 3 || client.service != "workflow" || deliver.service != "destinations" {
		t.Fatalf("got %+v, want send s3 of workflow, accept s3 and deliver s3 of destinations", spans)
	}
	if deliver.TraceID != client.TraceID || deliver.ParentSpanID != client.SpanID {
		t.Errorf("got %+v, want the child of %+v", deliver, client)
	}
	if len(deliver.Links) != 1 || deliver.Links[0].TraceID != "4cf5ba41a64fe9c48443cbb663aa3675" || deliver.Links[0].SpanID != "7141979b5bc076e2" {
		t.Errorf("got the links %v, want one to the upload", deliver.Links)
	}
	if took := deliver.End - deliver.Start; took != 243_676_363 {
		t.Errorf("got %d ns, want the 243,676,363 of the answer", took)
	}
	values := deliver.Attributes.values()
	for key, want := range map[string]any{
		"aws.s3.bucket": "workflows", "destinations.delivery.attempt": json.Number("1"), "destinations.delivery.replayed": false,
	} {
		if values[key] != want {
			t.Errorf("%s: got %v, want %v", key, values[key], want)
		}
	}
	if _, err := decode([]byte("<html>")); err == nil {
		t.Error("got no error for a page, want one")
	}
}
