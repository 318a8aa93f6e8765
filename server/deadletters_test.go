package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
)

// fakeDeadLetters keeps what it was asked, and answers with what it was given.
type fakeDeadLetters struct {
	asked   string
	err     error
	batches []*destinationsv1.ListDeadResponse
	between func() // called behind each of them; may be nil
	object  io.Reader
	open    int // objects that were opened and not closed
}

func (f *fakeDeadLetters) List(_ context.Context, of server.Selection, give func(*destinationsv1.ListDeadResponse) error) error {
	f.asked = fmt.Sprintf("list %+v", of)
	for _, batch := range f.batches {
		if err := give(batch); err != nil {
			return err
		}
		if f.between != nil {
			f.between()
		}
	}
	return f.err
}

func (f *fakeDeadLetters) Open(_ context.Context, of server.DeadBatch) (io.ReadCloser, error) {
	if f.asked = fmt.Sprintf("open %s %s %s", of.Tenant, of.Bucket, of.Key); f.err != nil {
		return nil, f.err
	}
	if len(f.batches) > 0 && !of.Covers(f.batches[0].GetDestination().GetPrefix()) {
		return nil, server.ErrBatchUnknown
	}
	f.open++
	return &openObject{Reader: f.object, closed: func() { f.open-- }}, nil
}

func (f *fakeDeadLetters) Discard(_ context.Context, of server.Selection, key string, events uint64) (*destinationsv1.DiscardDeadResponse, error) {
	if f.asked = fmt.Sprintf("discard %+v %q %d", of, key, events); f.err != nil {
		return nil, f.err
	}
	return &destinationsv1.DiscardDeadResponse{Batches: 1, Events: events}, nil
}

// openObject notes that it was closed.
type openObject struct {
	io.Reader
	closed func()
}

func (c *openObject) Close() error { c.closed(); return nil }

func TestListDeadNamesItsDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDeadLetters{batches: []*destinationsv1.ListDeadResponse{{Key: "a"}, {Key: "b"}}}
		h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f})
		for request, want := range map[*destinationsv1.ListDeadRequest]string{
			{}:                               "list {All:true Tenant: Bucket: Prefix:}",
			{Bucket: "demo"}:                 "list {All:false Tenant:default Bucket:demo Prefix:}",
			{Bucket: "demo", Prefix: "test"}: "list {All:false Tenant:default Bucket:demo Prefix:test/}",
		} {
			call, err := h.ops.ListDead(t.Context(), request)
			got, err := all(t, call, err)
			if err != nil || len(got) != 2 || got[1].GetKey() != "b" || f.asked != want {
				t.Errorf("%v: got %v, %v, asked %s; want %s", request, got, err, f.asked, want)
			}
		}
	})
}

func TestExportDeadGivesTheObjectInPieces(t *testing.T) {
	const mib = 1 << 20
	for _, size := range []int{0, 1, mib - 1, mib, mib + 1, 3*mib + 5} {
		for name, reading := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader} {
			synctest.Test(t, func(t *testing.T) {
				object := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
				f := &fakeDeadLetters{object: reading(bytes.NewReader(object))}
				h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f})
				call, err := h.ops.ExportDead(t.Context(), &destinationsv1.ExportDeadRequest{Bucket: "demo", Key: "k"})
				pieces, err := all(t, call, err)
				var got []byte
				for _, piece := range pieces {
					if n := len(piece.GetData()); n == 0 || n > mib {
						t.Errorf("got a piece of %d bytes", n)
					}
					got = append(got, piece.GetData()...)
				}
				if err != nil || !bytes.Equal(got, object) || len(pieces) != (size+mib-1)/mib || f.asked != "open default demo k" || f.open != 0 {
					t.Errorf("%d bytes, %s: got %d bytes in %d pieces, %v, %d open, asked %s", size, name, len(got), len(pieces), err, f.open, f.asked)
				}
			})
		}
	}
}

func TestExportOfADamagedObjectIsNoWholeOne(t *testing.T) {
	for _, damage := range []error{io.ErrUnexpectedEOF, errors.New("input/output error")} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeDeadLetters{object: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(damage))}
			h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f})
			call, err := h.ops.ExportDead(t.Context(), &destinationsv1.ExportDeadRequest{Bucket: "demo", Key: "k"})
			_, err = all(t, call, err)
			wantStatus(t, err, codes.Internal, "UNKNOWN", "")
			if f.open != 0 {
				t.Error("the object was not closed")
			}
		})
	}
}

func TestDrainEndsAnExportThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDeadLetters{object: io.LimitReader(zeros{}, 100<<20)}
		h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f})
		call, err := h.ops.ExportDead(t.Context(), &destinationsv1.ExportDeadRequest{Bucket: "demo", Key: "k"})
		synctest.Wait()
		h.server.Drain()
		if err := h.server.Wait(t.Context()); err != nil || f.open != 0 {
			t.Errorf("Wait: %v, %d open", err, f.open)
		}
		_, err = all(t, call, err)
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "")
	})
}

