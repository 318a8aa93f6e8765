package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

const (
	region = "us-east-1"

	// portTries is how often a free port is chosen anew when another process was
	// quicker to take it.
	portTries = 10
)

// server is a gateway that runs in this process.
type server struct {
	endpoint string
	done     chan error // holds what the gateway returned
}

// start runs the gateway until ctx ends and returns when it takes requests.
func start(ctx context.Context, cfg config) (*server, error) {
	for _, dir := range []string{cfg.data, cfg.iam} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make folder: %w", err)
		}
	}
	known, err := newIdentities(cfg)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		srv, err := listen(ctx, cfg, known)
		if !errors.Is(err, syscall.EADDRINUSE) || !anyPort(cfg.listen) || try == portTries {
			return srv, err
		}
	}
}

// listen starts the gateway on one address and waits for it.
func listen(ctx context.Context, cfg config, known auth.IAMService) (*server, error) {
	addr, err := chooseAddr(cfg.listen)
	if err != nil {
		return nil, err
	}
	be, err := openBackend(cfg)
	if err != nil {
		return nil, err
	}
	listening := make(chan struct{})
	srv := &server{endpoint: cfg.scheme() + addr, done: make(chan error, 1)}
	go func() {
		srv.done <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess:    cfg.root.access,
			RootUserSecret:    cfg.root.secret,
			Region:            region,
			Ports:             []string{addr},
			MaxConnections:    4096,
			MaxRequests:       1024,
			MultipartMaxParts: 10_000,
			Quiet:             true,
			KeepAlive:         true,
			IAMService:        known,
			CertFile:          cfg.cert,
			KeyFile:           cfg.key,
			S3Options:         []s3api.Option{s3api.WithOnListen(func() { close(listening) })},
		})
	}()
	select {
	case <-listening:
		return srv, nil
	case err := <-srv.done:
		if err == nil { // ctx has ended, as where there is no standard input
			err = errors.New("was told to stop before it listened, by a signal or the end of standard input")
		}
		return nil, fmt.Errorf("serve on %s: %w", addr, err)
	}
}

// wait returns when the gateway has ended by itself, or stopGrace after ctx.
func (s *server) wait(ctx context.Context) error {
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
	}
	select {
	case <-s.done:
	case <-time.After(stopGrace):
	}
	return nil
}

// openBackend keeps objects as files. What S3 knows of an object beside its bytes
// goes into extended attributes, or into files beside the data where the file
// system has none.
func openBackend(cfg config) (*posix.Posix, error) {
	opts := posix.PosixOpts{}
	var attrs meta.MetadataStorer = meta.XattrMeta{}
	if (meta.XattrMeta{}).Test(cfg.data) != nil {
		opts.SideCarDir = cfg.iam + "-attributes"
		if err := os.MkdirAll(opts.SideCarDir, 0o700); err != nil {
			return nil, fmt.Errorf("make folder: %w", err)
		}
		sidecar, err := meta.NewSideCar(opts.SideCarDir)
		if err != nil {
			return nil, fmt.Errorf("keep attributes in %s: %w", opts.SideCarDir, err)
		}
		attrs = sidecar
	}
	be, err := posix.New(cfg.data, attrs, opts)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.data, err)
	}
	return be, nil
}

// anyPort says whether addr leaves the port to us.
func anyPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}

// chooseAddr puts a free port where addr says 0: the gateway would take one
// itself, but would not tell which.
func chooseAddr(addr string) (string, error) {
	if !anyPort(addr) {
		return addr, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("choose a port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
