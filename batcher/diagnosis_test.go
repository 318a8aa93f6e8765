package batcher_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

// doctor is a checker that counts.
type doctor struct {
	mu          sync.Mutex
	takes       time.Duration // of one
	found       uploader.Diagnosis
	asked       []string // destinations, in order
	underWay    int
	most        int // at a time
	ofOneBucket int // at a time, of a bucket
	buckets     map[string]int
}

func (d *doctor) Check(ctx context.Context, tenant, bucket, prefix string) (*uploader.Diagnosis, error) {
	d.note(bucket, 1, tenant+":"+bucket+"/"+prefix)
	defer d.note(bucket, -1, "")
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.found
	found.At = time.Now()
	return &found, nil
}

func (d *doctor) note(bucket string, by int, asked string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.buckets == nil {
		d.buckets = map[string]int{}
	}
	d.buckets[bucket] += by
	d.underWay += by
	d.most, d.ofOneBucket = max(d.most, d.underWay), max(d.ofOneBucket, d.buckets[bucket])
	if asked != "" {
		d.asked = append(d.asked, asked)
	}
}

// count is how often it was asked.
func (d *doctor) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// finds is what it finds from now on: a step that fails because an action is missing.
func (d *doctor) finds(action string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = uploader.Diagnosis{Key: "k", Steps: []uploader.Step{{
		Name: uploader.StepCreate, Outcome: uploader.OutcomeFails, Code: "AccessDenied",
		Message: strings.Repeat("m", 2000), Missing: []string{action},
	}}}
}

// missing is what the list says that d misses.
func (w *world) missing(d dest) string {
	w.t.Helper()
	if found := w.status(d).Diagnosis; found != nil {
		return strings.Join(found.Missing(), " ")
	}
	return ""
}

func withDoctor(doc *doctor) func(*world) { return func(w *world) { w.checker = doc } }