// zeros is as many as are asked for.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestDiscardDeadNamesWhatIsDestroyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDeadLetters{}
		h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f})
		got, err := h.ops.DiscardDead(t.Context(), &destinationsv1.DiscardDeadRequest{Bucket: "demo", Prefix: "test", Key: "k", Events: 5})
		if want := `discard {All:false Tenant:default Bucket:demo Prefix:test/} "k" 5`; err != nil || got.GetBatches() != 1 || got.GetEvents() != 5 || f.asked != want {
			t.Errorf("got %v, %v, asked %s; want %s", got, err, f.asked, want)
		}
	})
}

// Every call of Operations says the same of what every call can meet.
func TestOperationsErrors(t *testing.T) {
	every := map[string]func(t *testing.T, h *harness, bucket, prefix string) error{
		"redrive": func(t *testing.T, h *harness, bucket, prefix string) error {
			_, err := h.ops.Redrive(t.Context(), &destinationsv1.RedriveRequest{Bucket: bucket, Prefix: prefix})
			return err
		},
		"list": func(t *testing.T, h *harness, bucket, prefix string) error {
			call, err := h.ops.ListDead(t.Context(), &destinationsv1.ListDeadRequest{Bucket: bucket, Prefix: prefix})
			_, err = all(t, call, err)
			return err
		},
		"export": func(t *testing.T, h *harness, bucket, _ string) error {
			call, err := h.ops.ExportDead(t.Context(), &destinationsv1.ExportDeadRequest{Bucket: bucket, Key: "k"})
			_, err = all(t, call, err)
			return err
		},
		"discard": func(t *testing.T, h *harness, bucket, prefix string) error {
			_, err := h.ops.DiscardDead(t.Context(), &destinationsv1.DiscardDeadRequest{Bucket: bucket, Prefix: prefix})
			return err
		},
	}
	for _, tt := range []struct {
		err            error // of what is behind
		bucket, prefix string
		code           codes.Code
		reason         string
		only           string // the call that it concerns; "" = all
	}{
		{&journal.CorruptError{}, "demo", "", codes.Unavailable, "PARTITION_UNAVAILABLE", ""},
		{journal.ErrClosed, "demo", "", codes.Unavailable, "SHUTTING_DOWN", ""},
		{journal.ErrBroken, "demo", "", codes.Internal, "JOURNAL_BROKEN", ""},
		{server.ErrBatchUnknown, "demo", "", codes.NotFound, "BATCH_UNKNOWN", ""},
		{server.ErrBatchDamaged, "demo", "", codes.DataLoss, "BATCH_DAMAGED", "export"},
		{server.ErrEventsDiffer, "demo", "", codes.FailedPrecondition, "EVENTS_DIFFER", "discard"},
		{errors.New("surprise"), "demo", "", codes.Internal, "UNKNOWN", ""},
		{nil, "BAD", "", codes.InvalidArgument, "BUCKET_INVALID", ""},
		{nil, "", "", codes.InvalidArgument, "BUCKET_INVALID", "discard"},
		{nil, "", "", codes.InvalidArgument, "BUCKET_INVALID", "export"},
		{nil, "", "test", codes.InvalidArgument, "BUCKET_INVALID", ""},
		{nil, "demo", "a/../b", codes.InvalidArgument, "PREFIX_INVALID", "redrive"},
		{nil, "demo", "a/../b", codes.InvalidArgument, "PREFIX_INVALID", "list"},
		{nil, "demo", "a/../b", codes.InvalidArgument, "PREFIX_INVALID", "discard"},
	} {
		for name, call := range every {
			if tt.only != "" && tt.only != name {
				continue
			}
			t.Run(name+" "+tt.reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					wrapped := tt.err
					if wrapped != nil {
						wrapped = fmt.Errorf("shard 1: %w", wrapped)
					}
					f := &fakeDeadLetters{err: wrapped}
					h := start(t, setup{journal: &fakeJournal{t: t}, deadLetters: f, redriver: func(context.Context, server.Selection) (*destinationsv1.RedriveResponse, error) {
						f.asked = "redrive"
						return nil, wrapped
					}})
					wantStatus(t, call(t, h, tt.bucket, tt.prefix), tt.code, tt.reason, "")
					if asked := f.asked != ""; asked != (tt.err != nil) {
						t.Errorf("asked %q", f.asked)
					}
					h.server.Drain()
					wantStatus(t, call(t, h, tt.bucket, tt.prefix), codes.Unavailable, "SHUTTING_DOWN", "")
				})
			})
		}
	}
}
