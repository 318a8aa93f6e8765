package conformance_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-destinations/destinations/e2e/driver"
)

// expects compares an answer with what a step expects of it.
func (p *play) expects(st *step, a *driver.Answer) error {
	e := &st.Expect
	if e.Error != "" {
		if a.OK || a.Error.Kind != e.Error || !strings.Contains(a.Error.Reason, e.Reason) {
			return fmt.Errorf("got %+v (%v), want an error of kind %q with %q in it", a, a.Error, e.Error, e.Reason)
		}
		return nil
	}
	if !a.OK {
		return a.Error
	}
	var errs []error
	differs := func(what string, got, want any) {
		errs = append(errs, fmt.Errorf("%s: got %v, want %v (first error: %+v)", what, got, want, a.First))
	}
	exactly := func(what string, got int, want *int) {
		if want != nil && got != *want {
			differs(what, got, *want)
		}
	}
	exactly("accepted", a.Accepted, e.Accepted)
	exactly("failed", a.Failed, e.Failed)
	exactly("pending", a.Pending, e.Pending)
	exactly("left", a.Left.Events, e.Left)
	if e.Accepted != nil && e.Failed == nil && a.Failed > 0 {
		differs("failed", a.Failed, 0)
	}
	if a.Accepted < e.Least {
		differs("accepted", a.Accepted, fmt.Sprintf("at least %d", e.Least))
	}
	if e.Errors != nil && !maps.Equal(a.Errors, e.Errors) {
		differs("errors", a.Errors, e.Errors)
	}
	if got := slices.Sorted(maps.Keys(a.Errors)); e.Kinds != nil && !slices.Equal(got, e.Kinds) {
		differs("kinds of errors", got, e.Kinds)
	}
	if e.Buffered > 0 && (a.MaxBuffered > e.Buffered || a.MaxBuffered == 0) {
		differs("bytes in the buffer", a.MaxBuffered, fmt.Sprintf("1 to %d", e.Buffered))
	}
	if a.Stats.Streams < e.Streams || a.Stats.Reconnects < uint64(e.Again) {
		differs("stats", a.Stats, fmt.Sprintf("at least %d streams and %d reconnects", e.Streams, e.Again))
	}
	if e.NoLeaks && (a.After.FDs > a.Before.FDs || a.After.Threads > a.Before.Threads || a.After.Tasks > a.Before.Tasks) {
		differs("what the driver holds", a.After, a.Before)
	}
	errs = append(errs, e.results(a), e.deliveries(a))
	if e.Child != nil && (a.Child == nil || a.Child.Accepted != *e.Child || a.Child.Failed > 0 || a.Parent == nil || a.Parent.Failed > 0) {
		differs("parent and child", fmt.Sprintf("%+v, %+v", a.Parent, a.Child), *e.Child)
	}
	return errors.Join(errs...)
}

// results compares what became of each event.
func (e *expect) results(a *driver.Answer) error {
	if e.Results == nil {
		return nil
	}
	if len(a.Results) != len(e.Results) {
		return fmt.Errorf("got %d results, want %d", len(a.Results), len(e.Results))
	}
	var errs []error
	for i, want := range e.Results {
		got := a.Results[i]
		if want.Code == "" && want.Kind == "" {
			if !got.OK {
				errs = append(errs, fmt.Errorf("event %d: %w", i, got.Error))
			}
			continue
		}
		kind := want.Kind
		if kind == "" {
			kind = "rejected"
		}
		f := got.Error
		if f == nil || f.Kind != kind || f.Code != want.Code || want.Field != "" && f.Field != want.Field || f.Reason == "" || !strings.Contains(f.Reason, want.Reason) {
			errs = append(errs, fmt.Errorf("event %d: got %+v, want %+v", i, f, want))
		}
	}
	return errors.Join(errs...)
}

// deliveries compares what is said of receipts.
func (e *expect) deliveries(a *driver.Answer) error {
	if e.States != nil && !maps.Equal(a.States, e.States) {
		return fmt.Errorf("states: got %v (errors: %v), want %v", a.States, a.Errors, e.States)
	}
	for state := range a.States {
		if e.Any != nil && !slices.Contains(e.Any, state) {
			return fmt.Errorf("states: got %v, want only of %v", a.States, e.Any)
		}
	}
	if e.Receipts > 0 && (a.Delivered != e.Receipts || len(a.Objects) == 0) {
		return fmt.Errorf("delivered: got %d in %d objects (errors: %v), want %d", a.Delivered, len(a.Objects), a.Errors, e.Receipts)
	}
	return nil
}
