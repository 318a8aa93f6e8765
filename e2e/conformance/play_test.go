package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"
)

// play is a scenario that is being played in a language.
type play struct {
	*scenario
	l      *language
	worlds []*world // the service, and the second one if there is one
	claims *claims

	entrance *entrance // nil without grants
}

// play plays a scenario and reads back what came of it.
func (l *language) play(t *testing.T, s *scenario) {
	p := &play{scenario: s, l: l, worlds: []*world{l.world}}
	p.claims = newClaims(p.base())
	if s.Service != nil || s.Grants != "" {
		p.worlds[0] = newWorldFor(t, s.Service, s.Grants)
	}
	if s.Grants != "" {
		p.entrance = newEntrance(t, p.worlds[0].Front.Addr(), p.worlds[0].Access.Token("client"))
	}
	if s.Second {
		p.worlds = append(p.worlds, newWorld(t, s.Service))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	for i := range s.Steps {
		if err := p.step(ctx, &s.Steps[i]); err != nil {
			l.driver.Kill() // nobody knows what state it is in
			l.driver = nil
			t.Errorf("step %d, %s: %v", i+1, s.Steps[i].Op, err)
			break
		}
	}
	for _, w := range p.worlds {
		must(t, w.heal(ctx))
	}
	played := time.Since(began)
	if !t.Failed() {
		p.check(t)
	}
	t.Logf("%s (played in %.1f s, read in %.1f s)", p.claims, played.Seconds(), (time.Since(began) - played).Seconds())
}

// base is what the prefixes and names of a scenario begin with.
func (p *play) base() string { return p.l.String() + "/" + p.name + "/" }

// clientName is the name of a client for the driver, over all scenarios.
func (p *play) clientName(name any) string { return p.base() + fmt.Sprint(name) }

// options are those of a client.
func (p *play) options(own any) map[string]any {
	// Whoever restarts the service wants to be met at once.
	all := map[string]any{"target": p.worlds[0].Front.Addr(), "reconnect_initial_ms": 20, "reconnect_max_ms": 500}
	maps.Copy(all, p.Options)
	if own, ok := own.(map[string]any); ok {
		maps.Copy(all, own)
	}
	for option, value := range all {
		all[option] = p.entrance.word(value)
	}
	return all
}

// target is the address of a service.
func (p *play) target(name any) string {
	if name == "second" {
		return p.worlds[1].Front.Addr()
	}
	return p.worlds[0].Front.Addr()
}

// destinations are so many, in both buckets, or those that are listed.
func (p *play) destinations(value any) []map[string]any {
	var all []map[string]any
	if n, ok := value.(int); ok {
		for i := range n {
			all = append(all, map[string]any{"bucket": []string{workflows, audit}[i%2], "prefix": fmt.Sprintf("%sd%d", p.base(), i)})
		}
		return all
	}
	for _, one := range value.([]any) {
		d := maps.Clone(one.(map[string]any))
		d["prefix"] = p.base() + fmt.Sprint(d["prefix"])
		all = append(all, d)
	}
	return all
}

// events are those of a file, with the scenario's prefix.
func (p *play) events(value []any) []map[string]any {
	var all []map[string]any
	for _, one := range value {
		e := maps.Clone(one.(map[string]any))
		if prefix, ok := e["prefix"].(string); ok {
			e["prefix"] = p.base() + prefix
		}
		all = append(all, e)
	}
	return all
}

// step plays one step.
func (p *play) step(ctx context.Context, st *step) error {
	if st.Op == "" {
		for _, words := range st.Do {
			if err := p.worlds[0].do(ctx, words); err != nil {
				return fmt.Errorf("%s: %w", words, err)
			}
		}
		return nil
	}
	command := st.command(p)
	faults := p.begin(ctx, st.Meanwhile)
	answer, err := p.l.driver.Do(ctx, command)
	if faulty := faults(); err == nil {
		err = faulty
	}
	if err != nil {
		return err
	}
	if err := p.expects(st, answer); err != nil {
		return err
	}
	return p.claims.note(st, command, answer)
}

// begin does what is to be done meanwhile. The function that it returns ends that.
func (p *play) begin(ctx context.Context, all []fault) (end func() error) {
	over := make(chan struct{})
	var running sync.WaitGroup
	errs := make([]error, len(all))
	for i, f := range all {
		running.Go(func() { errs[i] = f.happen(ctx, p.worlds[0], over) })
	}
	return func() error {
		close(over)
		running.Wait()
		return errors.Join(errs...)
	}
}

// happen does what a fault says until over is closed.
func (f *fault) happen(ctx context.Context, w *world, over <-chan struct{}) error {
	pause, done := f.After, 0
	for {
		select {
		case <-time.After(pause):
		case <-over:
			if done >= len(f.Do) {
				return nil
			}
			return fmt.Errorf("the command was over before all of %v had happened", f.Do)
		}
		if err := w.do(ctx, f.Do[done%len(f.Do)]); err != nil {
			return err
		}
		done++
		pause = f.Gap
		if !f.Every && done == len(f.Do) {
			return nil
		}
	}
}
