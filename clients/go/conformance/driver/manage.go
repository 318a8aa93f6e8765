package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// named is the fields of commands about a whole client.
type named struct {
	Client    string
	Target    string
	TimeoutMS float64 `json:"timeout_ms"`
}

func (d *driver) named(line []byte) (p named, c *client, err error) {
	if err := json.Unmarshal(line, &p); err != nil {
		return p, nil, err
	}
	c, err = d.of(p.Client)
	return p, c, err
}

func (d *driver) flush(line []byte) (answer, error) {
	p, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in(p.TimeoutMS)
	defer cancel()
	return nil, c.Flush(ctx)
}

func (d *driver) setTarget(line []byte) (answer, error) {
	p, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in(p.TimeoutMS)
	defer cancel()
	return nil, c.SetTarget(ctx, p.Target)
}

func (d *driver) stats(line []byte) (answer, error) {
	_, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	s := c.Stats()
	last := ""
	if s.LastError != nil {
		last = s.LastError.Error()
	}
	return answer{"stats": answer{
		"buffered_events": s.BufferedEvents, "buffered_bytes": s.BufferedBytes, "accepted": s.Accepted, "rejected": s.Rejected,
		"streams": s.Streams, "reconnects": s.Reconnects, "last_error": last,
	}}, nil
}

func (d *driver) close(line []byte) (answer, error) {
	p, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in(p.TimeoutMS)
	defer cancel()
	began := time.Now()
	err = c.Close(ctx)
	left := answer{"events": 0, "bytes": 0}
	if unanswered := (*destinations.UnansweredError)(nil); errors.As(err, &unanswered) {
		left, err = answer{"events": unanswered.Events, "bytes": unanswered.Bytes}, nil
	} else if failed := (*destinations.ClientFailedError)(nil); errors.As(err, &failed) {
		err = nil // its events have been told
	}
	return answer{"left": left, "seconds": time.Since(began).Seconds()}, err
}

// mostKept is how many receipts are asked for.
const mostKept = 100

func (c *client) asked() []*destinations.Receipt { return c.kept[:min(mostKept, len(c.kept))] }

func (d *driver) status(line []byte) (answer, error) {
	_, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	states, errs := map[string]int{}, map[string]int{}
	for _, r := range c.asked() {
		now, err := r.Status(context.Background())
		if err != nil {
			errs[describe(err).Kind]++
			continue
		}
		states[string(now.State)]++
	}
	return answer{"states": states, "errors": errs}, nil
}

func (d *driver) delivered(line []byte) (answer, error) {
	p, c, err := d.named(line)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in(p.TimeoutMS)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	delivered, errs, objects := 0, map[string]int{}, map[place]bool{}
	list := []answer{}
	for _, r := range c.asked() {
		wg.Go(func() {
			now, err := r.Delivered(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[describe(err).Kind]++
				return
			}
			delivered++
			for _, o := range now.Objects {
				if at := (place{o.Bucket, o.Key}); !objects[at] {
					objects[at] = true
					list = append(list, answer{"bucket": o.Bucket, "key": o.Key})
				}
			}
		})
	}
	wg.Wait()
	return answer{"delivered": delivered, "objects": list, "errors": errs}, nil
}