func TestABlockedDestinationIsLookedAt(t *testing.T) {
	doc := &doctor{}
	bubble(t, withDoctor(doc), func(w *world) {
		_, tables, _ := w.batcher.Memory()
		doc.finds("s3:PutObject")
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(2 * time.Second)
		if got := w.missing(one); got != "s3:PutObject" || doc.asked[0] != "default:"+one.bucket+"/"+one.prefix {
			w.t.Errorf("got %q missing of %+v, asked %q", got, w.statuses(), doc.asked)
		}
		if text := w.status(one).Diagnosis.Steps[0].Message; len(text) > 500 {
			w.t.Errorf("a text of %d bytes is kept", len(text))
		}
		pass(4 * time.Minute)
		if n := doc.count(); n != 1 {
			w.t.Errorf("looked at %d times in 4 minutes", n)
		}
		doc.finds("s3:PutObjectAcl") // half of it was mended
		pass(12 * time.Minute)
		if got := w.missing(one); got != "s3:PutObjectAcl" {
			w.t.Errorf("got %q missing after a while", got)
		}
		pass(5 * time.Hour)
		if n := doc.count(); n > 5*60/5+3 {
			w.t.Errorf("looked at %d times in 5 hours", n)
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if w.delivered(one) != 3 || w.status(one).Diagnosis != nil {
			w.t.Errorf("%d delivered, got %+v", w.delivered(one), w.status(one))
		}
		if _, after, _ := w.batcher.Memory(); after > tables+64<<10 {
			w.t.Errorf("tables of %d bytes, %d before", after, tables)
		}
	})
}

// TestANewReasonIsLookedAtAtOnce changes what S3 says, and has somebody ask.
func TestANewReasonIsLookedAtAtOnce(t *testing.T) {
	doc := &doctor{}
	bubble(t, withDoctor(doc), func(w *world) {
		doc.finds("s3:PutObject")
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(2 * time.Second)
		w.refuse(one.bucket, refusal("KMS.DisabledException", 400))
		pass(20 * time.Second) // pauses between probes are short at first
		if n := doc.count(); n != 2 {
			w.t.Errorf("looked at %d times, want again", n)
		}
		if _, err := w.batcher.Redrive(w.t.Context(), false, "default", one.bucket, one.prefix); err != nil {
			w.t.Fatal(err)
		}
		pass(2 * time.Second)
		if n := doc.count(); n != 3 {
			w.t.Errorf("looked at %d times, want again for who asks", n)
		}
		w.refuse(one.bucket, nil)
	})
}

// TestWhatNeedsNoDiagnosis holds that nobody looks where it would say nothing, or where the
// bucket may be somebody else's by now.
func TestWhatNeedsNoDiagnosis(t *testing.T) {
	for name, err := range map[string]error{
		"transient":   slowDown,
		"credentials": refusal("ExpiredToken", 400),
		"gone":        refusal("NoSuchBucket", 404),
	} {
		t.Run(name, func(t *testing.T) {
			doc := &doctor{}
			bubble(t, withDoctor(doc), func(w *world) {
				w.put(one, numbered{lines: w.lines(1)})
				w.flush()
				pass(time.Minute) // written to
				w.refuse(one.bucket, err)
				w.put(one, numbered{lines: w.lines(1)})
				w.flush()
				pass(10 * time.Minute)
				if n := doc.count(); n != 0 {
					w.t.Errorf("looked at %d times: %+v", n, w.status(one))
				}
				w.refuse(one.bucket, nil)
				if _, err := w.batcher.Redrive(w.t.Context(), true, "", "", ""); err != nil {
					w.t.Fatal(err)
				}
			})
		})
	}
}

// TestAfterARestartItIsLookedAtAgain holds that a diagnosis is of a process.
func TestAfterARestartItIsLookedAtAgain(t *testing.T) {
	doc := &doctor{}
	bubble(t, withDoctor(doc), func(w *world) {
		doc.finds("s3:PutObject")
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(time.Second)
		w.crash()
		pass(10 * time.Minute)
		if got := w.missing(one); got != "s3:PutObject" {
			w.t.Errorf("got %q missing", got)
		}
		w.refuse(one.bucket, nil)
	})
}

// TestWhatIsFoundToWorkIsProbed has a policy mended when the destination is looked at.
func TestWhatIsFoundToWorkIsProbed(t *testing.T) {
	doc := &doctor{takes: 20 * time.Second}
	bubble(t, func(w *world) { w.checker, w.cfg.RetryMin = doc, time.Minute }, func(w *world) {
		doc.found = uploader.Diagnosis{Key: "test/left.gz", Leftover: true, Steps: []uploader.Step{
			{Name: uploader.StepCreate, Outcome: uploader.OutcomeWorks}, {Name: uploader.StepAbort, Outcome: uploader.OutcomeWarns},
		}}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(10 * time.Second)
		w.refuse(one.bucket, nil)
		pass(12 * time.Second)
		if n := w.delivered(one); n != 3 {
			w.t.Errorf("%d delivered, want them as soon as it is found to work", n)
		}
		w.calls()
		pass(25 * time.Hour) // what could not be aborted is looked for
		if found := aborts(w.calls()); len(found) != 1 || !strings.HasSuffix(found[0], "test/left.gz") {
			w.t.Errorf("got %v", found)
		}
	})
}

// TestAStormOfRefusalsIsLookedAtSlowly takes a policy away from many, where a look takes
// as long as it may. Nothing else waits for it, and neither does the end.
func TestAStormOfRefusalsIsLookedAtSlowly(t *testing.T) {
	doc := &doctor{takes: 40 * time.Second}
	bubble(t, func(w *world) { w.checker, w.jcfg.Partitions = doc, 8 }, func(w *world) {
		doc.finds("s3:PutObject")
		works := dest{"works", ""}
		all := []dest{works}
		for i := range 300 {
			all = append(all, dest{fmt.Sprintf("b%d", i%3), fmt.Sprintf("p%d/", i)})
			w.refuse(all[i+1].bucket, denied)
		}
		w.send(short, all...)
		w.flush()
		pass(time.Minute)
		if w.delivered(works) != 1 {
			w.t.Error("what works has waited")
		}
		_, before := w.asked()
		pass(2 * w.cfg.ProbeMax)
		if _, probes := w.asked(); probes-before < 300 {
			w.t.Errorf("%d probes of 300 destinations", probes-before)
		}
		if n := doc.count(); doc.most != 2 || doc.ofOneBucket > 1 || n < 20 || n > 2*11*60/40+2 {
			w.t.Errorf("%d at a time, %d of a bucket, %d in 11 minutes", doc.most, doc.ofOneBucket, n)
		}
		for i := range 3 {
			w.refuse(fmt.Sprintf("b%d", i), nil)
		}
		pass(2 * w.cfg.ProbeMax)
		if _, tables, _ := w.batcher.Memory(); tables > 1<<20 {
			w.t.Errorf("%d bytes of tables when all work", tables)
		}
	})
}

// TestOnlySoManyDiagnosesAreKept has more destinations blocked than a shard keeps them of.
func TestOnlySoManyDiagnosesAreKept(t *testing.T) {
	doc := &doctor{}
	bubble(t, withDoctor(doc), func(w *world) {
		doc.finds("s3:PutObject")
		w.refuse("b", denied)
		for i := range 150 {
			w.put(dest{"b", fmt.Sprintf("p%d/", i)}, numbered{lines: w.lines(1)})
		}
		w.flush()
		pass(20 * time.Minute)
		kept := 0
		for _, s := range w.statuses() {
			if s.Diagnosis != nil {
				kept++
			}
		}
		if n := doc.count(); kept != 100 || n < 150 {
			w.t.Errorf("%d kept of %d", kept, n)
		}
		w.refuse("b", nil)
	})
}
