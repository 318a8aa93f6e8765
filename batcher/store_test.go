package batcher_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

// store is an S3 that several processes, one after the other, upload to. It is
// strict: an object that comes twice has to come with the same lines, and the test
// fails if an object is not what its metadata says.
type store struct {
	t  *testing.T
	mu struct {
		sync.Mutex
		rand        *rand.Rand
		objects     map[string]object   // by bucket and key
		places      map[string][]object // by bucket and prefix, in the order in which they appeared
		refuse      map[string]error    // by bucket
		down        error               // of all
		credentials map[string]error    // by tenant: of those of its own
		lost        float64             // chance that a request is lost, and that an answer is
		slow        time.Duration
		hang        map[string]time.Duration // by bucket: no answer, and an error in the end
		answers     string                   // prefix of keys that do not hang; empty = none
		poison      func(line string) bool   // an object that begins with such a line is refused; nil = none
		tries       int
		puts        int
		probes      int
		calls       []string // "abort" or "put", and the key: what was asked for, in order
		left        bool     // an upload that fails says that it may have left something behind
		keep        error    // of every AbortLeftovers
	}
}

type object struct {
	bucket, key string
	lines       []string
}

var errLost = errors.New("connection reset")

func newStore(t *testing.T, seed uint64) *store {
	s := &store{t: t}
	s.mu.rand = rand.New(rand.NewPCG(seed, 1))
	s.mu.objects = map[string]object{}
	s.mu.places = map[string][]object{}
	s.mu.refuse = map[string]error{}
	s.mu.hang, s.mu.credentials = map[string]time.Duration{}, map[string]error{}
	return s
}

// process is the store as one process sees it: once it is dead, its uploads come to
// nothing.
type process struct {
	*store
	dead chan struct{}
}

func (p *process) Upload(ctx context.Context, o *uploader.Object) (uploader.Result, error) {
	body, err := io.ReadAll(io.NewSectionReader(o.Body, 0, o.Body.Size()))
	if err != nil {
		return uploader.Result{Attempts: 1}, err
	}
	lines := p.read(o, body)
	p.mu.Lock()
	p.mu.tries++
	p.mu.calls = append(p.mu.calls, "put "+o.Key)
	left := p.mu.left
	pause, lostRequest, lostReply := p.mu.slow, p.mu.rand.Float64() < p.mu.lost, p.mu.rand.Float64() < p.mu.lost
	err = p.mu.refuse[o.Bucket]
	if p.mu.poison != nil && p.mu.poison(lines[0]) {
		err = invalid
	}
	if p.mu.down != nil {
		err = p.mu.down
	}
	if hang := p.hangsLocked(o.Bucket, o.Key); hang > 0 {
		pause, err = hang, context.DeadlineExceeded
	}
	if e := p.mu.credentials[o.Tenant]; e != nil {
		err = e
	}
	p.mu.Unlock()
	if err := wait(ctx, pause); err != nil {
		return uploader.Result{Attempts: 1}, err
	}
	select {
	case <-p.dead:
		return uploader.Result{Attempts: 1}, errLost
	default:
	}
	if err == nil && lostRequest {
		err = errLost
	}
	if err != nil {
		return uploader.Result{Attempts: 1, Leftover: left}, err
	}
	existed := p.put(object{o.Bucket, o.Key, lines})
	if lostReply {
		return uploader.Result{Attempts: 1}, errLost
	}
	return uploader.Result{Attempts: 1, Existed: existed, Size: o.Body.Size(), ETag: "etag"}, nil
}

