package batcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// spoolsAtOnce is how many batches are written into files at a time.
const spoolsAtOnce = 2

// errDamagedFile says that the file of a parked batch is not what was written.
var errDamagedFile = errors.New("the file of the parked batch is damaged")

// spooled is the message that a batch was written into its file, or why not.
type spooled struct {
	batch  *batch
	parked *journalv1.Parked
	err    error
}

// manifest is the line that lies beside a parked batch's file, for people.
type manifest struct {
	Key          string `json:"key"`
	Tenant       string `json:"tenant"`
	Bucket       string `json:"bucket"`
	Prefix       string `json:"prefix"`
	Events       uint64 `json:"events"`
	RawBytes     uint64 `json:"raw_bytes"`
	First        string `json:"first"`
	Last         string `json:"last"`
	ExcludedRuns int    `json:"excluded_runs"`
	Reason       string `json:"reason"`
	Size         uint64 `json:"size"`
	SHA256       string `json:"sha256"`
	manifestWatched
}

// note is what a manifest says beside its Parked.
type note struct {
	reason  string
	watched *Watched
}

// spool has b written into its file. Its bytes stay in memory until the Parked that is
// decided then has been read back.
func (s *shard) spool(b *batch) {
	b.spooling = true
	s.uploads++
	object := b.object()
	m := &journalv1.Parked{
		Seal: b.seal, File: spoolName(b.seal),
		RawSha256: object.Metadata.RawSHA256[:], LastReceivedUnixNanos: b.lastReceived,
	}
	part, inbox, n := s.part, s.inbox, note{s.whyParked(b), b.watching.all()}
	s.spoolPool.submit(func(struct{}) {
		err := context.Canceled
		if !s.told() {
			err = writeParked(part, object.Body, m, n)
		}
		inbox.put(spooled{b, m, err})
	})
}

// whyParked says it for the manifest.
func (s *shard) whyParked(b *batch) string {
	switch d := b.dest; {
	case b.condemned != "":
		return b.condemned
	case d.dying != "":
		return d.dying
	default:
		return "blocked: " + d.code
	}
}

// writeParked makes the files of a parked batch durable, and says in m what is in
// them.
func writeParked(part *journal.Partition, body uploader.Content, m *journalv1.Parked, n note) error {
	spool, err := part.CreateSpool(m.GetFile())
	if err != nil {
		return err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(spool, sum), io.NewSectionReader(body, 0, body.Size()))
	if err == nil {
		err = spool.Commit()
	}
	if err != nil {
		return errors.Join(err, spool.Abort())
	}
	m.Size, m.Sha256 = uint64(size), sum.Sum(nil)
	return writeManifest(part, m, n)
}

func writeManifest(part *journal.Partition, m *journalv1.Parked, n note) error {
	seal := m.GetSeal()
	line, err := json.Marshal(manifest{
		Key: seal.GetKey(), Tenant: seal.GetDestination().GetTenant(), Bucket: seal.GetDestination().GetBucket(), Prefix: seal.GetDestination().GetPrefix(),
		Events: seal.GetEvents(), RawBytes: seal.GetRawBytes(),
		First: positionOf(seal.GetFirst()).String(), Last: positionOf(seal.GetLast()).String(),
		ExcludedRuns: len(seal.GetExcluded()), Reason: n.reason, Size: m.GetSize(), SHA256: hex.EncodeToString(m.GetSha256()),
		manifestWatched: n.watched.manifest(),
	})
	if err != nil {
		panic("invariant: a manifest can be marshalled: " + err.Error())
	}
	if err := part.WriteFile(manifestName(seal), append(line, '\n')); err != nil {
		return errors.Join(err, part.RemoveSpool(m.GetFile()))
	}
	return nil
}

// spooled takes the outcome of spool.
func (s *shard) spooled(m spooled) {
	s.uploads--
	b := m.batch
	switch {
	case m.err == nil && b.state == batchGone: // somebody else has delivered it
		s.removeFiles(b.seal)
	case m.err == nil:
		s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Parked{Parked: m.parked}})
	case errors.Is(m.err, journal.ErrFull):
		b.spooling = false
		s.noRoom(b, m.err)
	case s.stopping || s.told():
		b.spooling = false
	default:
		s.saveErr = fmt.Errorf("park %s: %w", b.seal.GetKey(), m.err)
	}
}

