package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	// matrixBucket has the destinations of all faults but those of look-ups, which
	// are made once for each bucket.
	matrixBucket = "matrix"

	// largeEvents of largeEvent bytes of noise make an object of two parts, just.
	largeEvents, largeEvent = 6, 900_000
)

// target is a destination whose requests meet one answer of S3.
type target struct {
	harness.Destination
	answer s3Answer
	ops    []faultproxy.Op // in which it meets it
	large  bool            // its object goes up in parts
}

// name is what the rule is called in which t meets its answer in op.
func (t *target) name(op faultproxy.Op, mode string) string {
	return fmt.Sprintf("%s, %s: %s", op, mode, t.answer.name)
}

// matrixTargets are the destinations for all combinations. Together means that one
// destination meets its answer in all operations of a multipart upload, also
// where the answer says that it would rather not.
func matrixTargets(together bool) []target {
	var all []target
	for _, a := range s3Answers() {
		in := func(bucket, kind string, large bool, ops ...faultproxy.Op) {
			ops = slices.DeleteFunc(slices.Clone(ops), func(op faultproxy.Op) bool { return a.whyNot(op) != "" })
			if len(ops) > 0 {
				all = append(all, target{harness.Destination{Bucket: bucket, Prefix: kind + "/" + a.slug() + "/"}, a, ops, large})
			}
		}
		bucket := matrixBucket
		if a.apart {
			bucket = a.slug()
		}
		in(bucket, "put", false, faultproxy.PutObject)
		if together || !a.alone {
			in(bucket, "parts", true, multipartOps...)
		} else {
			for _, op := range multipartOps {
				in(bucket, strings.ToLower(string(op)), true, op)
			}
		}
		in("head-"+a.slug(), "head", false, faultproxy.HeadBucket)
		in("location-"+a.slug(), "location", false, faultproxy.GetBucketLocation)
	}
	return all
}

// matrix is the world in which the service meets them.
type matrix struct {
	*world
	targets []target
	proxy   *faultproxy.Proxy
	args    []string // of the service
}

// newMatrix starts S3 and the proxy in front of it.
func newMatrix(t *testing.T, together bool) *matrix {
	t.Helper()
	targets := matrixTargets(together)
	buckets := map[string]bool{}
	for _, tg := range targets {
		buckets[tg.Bucket] = true
	}
	w := newWorld(t, slices.Sorted(maps.Keys(buckets))...)
	proxy := w.listenProxy()
	w.endpoint = proxy.URL()
	return &matrix{world: w, targets: targets, proxy: proxy, args: []string{
		"--window", longWindow, "--s3-part-size", "5MiB", "--uploads", fmt.Sprint(2 * len(targets)), "--partitions", "1",
	}}
}

// listenProxy starts a proxy in front of S3.
func (w *world) listenProxy() *faultproxy.Proxy {
	w.t.Helper()
	proxy, err := faultproxy.Listen(strings.TrimPrefix(w.s3.Endpoint, "http://"))
	must(w.t, err)
	w.t.Cleanup(proxy.Close)
	return proxy
}

// sendLarge sends what becomes an object of two parts, just.
func (w *world) sendLarge(svc *service, stream int, to harness.Destination) {
	w.t.Helper()
	src := rand.NewChaCha8([32]byte{3, byte(stream)})
	must(w.t, w.send(w.t.Context(), svc, stream, inRequests(1, func(yield func(outgoing) bool) {
		for range largeEvents {
			if !yield(outgoing{to, noise(src, largeEvent)}) {
				return
			}
		}
	})))
}

// fill sends what becomes one object in each destination, and closes all of them.
func (m *matrix) fill(svc *service) {
	m.t.Helper()
	src := rand.NewChaCha8([32]byte{2})
	m.inParallel(1, func(stream int) error {
		return m.send(m.t.Context(), svc, stream, inRequests(50, func(yield func(outgoing) bool) {
			for i, tg := range m.targets {
				events := [][]byte{numbered(1, i)}
				for n := 0; tg.large && n < largeEvents; n++ {
					events = append(events, noise(src, largeEvent))
				}
				for _, e := range events {
					if !yield(outgoing{tg.Destination, e}) {
						return
					}
				}
			}
		}))
	})
	m.flush(svc)
}

