package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/open-destinations/destinations/e2e/driver"
	"github.com/open-destinations/destinations/e2e/stage"
)

const (
	// warmUp is how many events a client sends first, and then as many as that says it can
	// in half of the time that it is given: so what compiles as it goes has compiled.
	warmUp     = 50_000
	clientMost = 20_000_000

	// Events of clients are those of ingest; only the last digits of their numbers are
	// different in each of them.
	clientHead   = `{"id":"evt_00`
	clientDigits = 10
)

// clientsParams says whom to measure, and for how long.
type clientsParams struct {
	duration  time.Duration
	languages string
}

func clientsDefaults() clientsParams { return clientsParams{duration: 10 * time.Second} }

// clientResult is the line of a client. Every event's promise was kept, and every event
// was read back once, or there is no line.
type clientResult struct {
	Bench    string `json:"bench"`
	Language string `json:"language"`
	// EventsPerS is from the first call to the last promise.
	EventsPerS float64 `json:"events_per_s"`
	// IngestEventsPerS is what the run of ingest before it came to.
	IngestEventsPerS float64 `json:"ingest_events_per_s"`
	// CPUPerMillionEv is user and system time of the client's process.
	CPUPerMillionEv float64 `json:"cpu_s_per_m_events"`
}

// clients measures ingest, and then one client after the other.
func clients(ctx context.Context, t *trial, p clientsParams) error {
	languages, err := driver.Named(p.languages)
	if err != nil {
		return err
	}
	for _, l := range languages {
		say("installing the client of %s", l)
		if out, err := exec.CommandContext(ctx, "make", "-s", "-C", filepath.Join(t.folder.root, "clients", l.Folder), "driver").CombinedOutput(); err != nil {
			return fmt.Errorf("install the client of %s: %w\n%s", l, err, out)
		}
	}
	c, err := newCorpus()
	if err != nil {
		return err
	}
	o, _ := parseIngest(nil) // the defaults
	o.duration = p.duration
	beside := &run{folder: t.folder, bins: t.bins, corpus: c, options: o, spread: spread{destinations: 1}, load: &load{}}
	if err := beside.whole(ctx); err != nil {
		return err
	}
	for _, l := range languages {
		line, err := measureClient(ctx, t, clientParams{language: l, corpus: c, duration: p.duration})
		if err != nil {
			return fmt.Errorf("%s: %w", l, err)
		}
		line.IngestEventsPerS = beside.result.EventsPerS
		if err := printLine(line); err != nil {
			return err
		}
	}
	return nil
}

// clientParams says what a client is to do.
type clientParams struct {
	language driver.Language
	corpus   *corpus
	duration time.Duration
}

// measureClient starts all anew for one client.
func measureClient(ctx context.Context, t *trial, p clientParams) (line clientResult, err error) {
	s, err := t.open(ctx, stage.Params{Buckets: []string{bucket}, Direct: true, Args: []string{"--window", "30s"}})
	if err != nil {
		return line, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := driver.Start(ctx, driver.Params{Root: t.folder.root, Language: p.language, Log: filepath.Join(t.folder.stage(), "driver.log")})
	if err != nil {
		return line, err
	}
	if _, err := d.Do(ctx, driver.Command{"op": "open", "client": "a", "options": map[string]any{"target": s.Service.Target}}); err != nil {
		return line, errors.Join(err, d.Close())
	}
	sent, count := map[string]int{}, warmUp
	var measured *driver.Answer
	for prefix, seconds := range phases(p.duration) {
		if measured != nil {
			count = min(int(seconds*float64(count)/measured.Seconds), clientMost)
		}
		say("%s sends %d events", p.language, count)
		if measured, err = sendBench(ctx, d, p, prefix, count); err != nil {
			return line, errors.Join(err, d.Close())
		}
		sent[prefix+"/"] = count
	}
	if err := d.Close(); err != nil {
		return line, err
	}
	line = clientResult{
		Bench: "client", Language: p.language.String(),
		EventsPerS:      round(float64(count)/measured.Seconds, 0),
		CPUPerMillionEv: round(measured.CPUSeconds/float64(count)*1e6, 2),
	}
	return line, readClient(ctx, s, p.corpus, sent)
}

// phases are the prefixes that a client sends to, one after the other, and for how many
// seconds, more or less. The last is measured.
func phases(duration time.Duration) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		_ = yield("cold", 0) && yield("warm", duration.Seconds()/2) && yield("measured", duration.Seconds())
	}
}

// sendBench has the client send so many events below a prefix.
func sendBench(ctx context.Context, d *driver.Driver, p clientParams, prefix string, count int) (*driver.Answer, error) {
	a, err := d.Do(ctx, driver.Command{
		"op": "bench", "client": "a", "count": count, "head": clientHead, "tails": clientTails(p.corpus),
		"destinations": []map[string]string{{"bucket": bucket, "prefix": prefix}},
	})
	switch {
	case err != nil:
		return nil, err
	case !a.OK:
		return nil, a.Error
	case a.Accepted != count:
		return nil, fmt.Errorf("%d of %d events were accepted: %v, %+v", a.Accepted, count, a.Errors, a.First)
	}
	return a, nil
}

// clientTails are what follows on the number of an event, one for each request of the
// corpus: so they come again further back than deflate looks.
func clientTails(c *corpus) []string {
	tails := make([]string, templates)
	for i := range tails {
		payload := c.payloadOf(uint64(i) * eventsPerRequest)
		tails[i] = string(payload[len(clientHead)+clientDigits:])
	}
	return tails
}

// readClient waits until everything is delivered, and reads it: each event must be there
// once.
func readClient(ctx context.Context, s *stage.Stage, c *corpus, counts map[string]int) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	if err := s.Idle(ctx); err != nil {
		return err
	}
	if err := s.Finish(ctx); err != nil {
		return err
	}
	tails, arrived, expected := clientTails(c), map[string][]bool{}, make([]byte, 0, payloadBytes)
	objects, err := s.S3.List(ctx, bucket, "")
	if err != nil {
		return err
	}
	for prefix, count := range counts {
		arrived[prefix] = make([]bool, count)
	}
	for _, o := range objects {
		there := arrived[o.Prefix]
		err := s.S3.Lines(ctx, o, func(text []byte) error {
			n, ok := clientNumber(text)
			if !ok || n >= uint64(len(there)) {
				return fmt.Errorf("%s holds %.60q, which was not sent", o, text)
			}
			expected = fmt.Appendf(expected[:0], "%s%010d%s", clientHead, n, tails[n%uint64(len(tails))])
			if there[n] || !bytes.Equal(text, expected) {
				return fmt.Errorf("%s holds event %d again, or with other bytes", o, n)
			}
			there[n] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	for prefix, there := range arrived {
		for n, ok := range there {
			if !ok {
				return fmt.Errorf("event %d of %s is in no object", n, prefix)
			}
		}
	}
	return nil
}

// clientNumber is the number of an event.
func clientNumber(text []byte) (uint64, bool) {
	if len(text) != payloadBytes {
		return 0, false
	}
	return parseDigits(text[len(clientHead) : len(clientHead)+clientDigits])
}
