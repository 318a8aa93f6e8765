package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
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
func (t *target) name(op faultproxy.Op) string { return fmt.Sprintf("%s: %s", op, t.answer.name) }

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
	proxy, err := faultproxy.Listen(strings.TrimPrefix(w.s3.Endpoint, "http://"))
	must(t, err)
	t.Cleanup(proxy.Close)
	w.endpoint = proxy.URL()
	return &matrix{world: w, targets: targets, proxy: proxy, args: []string{
		"--window", longWindow, "--s3-part-size", "5MiB", "--uploads", fmt.Sprint(2 * len(targets)), "--partitions", "1",
	}}
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
	if slices.Contains(lookups, op) {
		r.Prefix = ""
	}
	if op == faultproxy.UploadPart {
		r.Part = 1
	}
	return r
}

// meets are the rules by which t meets its answer in the n-th request of op.
func (t *target) meets(op faultproxy.Op, n int) []faultproxy.Rule {
	r := t.rule(op, n, n, t.answer.fault)
	r.Name = t.name(op)
	all := []faultproxy.Rule{r}
	if op == faultproxy.GetBucketLocation { // it is asked when a HeadBucket does not tell
		all = append(all, t.rule(faultproxy.HeadBucket, 1, 0, faultproxy.Answer(403, "")))
	}
	return all
}

// awaitDone waits until each of these rules has done what it says.
func (m *matrix) awaitDone(names []string, limit time.Duration) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	must(m.t, harness.Poll(ctx, "every fault to have been met", func() error {
		done := m.proxy.Done()
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return done[name] > 0 })
		if len(missing) > 0 {
			return fmt.Errorf("%d of %d not met: %s", len(missing), len(names), strings.Join(missing[:min(5, len(missing))], ", "))
		}
		return nil
	}))
}

// settle waits until everything is in its bucket and the service says so of each
// object, in whichever of its lives; then nothing is left to be done.
func (m *matrix) settle() {
	m.t.Helper()
	m.await(2 * time.Minute)
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	must(m.t, harness.Poll(ctx, "the service to know what it has delivered", func() error {
		text, err := os.ReadFile(filepath.Join(m.dir, "data.log"))
		if err != nil {
			return err
		}
		for _, o := range m.ledger.Objects() {
			said := `"msg":"delivered","bucket":"` + o.Bucket + `","key":"` + o.Key + `"`
			if !bytes.Contains(text, []byte(said)) {
				return fmt.Errorf("it does not know of %s", o)
			}
		}
		return nil
	}))
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
			nth := 1
			if op == faultproxy.UploadPart && slices.Contains(tg.ops, faultproxy.AbortMultipartUpload) {
				nth = 2 // the first one is denied, so that there is something to abort
			}
			rules = append(rules, tg.meets(op, nth)...)
			names = append(names, tg.name(op))
		}
		if slices.Contains(tg.ops, faultproxy.AbortMultipartUpload) {
			rules = append(rules, tg.rule(faultproxy.UploadPart, 1, 1, faultproxy.Answer(403, "AccessDenied")))
		}
	}
	m.proxy.SetRules(rules...)
	svc := m.serve("data", m.args...)
	m.fill(svc)
	m.awaitDone(names, 2*time.Minute)
	m.settle()
	m.check(svc)
}

// TestEveryAnswerOfS3AndKill kills the service when every request has met what it
// can be answered, and lets the next one find out: four lives, in each of which
// other requests meet it, and what would come after is held up; then a fifth one
// that is left alone.
func TestEveryAnswerOfS3AndKill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	m := newMatrix(t, true)
	for i, life := range [][]faultproxy.Op{
		{faultproxy.PutObject, faultproxy.CreateMultipartUpload, faultproxy.HeadBucket, faultproxy.GetBucketLocation},
		{faultproxy.UploadPart},
		{faultproxy.AbortMultipartUpload},
		{faultproxy.CompleteMultipartUpload},
	} {
		var rules []faultproxy.Rule
		var names []string
		for _, tg := range m.targets {
			for _, op := range tg.ops {
				if slices.Contains(life, op) {
					rules = append(rules, tg.meets(op, 1)...)
					rules = append(rules, tg.heldUp(op)...)
					names = append(names, tg.name(op))
				}
			}
			if tg.large && !slices.Contains(life, faultproxy.CompleteMultipartUpload) { // it has another life to come
				rules = append(rules, tg.rule(faultproxy.CompleteMultipartUpload, 1, 0, faultproxy.Hang()))
			}
		}
		m.proxy.SetRules(rules...)
		svc := m.serve("data", m.args...)
		if i == 0 {
			m.fill(svc)
		}
		m.awaitDone(names, time.Minute)
		<-time.After(time.Duration(rnd.Int64N(int64(200 * time.Millisecond))))
		svc.Kill()
	}
	m.proxy.SetRules()
	svc := m.serve("data", m.args...)
	m.settle()
	m.check(svc)
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
