package main

import (
	"fmt"
	"sort"
	"time"
)

// delivery is the name of the span of an event's delivery, whose links are followed.
const delivery = "deliver s3"

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
// a delivery links to stands there.
func treeOf(spans []span) (roots []*node) {
	by := map[string]*node{}
	for _, s := range spans {
		by[s.SpanID] = nodeOf(s)
	}
	linked := map[string]bool{}
	for _, s := range spans {
		if s.Name != delivery {
			continue // an upload links back
		}
		for _, l := range s.Links {
			if to := by[l.SpanID]; to != nil {
				by[s.SpanID].Links = append(by[s.SpanID].Links, to)
				linked[l.SpanID] = true
			}
		}
	}
	for _, s := range spans {
		n, parent := by[s.SpanID], by[s.ParentSpanID]
		switch {
		case parent != nil:
			parent.Children = append(parent.Children, n)
		case !linked[s.SpanID]:
			roots = append(roots, n)
		}
	}
	for _, n := range by {
		sort.Slice(n.Children, func(i, j int) bool { return n.Children[i].Start.Before(n.Children[j].Start) })
	}
	return roots
}

func nodeOf(s span) *node {
	return &node{
		Service: s.service, Name: s.Name, Trace: s.TraceID, Span: s.SpanID,
		Start: time.Unix(0, s.Start).UTC(), Duration: time.Duration(s.End - s.Start).String(),
		Attributes: s.Attributes.values(),
	}
}

// check holds a tree against what docs/telemetry.md says of an event that was delivered
// at the first try, and returns the key of its object.
func check(roots []*node) (key string, err error) {
	if len(roots) != 1 || roots[0].Name != "send s3" {
		return "", fmt.Errorf("got %d roots, want the client's send s3 alone", len(roots))
	}
	client := roots[0]
	if _, err := client.child("accept s3"); err != nil {
		return "", err
	}
	deliver, err := client.child(delivery)
	if err != nil {
		return "", err
	}
	if len(deliver.Links) != 1 || deliver.Links[0].Name != "upload s3" {
		return "", fmt.Errorf("deliver s3 has %d links that are known, want one to upload s3", len(deliver.Links))
	}
	upload := deliver.Links[0]
	if upload.Trace == client.Trace {
		return "", fmt.Errorf("upload s3 is in the client's trace %s, want one of its own", client.Trace)
	}
	put, err := upload.child("S3.PutObject")
	if err != nil {
		return "", err
	}
	key, _ = deliver.Attributes["aws.s3.key"].(string)
	if got := put.Attributes["aws.s3.key"]; key == "" || got != key {
		return "", fmt.Errorf("aws.s3.key is %q of deliver s3 and %q of S3.PutObject, want the same", key, got)
	}
	return key, nil
}

// child is the only child of that name, in the same trace.
func (n *node) child(name string) (found *node, err error) {
	for _, c := range n.Children {
		if c.Name != name {
			continue
		}
		if found != nil || c.Trace != n.Trace {
			return nil, fmt.Errorf("%s has a second %s, or one of another trace", n.Name, name)
		}
		found = c
	}
	if found == nil {
		return nil, fmt.Errorf("%s has no child %s", n.Name, name)
	}
	return found, nil
}
