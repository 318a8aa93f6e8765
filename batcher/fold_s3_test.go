package batcher_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// faultyS3 is a store whose requests and answers go wrong in many ways.
type faultyS3 struct {
	*store
	faults struct {
		sync.Mutex
		rand    *rand.Rand
		others  *rand.Rand       // draws whether they are the tenant's
		own     bool             // credentials are the tenant's own
		all     error            // what everything is answered with; nil = by its bucket
		bucket  map[string]error // likewise, by bucket
		batch   map[string]error // by key: these objects are refused for ever
		poison  float64          // chance that a new key becomes one of them
		known   map[string]bool  // keys that were asked for
		lost    float64          // chance that a request is lost, and that an answer is
		hang    float64          // chance that there is no answer for a long time
		slow    time.Duration
		running map[string]int // uploads that run, by process and key
		left    map[string]int // unfinished multipart uploads, by bucket and key
	}
}

func newFaultyS3(t *testing.T, seed uint64) *faultyS3 {
	s := &faultyS3{store: newStore(t, seed)}
	s.faults.rand, s.faults.others = rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
	s.faults.bucket, s.faults.batch = map[string]error{}, map[string]error{}
	s.faults.known, s.faults.running, s.faults.left = map[string]bool{}, map[string]int{}, map[string]int{}
	return s
}

// set changes what goes wrong.
func (s *faultyS3) change(f func()) {
	s.faults.Lock()
	defer s.faults.Unlock()
	f()
}

// tenant is what is said of the one tenant now.
func (s *faultyS3) tenant(string) (of batcher.Tenant) {
	s.change(func() { of = batcher.Tenant{Weight: 1, OwnCredentials: s.faults.own, ExpectsOwner: s.faults.own} })
	return of
}

// heal lets nothing go wrong any more.
func (s *faultyS3) heal() {
	s.change(func() {
		f := &s.faults
		f.all, f.poison, f.lost, f.hang, f.slow = nil, 0, 0, 0, 0
		clear(f.bucket)
		clear(f.batch)
	})
}

// fate is what becomes of one request.
type fate struct {
	pause     time.Duration
	err       error // the answer
	lost      bool  // the request does not get there
	lostReply bool
	leftover  bool          // what has failed has left a multipart upload behind
	late      time.Duration // when it takes effect if nobody waits for it any more; 0 = never
}

func (s *faultyS3) draw(bucket, key string, probe bool) (f fate) {
	s.faults.Lock()
	defer s.faults.Unlock()
	m := &s.faults
	f.pause = time.Duration(float64(m.slow) * m.rand.Float64())
	f.lost, f.lostReply = m.rand.Float64() < m.lost, m.rand.Float64() < m.lost
	if m.rand.Float64() < m.hang {
		f.pause = 40 * time.Second
		f.lostReply = true
	}
	f.leftover = m.rand.IntN(4) == 0
	if m.rand.IntN(2) == 0 {
		f.late = time.Duration(m.rand.Int64N(int64(30 * time.Second)))
	}
	if !m.known[key] && !probe {
		m.known[key] = true
		if m.rand.Float64() < m.poison {
			m.batch[key] = refusal("InvalidRequest", 400)
		}
	}
	f.err = m.all
	if f.err == nil {
		f.err = m.bucket[bucket]
	}
	if f.err == nil && !probe {
		f.err = m.batch[key]
	}
	return f
}

// wire is S3 as one process sees it: once it is dead, it learns of nothing any more.
type wire struct {
	s3       *faultyS3
	dead     chan struct{}
	note     func(format string, args ...any)
	onUpload func(string)    // called when a request begins, with bucket and key
	stored   map[string]bool // by bucket and key: the process was told so; guarded by s3.faults
	left     map[string]bool // likewise, that it may have left something behind
}

// hasStored reports whether the process knows that S3 has an object.
func (p *wire) hasStored(bucket, key string) (ok bool) {
	p.s3.change(func() { ok = p.stored[bucket+"/"+key] })
	return ok
}

