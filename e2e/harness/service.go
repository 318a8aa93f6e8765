package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// clashTries is how often the service is started anew, on other ports, when
// another program was quicker to take the ones that were free.
const clashTries = 5

// ServiceParams says what service to start.
type ServiceParams struct {
	Binary      string   // Binaries.Service
	DataDir     string   // its --data-dir
	Log         string   // file for its log
	S3          *S3      // where its objects go; only endpoint, region and account are used
	Endpoint    string   // URL of a proxy in front of S3; "" = S3 itself
	Listen      string   // wished address for gRPC; "" or taken = a free port
	AdminListen string   // wished address for HTTP; "" or taken = a free port
	Args        []string // more arguments of serve
	Env         []string // more variables, NAME=value

	CA *x509.CertPool // authorities that the service is known by; nil = it speaks no TLS
}

// Service is a running service.
type Service struct {
	*Process
	Target string // address of its gRPC services
	Admin  string // address of its HTTP pages

	ca *x509.CertPool // of ServiceParams
}

// StartService starts the service and returns when /readyz says that it is ready.
func StartService(ctx context.Context, p ServiceParams) (*Service, error) {
	for try := 1; ; try++ {
		svc, err := startUntilReady(ctx, p)
		if err == nil || try == clashTries || !strings.Contains(err.Error(), "address already in use") {
			return svc, err
		}
	}
}

// startUntilReady tries it once.
func startUntilReady(ctx context.Context, p ServiceParams) (*Service, error) {
	svc, err := LaunchService(p)
	if err != nil {
		return nil, err
	}
	if err := svc.AwaitReady(ctx); err != nil {
		svc.Kill()
		return nil, err
	}
	return svc, nil
}

// LaunchService starts the service and returns when its process runs. It may still
// end because another program was quicker to take a port that was free.
func LaunchService(p ServiceParams) (*Service, error) {
	target, err := FreePort(p.Listen)
	if err != nil {
		return nil, err
	}
	admin, err := FreePort(p.AdminListen)
	if err != nil {
		return nil, err
	}
	endpoint := p.Endpoint
	if endpoint == "" {
		endpoint = p.S3.Endpoint
	}
	args := append([]string{
		"serve",
		"--listen", target,
		"--admin-listen", admin,
		"--data-dir", p.DataDir,
		"--s3-endpoint", endpoint,
		"--s3-path-style",
	}, p.Args...)
	proc, err := StartProcess(ProcessParams{
		Name: "the service",
		Path: p.Binary,
		Args: args,
		Env: Environment(append([]string{
			"AWS_ACCESS_KEY_ID=" + p.S3.Service.Key,
			"AWS_SECRET_ACCESS_KEY=" + p.S3.Service.Secret,
			"AWS_REGION=" + p.S3.Region,
		}, p.Env...)...),
		Log: p.Log,
	})
	if err != nil {
		return nil, err
	}
	return &Service{Process: proc, Target: target, Admin: admin, ca: p.CA}, nil
}

// Transport is how clients connect to a service that is known by authorities; nil = it speaks
// no TLS.
func Transport(ca *x509.CertPool) credentials.TransportCredentials {
	if ca == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(&tls.Config{RootCAs: ca, MinVersion: tls.VersionTLS13})
}

// AwaitReady returns when /readyz says that the service is ready. It fails if the
// process ends before.
func (s *Service) AwaitReady(ctx context.Context) error {
	return s.await(ctx, func() error { return s.Ready(ctx) })
}

// Ready fails unless the service says that it is ready for events.
func (s *Service) Ready(ctx context.Context) error {
	_, err := s.Page(ctx, "/readyz", "")
	return err
}

// Page is what is on one of its HTTP pages, for whoever has a token; "" = for everybody.
func (s *Service) Page(ctx context.Context, path, token string) ([]byte, error) {
	if s.ca == nil {
		return page(ctx, http.DefaultClient, "http://"+s.Admin+path, token)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca, MinVersion: tls.VersionTLS13}}}
	return page(ctx, client, "https://"+s.Admin+path, token)
}

// page is what a GET answers; an error if it is not with 200.
func page(ctx context.Context, client *http.Client, url, token string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // leaves no idle connection behind
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// Policy is the bucket policy that the service prints for the account that it
// has in the harness's S3 server.
func Policy(ctx context.Context, service, bucket string) ([]byte, error) {
	policy, err := Output(ctx, nil, service, "policy", "--bucket", bucket, "--role-arn", ServiceKey)
	if err != nil {
		return nil, fmt.Errorf("make the policy of bucket %s: %w", bucket, err)
	}
	return policy, nil
}
