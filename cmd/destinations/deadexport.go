package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// deadExportCmd writes dead batches into files.
type deadExportCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket string  `required:"" placeholder:"BUCKET" help:"The bucket of the batches."`
	Prefix *string `placeholder:"PREFIX" help:"Only the batches of this prefix (\"\": of none)."`
	Key    string  `placeholder:"KEY" help:"Only the batch of this key, whose prefix need not be said."`
	Output string  `default:"." placeholder:"FILE" help:"File to write, or the folder to write files into that are named by the last part of the key (${default})."`
}

// Help is the long text of --help.
func (*deadExportCmd) Help() string {
	return `A file is what the object in S3 would be: gzip, one event a line. It appears under its name once its SHA-256 is the one that "destinations dead list" says. A file that is there already with these bytes is left alone; one with other bytes is an error. The batches stay where they are: see "destinations dead discard".`
}

// Run exports the batches, one after the other. An interrupt ends it; no half file
// stays under the name of a whole one.
func (c *deadExportCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := signal.NotifyContext(p.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := destinationsv1.NewOperationsClient(conn)
	of := deadNamed(c.Bucket, c.Prefix, c.Key)
	of.tenant = c.Tenant
	batches, err := c.deadOf(ctx, client, of)
	if err != nil {
		return err
	}
	if batches = withKey(batches, c.Key); len(batches) == 0 {
		return errNoDead(c.Key)
	}
	folder := isFolder(c.Output)
	if !folder && len(batches) > 1 {
		return fmt.Errorf("--output: %s is no folder, and there are %d batches", c.Output, len(batches))
	}
	for _, batch := range batches {
		name := c.Output
		if folder {
			name = filepath.Join(c.Output, path.Base(batch.GetKey()))
		}
		if err := c.export(ctx, client, batch, name); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, name)
	}
	return nil
}

// deadNamed selects dead batches of a bucket; a key says which destination it is of.
func deadNamed(bucket string, prefix *string, key string) deadSelection {
	if prefix == nil && key != "" {
		of := prefixOf(key)
		prefix = &of
	}
	return deadSelection{bucket: bucket, prefix: prefix}
}

// partsBehindPrefix are those of year, month, day, hour and name in a key.
const partsBehindPrefix = 5

// prefixOf is the prefix in a key.
func prefixOf(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) <= partsBehindPrefix {
		return ""
	}
	return strings.Join(parts[:len(parts)-partsBehindPrefix], "/") + "/"
}

// withKey keeps the batch of a key; without one, all.
func withKey(batches []*destinationsv1.ListDeadResponse, key string) []*destinationsv1.ListDeadResponse {
	if key == "" {
		return batches
	}
	for _, batch := range batches {
		if batch.GetKey() == key {
			return []*destinationsv1.ListDeadResponse{batch}
		}
	}
	return nil
}

// errNoDead says that there is nothing to do it with.
func errNoDead(key string) error {
	if key != "" {
		return fmt.Errorf("--key: there is no dead batch of the key %s", key)
	}
	return errors.New("nothing that is named has a dead batch")
}

// isFolder says whether files are to be written into it.
func isFolder(output string) bool {
	info, err := os.Stat(output)
	return err == nil && info.IsDir() || strings.HasSuffix(output, string(filepath.Separator))
}

// export writes a batch into a file of that name, which appears when it is whole.
func (c *deadExportCmd) export(ctx context.Context, client destinationsv1.OperationsClient, batch *destinationsv1.ListDeadResponse, name string) (err error) {
	if there, err := holds(name, batch.GetSha256()); there || err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	sum := sha256.New()
	if err := c.receive(ctx, client, batch, io.MultiWriter(file, sum)); err != nil {
		return err
	}
	if err := checkSum(sum, batch); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// holds reports whether a file of that name holds those bytes; an error if it holds
// others.
func holds(name string, sum []byte) (bool, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	have := sha256.New()
	if _, err := io.Copy(have, file); err != nil {
		return false, err
	}
	if string(have.Sum(nil)) != string(sum) {
		return false, fmt.Errorf("%s is there already and holds something else", name)
	}
	return true, nil
}

// receive writes the object of a batch to w.
func (c *deadExportCmd) receive(ctx context.Context, client destinationsv1.OperationsClient, batch *destinationsv1.ListDeadResponse, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := client.ExportDead(ctx, &destinationsv1.ExportDeadRequest{Tenant: batch.GetDestination().GetTenant(), Bucket: batch.GetDestination().GetBucket(), Key: batch.GetKey()})
	if err != nil {
		return c.explain(err)
	}
	for {
		piece, err := call.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.explain(err)
		}
		if _, err := w.Write(piece.GetData()); err != nil {
			return err
		}
	}
}

func checkSum(sum hash.Hash, batch *destinationsv1.ListDeadResponse) error {
	if got := sum.Sum(nil); string(got) != string(batch.GetSha256()) {
		return fmt.Errorf("%s: what came has the SHA-256 %s, and it should be %s", batch.GetKey(), hex.EncodeToString(got), hex.EncodeToString(batch.GetSha256()))
	}
	return nil
}
