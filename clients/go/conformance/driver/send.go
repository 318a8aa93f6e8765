package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	destinations "github.com/open-destinations/destinations/clients/go"
)

func (d *driver) open(line []byte) (answer, error) {
	var p struct {
		Client  string
		Options json.RawMessage
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	c, err := connect(p.Options)
	if err != nil {
		return nil, err
	}
	d.clients[p.Client] = &client{Client: c}
	return nil, nil
}

// event is one event of `send`.
type event struct {
	Bucket, Prefix, ID *string
	JSON               json.RawMessage
	Text               *string
	Base64             *string
	Unserializable     bool
	TraceParent        string
	TraceState         string
}

func (d *driver) send(line []byte) (answer, error) {
	var p struct {
		Client string
		Events []event
		Keep   bool
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	c, err := d.of(p.Client)
	if err != nil {
		return nil, err
	}
	receipts, errs := make([]*destinations.Receipt, len(p.Events)), make([]error, len(p.Events))
	for i, e := range p.Events {
		given, err := e.given()
		if err != nil {
			return nil, err
		}
		ctx, err := e.context()
		if err != nil {
			return nil, err
		}
		receipts[i], errs[i] = c.Send.S3(ctx, given)
	}
	results := make([]answer, len(p.Events))
	for i, r := range receipts {
		if errs[i] == nil {
			errs[i] = r.Wait(context.Background())
		}
		if errs[i] != nil {
			results[i] = answer{"ok": false, "error": describe(errs[i])}
			continue
		}
		results[i] = answer{"ok": true, "bucket": r.Bucket(), "prefix": r.Prefix(), "token": r.Token()}
		if p.Keep {
			c.kept = append(c.kept, r)
		}
	}
	return answer{"results": results}, nil
}

// given is the event as the package is given it.
func (e event) given() (destinations.S3Event, error) {
	var given destinations.S3Event
	for field, value := range map[*string]*string{&given.Bucket: e.Bucket, &given.Prefix: e.Prefix, &given.ID: e.ID} {
		if value != nil {
			*field = *value
		}
	}
	switch {
	case e.Unserializable:
		given.Payload = map[string]any{"f": func() {}}
	case e.Text != nil:
		given.Payload = *e.Text
	case e.Base64 != nil:
		b, err := base64.StdEncoding.DecodeString(*e.Base64)
		if err != nil {
			return given, err
		}
		given.Payload = b
	case e.JSON != nil:
		var value any
		if err := json.Unmarshal(e.JSON, &value); err != nil {
			return given, err
		}
		given.Payload = value
	default:
		given.Payload = []byte(nil) // Go has no payload that is missing but this one
	}
	return given, nil
}

// context has the event's span context.
func (e event) context() (context.Context, error) {
	ctx := context.Background()
	if e.TraceParent == "" {
		return ctx, nil
	}
	var version, traceID, spanID, flags string
	if _, err := fmt.Sscanf(e.TraceParent, "%2s-%32s-%16s-%2s", &version, &traceID, &spanID, &flags); err != nil {
		return nil, fmt.Errorf("traceparent: %w", err)
	}
	var c trace.SpanContextConfig
	var err error
	if c.TraceID, err = trace.TraceIDFromHex(traceID); err != nil {
		return nil, err
	}
	if c.SpanID, err = trace.SpanIDFromHex(spanID); err != nil {
		return nil, err
	}
	if flags == "01" {
		c.TraceFlags = trace.FlagsSampled
	}
	if c.TraceState, err = trace.ParseTraceState(e.TraceState); err != nil {
		return nil, err
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c)), nil
}
