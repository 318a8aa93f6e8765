package main

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	overloadWindow   = 10 * time.Second
	overloadStreams  = 200
	overloadPrefixes = 100
	overloadMemory   = 128 // MiB, the service's --memory
	overloadQuota    = 256 // MiB, its --journal-quota
	overloadPart     = 10  // S3 takes one part in so many
)

// overloadParams says what to send.
type overloadParams struct {
	duration time.Duration
	rate     int // MB of payload a second that is offered
}

func overloadDefaults() overloadParams { return overloadParams{duration: time.Minute, rate: 20} }

// overloadResult is the line of overload.
type overloadResult struct {
	Bench   string `json:"bench"`
	Streams int    `json:"streams"`
	// OfferedMBs is payload that the clients wanted to send, MB (10^6) a second; S3MBs is
	// what S3 was held to, in compressed bytes: a tenth of what that would be.
	OfferedMBs float64 `json:"offered_mb_s"`
	S3MBs      float64 `json:"s3_mb_s"`
	// AckedMBs is payload that was acknowledged while S3 was slow.
	AckedMBs float64 `json:"acked_mb_s"`
	// AckP50MS and AckP99MS are of the time from the send of a request that was taken to
	// its answer.
	AckP50MS float64 `json:"ack_p50_ms"`
	AckP99MS float64 `json:"ack_p99_ms"`
	// Refusals are calls that the service ended, by code and reason; each of them said
	// when to come back.
	Refusals map[string]uint64 `json:"refusals"`
	// Rejected are events that it rejected, by code.
	Rejected     map[string]uint64 `json:"rejected"`
	Acknowledged uint64            `json:"acknowledged"`
	Lost         uint64            `json:"lost"`
	Duplicated   uint64            `json:"duplicated"`
	// DrainedAfterS is from when S3 took as much as it could again to the last object.
	DrainedAfterS float64 `json:"drained_after_s"`
	RSSMiB        float64 `json:"rss_mib"`
	CPUS          float64 `json:"cpu_s"`
}

// overload offers ten times what S3 takes.
func overload(ctx context.Context, t *trial, p overloadParams) (err error) {
	s, err := t.open(ctx, stage.Params{Buckets: []string{"bench"}, Direct: true, Args: []string{
		"--window", overloadWindow.String(), "--memory", fmt.Sprintf("%dMiB", overloadMemory), "--journal-quota", fmt.Sprintf("%dMiB", overloadQuota),
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	made := traffic.NewCorpus(stage.Spread(overloadPrefixes, "bench"), trialEventBytes, trialEventBytes)
	line := overloadResult{Bench: "overload", Streams: overloadStreams, OfferedMBs: float64(p.rate)}
	s3Rate := float64(p.rate) * 1e6 / compressRatio(made) / overloadPart
	line.S3MBs = round(s3Rate/1e6, 2)
	s.Back.Hold(int(s3Rate))
	meter, err := harness.StartMeter(s.Service.PID())
	if err != nil {
		return err
	}
	defer meter.Stop()
	for range overloadStreams {
		_, err := s.Join(traffic.Params{
			Corpus: made, Stream: true, RequestEvents: 50, Outstanding: 16, Rate: float64(p.rate) * 1e6 / trialEventBytes / overloadStreams,
		})
		if err != nil {
			return err
		}
	}
	say("offering %d MB/s for %v, S3 takes %.2f MB/s of gzip", p.rate, p.duration, line.S3MBs)
	began := time.Now()
	if _, err := s.Watch(ctx, p.duration); err != nil {
		return err
	}
	line.AckedMBs = round(float64(s.Progress())*trialEventBytes/1e6/time.Since(began).Seconds(), 2)
	say("%.2f MB/s were acknowledged; S3 is quick again", line.AckedMBs)
	s.Back.Pass()
	passed := time.Now()
	if err := s.Drain(ctx); err != nil {
		return err
	}
	if err := s.Flush(ctx); err != nil {
		return err
	}
	return overloadVerdict(ctx, s, line, meter, passed)
}

// overloadVerdict waits for everything, and prints the line.
func overloadVerdict(ctx context.Context, s *stage.Stage, line overloadResult, meter *harness.Meter, passed time.Time) error {
	// A request that is refused while the one behind it is taken changes the order.
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"bench"}, Clients: s.Clients})
	if err != nil {
		return err
	}
	_ = meter.Stop()
	if err := s.Finish(ctx, tally); err != nil {
		return err
	}
	r, sums, usage := tally.Result(), sumOf(s.Clients), meter.Until(time.Now())
	line.AckP50MS, line.AckP99MS = sums.ms(0.5), sums.ms(0.99)
	line.Acknowledged, line.Lost, line.Duplicated = r.Acknowledged, r.Lost, r.Duplicated
	line.DrainedAfterS = round(r.Last.Sub(passed).Seconds(), 1)
	line.RSSMiB, line.CPUS = mib(usage.PeakRSS), round(usage.CPU.Seconds(), 2)
	line.Rejected, line.Refusals = sums.rejected, map[string]uint64{}
	err = tally.Check()
	for end, n := range sums.ends {
		line.Refusals[end.Code.String()+"/"+end.Reason] += n
		if end.Reason == "" || !end.Hinted {
			err = errors.Join(err, fmt.Errorf("%d refusals without a reason or a hint: %+v", n, end))
		}
	}
	if len(sums.ends) == 0 {
		err = errors.Join(err, errors.New("nothing was refused: there was no overload"))
	}
	if most := float64(overloadMemory + restMiB); line.RSSMiB > most {
		err = errors.Join(err, fmt.Errorf("the resident set was %v MiB, larger than %v", line.RSSMiB, most))
	}
	return errors.Join(printLine(line), err)
}

// compressRatio is what gzip makes of events of a corpus.
func compressRatio(c *traffic.Corpus) float64 {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		panic("invariant: flate knows its own levels")
	}
	raw := 0
	for n := range uint64(10_000) {
		line := append(c.Payload(0, n), '\n')
		raw += len(line)
		_, _ = w.Write(line) // into memory
	}
	_ = w.Close()
	return float64(raw) / float64(out.Len())
}
