package ownership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// What is kept is bounded, for a tenant and in all, and what was confirmed can be confirmed
// again where it is full.
func TestConfirmedBucketsAreBounded(t *testing.T) {
	fs := journaltest.NewFS()
	if err := fs.MkdirAll("/data"); err != nil {
		t.Fatal(err)
	}
	k, err := Open(Params{Dir: "/data", FS: fs, Key: make([]byte, 32), Challenged: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	full := confirmed{}
	for tenant := range maxConfirmed / maxConfirmedTenant {
		for bucket := range maxConfirmedTenant {
			full[owned{fmt.Sprintf("t%d", tenant), fmt.Sprintf("b%d", bucket)}] = time.Unix(1, 0)
		}
	}
	confirm := func(tenant, bucket string) error {
		p := Place{tenant, bucket, ""}
		_, err := k.Confirm(context.Background(), p, challengeOf(k.secret, p).content)
		return err
	}
	k.confirmed.Store(&full)
	if err := confirm("new", "b0"); !errors.Is(err, ErrFull) {
		t.Errorf("in all: got %v", err)
	}
	if err := confirm("t3", "b7"); err != nil {
		t.Errorf("what is confirmed: got %v", err)
	}
	delete(full, owned{"t1", "b0"})
	if err := confirm("t2", "new"); !errors.Is(err, ErrFull) {
		t.Errorf("of a tenant: got %v", err)
	}
	if err := confirm("t1", "new"); err != nil {
		t.Errorf("the last one: got %v", err)
	}
	if n := len((*k.confirmed.Load()).encode()); n > maxFileBytes/4 {
		t.Errorf("a full file has %d bytes", n)
	}
}
