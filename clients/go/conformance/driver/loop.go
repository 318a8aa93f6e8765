package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// counts are what became of events.
type counts struct {
	Accepted int            `json:"accepted"`
	Failed   int            `json:"failed"`
	Errors   map[string]int `json:"errors"`
	First    *failure       `json:"first_error,omitempty"`
}

func (c *counts) add(err error) {
	if err == nil {
		c.Accepted++
		return
	}
	f := describe(err)
	if c.Failed == 0 {
		c.First, c.Errors = &f, map[string]int{}
	}
	c.Failed++
	key := f.Kind
	if f.Code != "" {
		key += "/" + f.Code
	}
	c.Errors[key]++
}

// answer has the counts in it.
func (c *counts) answer() answer {
	return answer{"accepted": c.Accepted, "failed": c.Failed, "errors": c.Errors, "first_error": c.First}
}

type place struct{ Bucket, Prefix string }

// load is what `loop` sends.
type load struct {
	Client       string
	Count, First int
	Destinations []place
	Pad          int
	Rate         float64
	Facades      int
	IDPrefix     string `json:"id_prefix"`
	Name         string
	Wait         *bool
	Keep         bool
}

func (d *driver) loop(line []byte) (answer, error) {
	var p load
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	c, err := d.of(p.Client)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	receipts, failed, most := p.run(c)
	a := failed.answer()
	if p.Wait == nil || *p.Wait {
		for _, r := range receipts {
			failed.add(r.Wait(context.Background()))
		}
		a = failed.answer()
	} else {
		c.open = append(c.open, receipts...)
	}
	if p.Keep {
		c.kept = append(c.kept, receipts...)
	}
	a["seconds"], a["max_buffered_bytes"] = time.Since(began).Seconds(), most
	return a, nil
}

// run makes the calls.
func (p *load) run(c *client) (receipts []*destinations.Receipt, failed counts, most int64) {
	if p.Name == "" {
		p.Name = p.Client
	}
	pad := make([]byte, p.Pad)
	for i := range pad {
		pad[i] = 'x'
	}
	facades := []destinations.Sender{c.Send, c.Client.Send}
	began := time.Now()
	for i := range p.Count {
		if p.Rate > 0 {
			if ahead := time.Duration(float64(i)/p.Rate*float64(time.Second)) - time.Since(began); ahead > 10*time.Millisecond {
				time.Sleep(ahead)
			}
		}
		n := p.First + i
		to := p.Destinations[n%len(p.Destinations)]
		event := destinations.S3Event{Bucket: to.Bucket, Prefix: to.Prefix, Payload: struct {
			C   string `json:"c"`
			N   int    `json:"n"`
			Pad string `json:"pad"`
		}{p.Name, n, string(pad)}}
		if p.IDPrefix != "" {
			event.ID = fmt.Sprint(p.IDPrefix, n)
		}
		send := facades[0]
		if p.Facades == 2 {
			send = facades[n%2]
		}
		r, err := send.S3(context.Background(), event)
		if err != nil {
			failed.add(err)
			continue
		}
		receipts = append(receipts, r)
		if i%100 == 0 {
			most = max(most, c.Stats().BufferedBytes)
		}
	}
	return receipts, failed, most
}

func (d *driver) results(line []byte) (answer, error) {
	var p struct {
		Client    string
		TimeoutMS float64 `json:"timeout_ms"`
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	c, err := d.of(p.Client)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in(max(p.TimeoutMS, 0.001))
	defer cancel()
	var known counts
	var pending []*destinations.Receipt
	for _, r := range c.open {
		select {
		case <-r.Done():
			known.add(r.Wait(context.Background()))
			continue
		default:
		}
		select {
		case <-r.Done():
			known.add(r.Wait(context.Background()))
		case <-ctx.Done():
			pending = append(pending, r)
		}
	}
	c.open = pending
	a := known.answer()
	a["pending"] = len(pending)
	return a, nil
}