// Upload puts one object, or not.
func (p *wire) Upload(ctx context.Context, o *uploader.Object) (uploader.Result, error) {
	p.onUpload(o.Bucket + "/" + o.Key)
	name := p.name(o.Bucket, o.Key)
	p.s3.change(func() {
		if p.s3.faults.running[name]++; p.s3.faults.running[name] > 1 {
			p.s3.t.Errorf("%s is being uploaded twice at once", o.Key)
		}
	})
	defer p.s3.change(func() { p.s3.faults.running[name]-- })
	size := o.Body.Size()
	body, err := io.ReadAll(io.NewSectionReader(o.Body, 0, size))
	if err != nil {
		return uploader.Result{Attempts: 1}, err
	}
	put := object{o.Bucket, o.Key, p.s3.read(o, body)}
	f := p.s3.draw(o.Bucket, o.Key, false)
	if err := p.wait(ctx, f.pause); err != nil {
		if f.err == nil && !f.lost && f.late > 0 { // it was on its way
			time.AfterFunc(f.late, func() { p.note("S3 stores %s late (it is there: %v)", put.key, p.s3.put(put)) })
		}
		return p.leave(o, f), err
	}
	if f.err == nil && f.lost {
		f.err = errLost
	}
	if f.err != nil {
		return p.leave(o, f), f.err
	}
	existed := p.s3.put(put)
	p.note("S3 stores %s (it is there: %v, the answer is lost: %v)", put.key, existed, f.lostReply)
	if f.lostReply {
		return uploader.Result{Attempts: 1}, errLost
	}
	p.s3.change(func() { p.stored[o.Bucket+"/"+o.Key] = true })
	return uploader.Result{Attempts: 1, Existed: existed, Size: size, ETag: "etag"}, nil
}

// name is that of an upload of this process.
func (p *wire) name(bucket, key string) string { return fmt.Sprintf("%p %s/%s", p, bucket, key) }

// leave leaves something behind of an upload that failed, or not.
func (p *wire) leave(o *uploader.Object, f fate) uploader.Result {
	if f.leftover {
		p.s3.change(func() {
			p.s3.faults.left[o.Bucket+"/"+o.Key]++
			p.left[o.Bucket+"/"+o.Key] = true
		})
	}
	return uploader.Result{Attempts: 1, Leftover: f.leftover}
}

// Probe begins and aborts an upload.
func (p *wire) Probe(ctx context.Context, _, bucket, key string) error {
	if keyForm.FindStringSubmatch(key) == nil {
		p.s3.t.Errorf("a probe under key %q, which is not of the form that is promised", key)
	}
	f := p.s3.draw(bucket, key, true)
	if err := p.wait(ctx, f.pause); err != nil {
		return err
	}
	if f.err == nil && (f.lost || f.lostReply) {
		f.err = errLost
	}
	return f.err
}

// AbortLeftovers aborts what was left behind under a key: of an upload of this process that
// runs it would abort the parts.
func (p *wire) AbortLeftovers(ctx context.Context, _, bucket, key string) (aborted int, err error) {
	f := p.s3.draw(bucket, key, true)
	if err := p.wait(ctx, f.pause); err != nil || f.err != nil {
		return 0, cmp.Or(err, f.err)
	}
	p.s3.change(func() {
		if p.s3.faults.running[p.name(bucket, key)] > 0 {
			p.s3.t.Errorf("what was left behind under %s is aborted while it is being uploaded", key)
		}
		aborted = p.s3.faults.left[bucket+"/"+key]
		delete(p.s3.faults.left, bucket+"/"+key)
	})
	return aborted, nil
}

// wait waits for an answer.
func (p *wire) wait(ctx context.Context, pause time.Duration) error {
	select {
	case <-p.dead:
		return errLost
	default:
	}
	if pause == 0 {
		return nil
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.dead:
		return errLost
	}
}

// get returns the lines of an object; ok is false if it is not there.
func (s *faultyS3) get(bucket, key string) (lines []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.mu.objects[bucket+"/"+key]
	return o.lines, ok
}

// has reports whether a batch is in S3.
func (s *faultyS3) has(seal *journalv1.Seal) bool {
	_, ok := s.get(seal.GetDestination().GetBucket(), seal.GetKey())
	return ok
}

// byName is get, by bucket and key in one.
func (s *faultyS3) byName(name string) (lines []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.mu.objects[name]
	return o.lines, ok
}

// all returns every object, those under one prefix in the order in which they appeared.
func (s *faultyS3) all() (found []object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.mu.places {
		found = append(found, of...)
	}
	return found
}
