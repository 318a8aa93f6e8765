package main

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"sync"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// usage is what a program holds.
type usage struct {
	FDs     int `json:"fds"`
	Threads int `json:"threads"` // goroutines
	Tasks   int `json:"tasks"`
}

func used() usage {
	runtime.GC()
	files, _ := os.ReadDir("/proc/self/fd")
	return usage{FDs: len(files), Threads: runtime.NumGoroutine()}
}

func (d *driver) churn(line []byte) (answer, error) {
	var p struct {
		Count, Parallel int
		Options         json.RawMessage
		Destinations    []place
		Name            string
	}
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	if p.Parallel == 0 {
		p.Parallel = 8
	}
	first, err := connect(p.Options)
	if err != nil {
		return nil, err
	}
	if err := first.Close(context.Background()); err != nil {
		return nil, err
	}
	before := used()
	var mu sync.Mutex
	var all counts
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range p.Parallel {
		wg.Go(func() {
			for i := range numbers {
				err := life(p.Options, p.Destinations[i%len(p.Destinations)], p.Name, i)
				mu.Lock()
				all.add(err)
				mu.Unlock()
			}
		})
	}
	for i := range p.Count {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	after := used()
	for end := time.Now().Add(5 * time.Second); (after.FDs > before.FDs || after.Threads > before.Threads) && time.Now().Before(end); after = used() {
		time.Sleep(50 * time.Millisecond)
	}
	a := all.answer()
	a["before"], a["after"] = before, after
	return a, nil
}

// life is that of one client.
func life(options json.RawMessage, to place, name string, n int) error {
	c, err := connect(options)
	if err != nil {
		return err
	}
	r, err := c.Send.S3(context.Background(), destinations.S3Event{Bucket: to.Bucket, Prefix: to.Prefix, Payload: map[string]any{"c": name, "n": n, "pad": ""}})
	if err == nil {
		err = r.Wait(context.Background())
	}
	if closed := c.Close(context.Background()); err == nil {
		err = closed
	}
	return err
}