// noRoom lets b be parked later. The memory of a blocked destination is let go: what it
// holds is in the log. So is that of one that waits for b to be parked: it is blocked.
func (s *shard) noRoom(b *batch, err error) {
	d := b.dest
	s.parkAt = time.Now().Add(parkRetry)
	s.log.Warn("no room to park a batch; it is tried again", "bucket", d.bucket, "key", b.seal.GetKey(), "error", err)
	switch {
	case d.mode == modeBlocked:
		s.block(d, d.cause)
		d.giveUpNext = time.Time{}
	case b.condemned != "" && !d.deciding:
		s.decideBlocked(d, false)
	default:
		s.upload(d)
	}
}

// openFile is a parked batch's file while it is uploaded. It may be read for a moment
// after it was closed; see [uploader.Content].
type openFile struct {
	size int64
	mu   struct {
		sync.RWMutex                    // held shared by reads
		file         *journal.SpoolFile // nil once it is closed
	}
}

// openParked opens the file of a parked batch, and checks all of it.
func openParked(part *journal.Partition, m *journalv1.Parked) (*openFile, error) {
	file, err := part.OpenSpool(m.GetFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", errDamagedFile, err)
	}
	if err != nil {
		return nil, err
	}
	f := &openFile{size: file.Size()}
	f.mu.file = file
	if err := f.check(m); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// check reads the file and holds it against what its Parked says.
func (f *openFile) check(m *journalv1.Parked) error {
	if uint64(f.size) != m.GetSize() {
		return fmt.Errorf("%w: %s has %d bytes, %d were written", errDamagedFile, m.GetFile(), f.size, m.GetSize())
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, f.size)); err != nil {
		return err
	}
	if string(sum.Sum(nil)) != string(m.GetSha256()) {
		return fmt.Errorf("%w: the checksum of %s is not that of what was written", errDamagedFile, m.GetFile())
	}
	return nil
}

// ReadAt and Size are [uploader.Content]'s.
func (f *openFile) ReadAt(b []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.mu.file == nil {
		return 0, fs.ErrClosed
	}
	return f.mu.file.ReadAt(b, off)
}
func (f *openFile) Size() int64 { return f.size }

// Close waits for reads that are under way.
func (f *openFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.mu.file
	if f.mu.file = nil; file == nil {
		return nil
	}
	return file.Close()
}

// sendParked uploads a parked batch from its file.
func sendParked(ctx context.Context, part *journal.Partition, up Uploader, d *destination, m *journalv1.Parked) (uploader.Result, error) {
	file, err := openParked(part, m)
	if err != nil {
		return uploader.Result{}, &fileError{err}
	}
	defer file.Close() // only read from: nothing to lose
	seal := m.GetSeal()
	return up.Upload(ctx, &uploader.Object{
		Tenant: d.tenant, Bucket: d.bucket, Key: seal.GetKey(), Body: file,
		Metadata: uploader.Metadata{
			Events: seal.GetEvents(), RawBytes: seal.GetRawBytes(),
			FirstReceived: time.Unix(0, seal.GetFirstReceivedUnixNanos()).UTC(),
			LastReceived:  time.Unix(0, m.GetLastReceivedUnixNanos()).UTC(),
			RawSHA256:     [32]byte(m.GetRawSha256()),
		},
	})
}

// fileError is a failure that S3 has nothing to do with.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// failedFile takes a failure of the file that b should have been uploaded from, and
// reports whether it was one: a damaged one is not tried again by itself.
func (s *shard) failedFile(b *batch, err error) bool {
	var file *fileError
	if !errors.As(err, &file) {
		return false
	}
	d := b.dest
	s.log.Error("a parked batch can't be read", "bucket", d.bucket, "key", b.seal.GetKey(), "file", b.parked.GetFile(), "events", b.seal.GetEvents(), "error", err)
	switch {
	case errors.Is(err, errDamagedFile):
		s.decideDead(b, err.Error())
	case d.mode != modeBlocked:
		d.retryAt = time.Now().Add(readRetry)
		s.setTimer(d)
	}
	return true
}
