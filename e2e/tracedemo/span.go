package main

import (
	"encoding/json"
	"fmt"
)

// span is what is shown of a span in OTLP's JSON, in which ids are hex digits and
// integers of 64 bits are strings.
type span struct {
	TraceID      string
	SpanID       string
	ParentSpanID string
	Name         string
	Start        int64 `json:"startTimeUnixNano,string"`
	End          int64 `json:"endTimeUnixNano,string"`
	Attributes   attributes
	Links        []struct{ TraceID, SpanID string }

	service string // service.name of who has sent it
}

// attributes is OTLP's list of them, whose values stand behind the names of their types.
type attributes []struct {
	Key   string
	Value map[string]any
}

// values are the attributes by their keys.
func (a attributes) values() map[string]any {
	by := map[string]any{}
	for _, one := range a {
		for kind, value := range one.Value {
			if kind == "intValue" {
				value = json.Number(fmt.Sprint(value))
			}
			by[one.Key] = value
		}
	}
	return by
}

// decode takes the spans out of an answer of Jaeger.
func decode(answer []byte) (spans []span, err error) {
	var trace struct {
		Result struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes attributes }
				ScopeSpans []struct{ Spans []span }
			}
		}
	}
	if err := json.Unmarshal(answer, &trace); err != nil {
		return nil, fmt.Errorf("decode Jaeger's answer: %w", err)
	}
	for _, of := range trace.Result.ResourceSpans {
		service := fmt.Sprint(of.Resource.Attributes.values()["service.name"])
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				s.service = service
				spans = append(spans, s)
			}
		}
	}
	return spans, nil
}
