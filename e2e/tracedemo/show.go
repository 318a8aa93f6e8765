package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/open-destinations/destinations/e2e/harness"
)

// show sends an event, waits until Jaeger has all that it should of it, and prints that
// as a tree. It returns the event's trace. What is not as it should be is printed, too.
func (d *demo) show(ctx context.Context) (trace string, err error) {
	ctx, cancel := context.WithTimeout(ctx, traceTimeout)
	defer cancel()
	if trace, err = d.send(ctx); err != nil {
		return "", err
	}
	say("the event is acknowledged; its trace is " + trace)
	var tree []*node
	var key string
	err = harness.Poll(ctx, "the traces in Jaeger", func() error {
		spans, err := d.spans(ctx, trace)
		if err == nil {
			tree = treeOf(spans)
			key, err = check(tree)
		}
		return err
	})
	if err := errors.Join(err, printTree(tree)); err != nil {
		return "", err
	}
	objects, err := d.s3.List(ctx, bucket, prefix+"/")
	if err != nil {
		return "", fmt.Errorf("look for the object: %w", err)
	}
	if len(objects) != 1 || objects[0].Key != key {
		return "", fmt.Errorf("the trace names the object %s, the bucket has %v", key, objects)
	}
	say("client -> deliver s3 -> link -> upload s3 -> S3.PutObject is there, and so is the object, " + objects[0].String())
	return trace, nil
}

// printTree prints a tree if there is one.
func printTree(tree []*node) error {
	if tree == nil {
		return nil
	}
	text, err := json.MarshalIndent(tree, "", "  ")
	if err == nil {
		_, err = fmt.Println(string(text))
	}
	if err != nil {
		return fmt.Errorf("print the tree: %w", err)
	}
	return nil
}

// spans are those of an event's trace that Jaeger has, and those of the traces that its
// delivery links to.
func (d *demo) spans(ctx context.Context, trace string) ([]span, error) {
	all, err := d.spansOf(ctx, trace)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Name != delivery {
			continue // an upload links back
		}
		for _, l := range s.Links {
			linked, err := d.spansOf(ctx, l.TraceID)
			if err != nil {
				return nil, err
			}
			all = append(all, linked...)
		}
	}
	return all, nil
}

// spansOf asks Jaeger for a trace.
func (d *demo) spansOf(ctx context.Context, trace string) ([]span, error) {
	answer, err := d.jaeger.Trace(ctx, trace)
	if err != nil {
		return nil, err
	}
	return decode(answer)
}