// rule is one of a target's.
func (t *target) rule(op faultproxy.Op, from, to int, f faultproxy.Fault) faultproxy.Rule {
	r := faultproxy.Rule{Op: op, Bucket: t.Bucket, Prefix: t.Prefix, From: from, To: to, Fault: f}
	if slices.Contains(bucketOps, op) {
		r.Prefix = ""
	}
	if op == faultproxy.UploadPart {
		r.Part = 1
	}
	return r
}

// meets are the rules by which t meets its answer in the n-th request of op.
func (t *target) meets(op faultproxy.Op, n int, mode string) []faultproxy.Rule {
	r := t.rule(op, n, n, t.answer.fault)
	r.Name = t.name(op, mode)
	all := []faultproxy.Rule{r}
	if op == faultproxy.GetBucketLocation { // it is asked when a HeadBucket does not tell
		all = append(all, t.rule(faultproxy.HeadBucket, 1, 0, faultproxy.Answer(403, "")))
	}
	return all
}

// operate does what an operator does meanwhile: a destination that only a person may
// free, since its bucket was there and then was not, is tried again by hand. It
// returns an error that names what is still to be delivered.
func (m *matrix) operate(ctx context.Context, svc *service) error {
	lines, err := svc.operations.ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{})
	if err != nil {
		return err
	}
	var waiting []string
	for {
		line, err := lines.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		d := line.GetDestination()
		if d == nil {
			continue
		}
		waiting = append(waiting, fmt.Sprintf("%s/%s (%s %s)", d.GetBucket(), d.GetPrefix(), line.GetState(), line.GetCode()))
		if line.GetByHand() {
			if line.GetCode() != "NoSuchBucket" {
				return fmt.Errorf("%s waits for a person", waiting[len(waiting)-1])
			}
			if _, err := svc.operations.Redrive(ctx, &destinationsv1.RedriveRequest{Bucket: d.GetBucket(), Prefix: d.GetPrefix()}); err != nil {
				return err
			}
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%d destinations are not served: %s", len(waiting), strings.Join(waiting[:min(5, len(waiting))], ", "))
	}
	return nil
}

// awaitDone waits until each of these rules has done what it says.
func (m *matrix) awaitDone(svc *service, names []string, limit time.Duration) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	must(m.t, harness.Poll(ctx, "every fault to have been met", func() error {
		done := m.proxy.Done()
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return done[name] > 0 })
		if len(missing) == 0 {
			return nil
		}
		return errors.Join(m.operate(ctx, svc), fmt.Errorf("%d of %d not met: %s", len(missing), len(names),
			strings.Join(missing[:min(5, len(missing))], ", ")))
	}))
}

// settle waits until everything is in its bucket and the service knows it, so that
// nothing is left to be done.
func (m *matrix) settle(svc *service) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	defer cancel()
	must(m.t, harness.Poll(ctx, "the service to have delivered everything", func() error { return m.operate(ctx, svc) }))
	m.await(30 * time.Second)
}

// TestEveryAnswerOfS3 lets every request meet everything that it can be answered,
// once, while the service runs: whatever it makes of that, each event is in its
// bucket in the end, once.
func TestEveryAnswerOfS3(t *testing.T) {
	t.Parallel()
	t.Log(s3Matrix())
	m := newMatrix(t, false)
	var rules []faultproxy.Rule
	var names []string
	for _, tg := range m.targets {
		for _, op := range tg.ops {
			if op == faultproxy.ListMultipartUploads {
				continue // see lives
			}
			nth := 1
			if op == faultproxy.UploadPart && slices.Contains(tg.ops, faultproxy.AbortMultipartUpload) {
				nth = 2 // the first one is denied, so that there is something to abort
			}
			rules = append(rules, tg.meets(op, nth, "retried")...)
			names = append(names, tg.name(op, "retried"))
		}
		if slices.Contains(tg.ops, faultproxy.AbortMultipartUpload) {
			rules = append(rules, tg.rule(faultproxy.UploadPart, 1, 1, faultproxy.Answer(403, "AccessDenied")))
		}
	}
	m.proxy.SetRules(rules...)
	svc := m.serve("data", m.args...)
	m.fill(svc)
	m.awaitDone(svc, names, 2*time.Minute)
	m.settle(svc)
	m.check(svc)
}

