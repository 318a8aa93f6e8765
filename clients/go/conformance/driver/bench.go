package main

import (
	"context"
	"encoding/json"
	"syscall"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

func (d *driver) bench(line []byte) (answer, error) {
	var p struct {
		Client       string
		Count        int
		Head         string
		Tails        []string
		Destinations []place
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	c, err := d.of(p.Client)
	if err != nil {
		return nil, err
	}
	// Receipts are waited for a while behind their calls, in another goroutine.
	receipts := make(chan *destinations.Receipt, 1<<16)
	told := make(chan counts)
	go func() {
		var all counts
		for r := range receipts {
			all.add(r.Wait(context.Background()))
		}
		told <- all
	}()
	began, cpu := time.Now(), cpuTime()
	event := append([]byte(p.Head), "0000000000"...)
	digits := event[len(p.Head):]
	var refused counts
	for n := range p.Count {
		for i, rest := len(digits)-1, n; i >= 0; i, rest = i-1, rest/10 {
			digits[i] = byte('0' + rest%10)
		}
		to := p.Destinations[n%len(p.Destinations)]
		r, err := c.Send.S3(context.Background(), destinations.S3Event{Bucket: to.Bucket, Prefix: to.Prefix, Payload: append(event, p.Tails[n%len(p.Tails)]...)})
		if err != nil {
			refused.add(err)
			continue
		}
		receipts <- r
	}
	close(receipts)
	all := <-told
	seconds, used := time.Since(began).Seconds(), cpuTime()-cpu
	if all.First == nil {
		all.First, all.Errors = refused.First, refused.Errors
	}
	all.Failed += refused.Failed
	a := all.answer()
	a["seconds"], a["cpu_seconds"] = seconds, used.Seconds()
	return a, nil
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it takes no argument that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
