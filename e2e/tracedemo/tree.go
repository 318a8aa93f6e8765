package main

import (
	"encoding/hex"
	"fmt"
	"sort"
	"time"

	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/open-destinations/destinations/e2e/otlp"
)

// node is a span in the tree.
type node struct {
	Service    string         `json:"service"`
	Name       string         `json:"name"`
	Trace      string         `json:"trace"`
	Span       string         `json:"span"`
	Start      time.Time      `json:"start"`
	Duration   string         `json:"duration"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Children   []*node        `json:"children,omitempty"`
	Links      []*node        `json:"links,omitempty"` // what it links to, with what is below that
}

// treeOf makes a tree of spans: those without a parent, each with its children. What
// others link to stands there, unless it links back.
func treeOf(spans []otlp.Span) (roots []*node) {
	by := map[string]*node{}
	for _, s := range spans {
		by[string(s.GetSpanId())] = nodeOf(s)
	}
	linked := map[string]bool{}
	for _, s := range spans {
		if s.GetName() != "deliver s3" {
			continue
		}
		for _, l := range s.GetLinks() {
			if to := by[string(l.GetSpanId())]; to != nil {
				by[string(s.GetSpanId())].Links = append(by[string(s.GetSpanId())].Links, to)
				linked[string(l.GetSpanId())] = true
			}
		}
	}
	for _, s := range spans {
		n, parent := by[string(s.GetSpanId())], by[string(s.GetParentSpanId())]
		switch {
		case parent != nil:
			parent.Children = append(parent.Children, n)
		case !linked[string(s.GetSpanId())]:
			roots = append(roots, n)
		}
	}
	for _, n := range by {
		sort.Slice(n.Children, func(i, j int) bool { return n.Children[i].Start.Before(n.Children[j].Start) })
	}
	return roots
}

func nodeOf(s otlp.Span) *node {
	n := &node{
		Service: s.Resource["service.name"].GetStringValue(), Name: s.GetName(),
		Trace: hex.EncodeToString(s.GetTraceId()), Span: hex.EncodeToString(s.GetSpanId()),
		Start:      time.Unix(0, int64(s.GetStartTimeUnixNano())).UTC(),
		Duration:   time.Duration(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()).String(),
		Attributes: map[string]any{},
	}
	for key, value := range otlp.Attributes(s.GetAttributes()) {
		n.Attributes[key] = valueOf(value)
	}
	return n
}

// valueOf is an attribute's value as JSON has it.
func valueOf(v *commonv1.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonv1.AnyValue_StringValue:
		return v.StringValue
	case *commonv1.AnyValue_BoolValue:
		return v.BoolValue
	case *commonv1.AnyValue_IntValue:
		return v.IntValue
	case *commonv1.AnyValue_DoubleValue:
		return v.DoubleValue
	}
	return fmt.Sprint(v)
}