// Probe begins and aborts an upload.
func (p *process) Probe(ctx context.Context, tenant, bucket, key string) error {
	if keyForm.FindStringSubmatch(key) == nil {
		p.t.Errorf("a probe under key %q, which is not of the form that is promised", key)
	}
	p.mu.Lock()
	p.mu.probes++
	pause, lost, err := p.mu.slow, p.mu.rand.Float64() < p.mu.lost, p.mu.refuse[bucket]
	if p.mu.down != nil {
		err = p.mu.down
	}
	if hang := p.hangsLocked(bucket, key); hang > 0 {
		pause, err = hang, context.DeadlineExceeded
	}
	if e := p.mu.credentials[tenant]; e != nil {
		err = e
	}
	p.mu.Unlock()
	if err := wait(ctx, pause); err != nil {
		return err
	}
	if err == nil && lost {
		err = errLost
	}
	return err
}

// wait is the time that an answer takes. None takes no timer either: one that is due when it is
// waited for is fired by whoever waits, with what the race detector knows of all timers of the
// bubble, and two at once have crashed it.
func wait(ctx context.Context, pause time.Duration) error {
	if pause == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hangsLocked is for how long there is no answer.
func (s *store) hangsLocked(bucket, key string) time.Duration {
	if s.mu.answers != "" && strings.HasPrefix(key, s.mu.answers) {
		return 0
	}
	return s.mu.hang[bucket]
}

// AbortLeftovers only notes that it was called.
func (p *process) AbortLeftovers(_ context.Context, _, _, key string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.calls = append(p.mu.calls, "abort "+key)
	return 0, p.mu.keep
}

// refusal is an answer of S3.
func refusal(code string, status int) error {
	return &uploader.Error{Op: "PutObject", Code: code, Status: status, Err: errors.New(code)}
}

var keyForm = regexp.MustCompile(`^(.*/)?(\d{4})/(\d{2})/(\d{2})/(\d{2})/(\d{4})-(\d{2})-(\d{2})-(\d{2})-(\d{2})-(\d{2})-[0-9a-f]{64}\.gz$`)

// read reads the whole object as a user would, and holds it against its metadata.
func (s *store) read(o *uploader.Object, body []byte) (lines []string) {
	if m := keyForm.FindStringSubmatch(o.Key); m == nil || !slices.Equal(m[2:6], m[6:10]) {
		s.t.Errorf("key %q is not of the form that is promised", o.Key)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		s.t.Errorf("%s: %v", o.Key, err)
		return nil
	}
	hash := sha256.New()
	r := bufio.NewReader(io.TeeReader(z, hash))
	var raw uint64
	for {
		line, err := r.ReadString('\n')
		raw += uint64(len(line))
		if err == io.EOF && line == "" {
			break
		}
		if err != nil {
			s.t.Errorf("%s: %v behind %d lines and %q", o.Key, err, len(lines), line)
			return nil
		}
		lines = append(lines, line[:len(line)-1])
	}
	m := o.Metadata
	if m.Events != uint64(len(lines)) || m.RawBytes != raw || string(m.RawSHA256[:]) != string(hash.Sum(nil)) {
		s.t.Errorf("%s: %d lines of %d bytes, its metadata says %d of %d (or another checksum)", o.Key, len(lines), raw, m.Events, m.RawBytes)
	}
	return lines
}

func (s *store) put(o object) (existed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.puts++
	name := o.bucket + "/" + o.key
	if have, ok := s.mu.objects[name]; ok {
		if !slices.Equal(have.lines, o.lines) {
			s.t.Errorf("%s is there with %d lines and comes again with others (%d)", name, len(have.lines), len(o.lines))
		}
		return true
	}
	m := keyForm.FindStringSubmatch(o.key)
	place := o.bucket + "/" + m[1]
	s.mu.objects[name] = o
	s.mu.places[place] = append(s.mu.places[place], o)
	return false
}

func (s *store) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// objectsOf returns the objects under a bucket and prefix, in the order in which
// they appeared.
func (s *store) objectsOf(bucket, prefix string) []object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.places[bucket+"/"+prefix])
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.objects)
}

func partitionOf(tenant, bucket, prefix string, partitions int) int {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s|%s|%s", tenant, bucket, prefix)
	return int(h.Sum32() % uint32(partitions))
}