// lives are those of the service in TestEveryAnswerOfS3AndKill, but for the last
// one. In each of them some requests meet what they can be answered, and what would
// come after is held up until the service is killed.
var lives = []struct{ ops, retried []faultproxy.Op }{
	{ops: []faultproxy.Op{faultproxy.PutObject, faultproxy.CreateMultipartUpload, faultproxy.HeadBucket, faultproxy.GetBucketLocation}},
	{ops: []faultproxy.Op{faultproxy.ListMultipartUploads}},
	// The list again, and nothing of it is held up: there is none before a crash.
	{ops: []faultproxy.Op{faultproxy.UploadPart}, retried: []faultproxy.Op{faultproxy.ListMultipartUploads}},
	{ops: []faultproxy.Op{faultproxy.AbortMultipartUpload}},
	{ops: []faultproxy.Op{faultproxy.CompleteMultipartUpload}},
}

// TestEveryAnswerOfS3AndKill kills the service when every request has met what it
// can be answered, and lets the next one find out. The last one is left alone.
func TestEveryAnswerOfS3AndKill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	m := newMatrix(t, true)
	for i, life := range lives {
		var rules []faultproxy.Rule
		var names []string
		for _, tg := range m.targets {
			for _, op := range tg.ops {
				if slices.Contains(life.ops, op) {
					rules = append(append(rules, tg.meets(op, 1, "killed")...), tg.heldUp(op)...)
					names = append(names, tg.name(op, "killed"))
				}
				if slices.Contains(life.retried, op) {
					rules = append(rules, tg.meets(op, 1, "retried")...)
					names = append(names, tg.name(op, "retried"))
				}
			}
			if tg.large && !slices.Contains(life.ops, faultproxy.CompleteMultipartUpload) { // it has another life to come
				rules = append(rules, tg.rule(faultproxy.CompleteMultipartUpload, 1, 0, faultproxy.Hang()))
			}
		}
		m.proxy.SetRules(rules...)
		svc := m.serve("data", m.args...)
		if i == 0 {
			m.fill(svc)
		}
		m.awaitDone(svc, names, time.Minute)
		<-time.After(time.Duration(rnd.Int64N(int64(200 * time.Millisecond))))
		svc.Kill()
	}
	m.proxy.SetRules()
	began := time.Now()
	svc := m.serve("data", m.args...)
	m.settle(svc)
	m.wantNothingLeft(began)
	m.check(svc)
}

// wantNothingLeft fails if there is a multipart upload that was begun before.
func (m *matrix) wantNothingLeft(before time.Time) {
	m.t.Helper()
	for _, bucket := range m.buckets {
		ups, err := m.s3.Uploads(m.t.Context(), bucket)
		must(m.t, err)
		for _, up := range ups {
			if up.Begun.Before(before) {
				m.t.Errorf("the upload of s3://%s/%s that was begun %v ago was left behind", bucket, up.Key, time.Since(up.Begun).Round(time.Second))
			}
		}
	}
}

// heldUp are the rules that let t go no further than to its first op.
func (t *target) heldUp(op faultproxy.Op) []faultproxy.Rule {
	all := []faultproxy.Rule{t.rule(op, 2, 0, faultproxy.Hang())}
	switch op {
	case faultproxy.AbortMultipartUpload: // there has to be something to abort
		all = append(all,
			t.rule(faultproxy.UploadPart, 1, 1, faultproxy.Answer(403, "AccessDenied")),
			t.rule(faultproxy.UploadPart, 2, 0, faultproxy.Hang()))
	case faultproxy.HeadBucket, faultproxy.GetBucketLocation:
		all = append(all, t.rule(faultproxy.PutObject, 1, 0, faultproxy.Hang()))
	}
	return all
}
