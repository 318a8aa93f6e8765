package harness

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ServiceKey is the access key of the service in the S3 server. It is also the
// principal that bucket policies name: the server has users, not roles.
const ServiceKey = "destinations-service"

// BucketOwner is the account that all buckets belong to, and the access key of who may do
// everything: to the server these are one.
const BucketOwner = "999900001111"

// strangerKey is another account, which can make buckets.
const strangerKey = "888800002222"

// Account is an access key of the S3 server with its secret.
type Account struct{ Key, Secret string }

// newAccount makes an account with a secret that nobody knows.
func newAccount(key string) Account { return Account{Key: key, Secret: rand.Text()} }

// S3Params says what S3 server to start.
type S3Params struct {
	Binary  string            // Binaries.S3Server
	Dir     string            // folder for its objects, accounts and log; may hold those of an earlier run
	Listen  string            // host:port; "" = a free port of the loopback interface
	Buckets map[string]string // name -> file with the bucket's policy
	Cert    string            // file of its certificate (PEM), absolute; "" = no TLS
	Key     string            // file of the certificate's key (PEM), absolute
	CA      *x509.CertPool    // that clients made here know it by, with TLS
	Roles   []string          // ARNs of roles that the policies may name
	Users   []string          // access keys of others whom the policies may name
}

// S3 is a running S3 server.
type S3 struct {
	*Process
	Endpoint string  // URL
	Region   string  // what requests are signed for
	Service  Account // may do what the buckets' policies say
	Stranger Account // owns the buckets that it makes, as somebody else in AWS does
	Folder   string  // holds each object as a file: bucket/key
	Sessions string  // folder for the sessions of roles, which package sts hands out

	// Decompress is what Lines reads objects with; SystemGunzip unless changed
	// before the first use.
	Decompress Decompress

	params    S3Params
	root      Account // may do everything
	users     map[string]Account
	admin     *s3.Client      // with root's rights
	transport *http.Transport // of all clients that are made here
}

// StartS3 starts an S3 server and returns when it takes requests and has its
// buckets.
func StartS3(ctx context.Context, p S3Params) (*S3, error) {
	dir, err := filepath.Abs(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	if p.Listen == "" {
		p.Listen = "127.0.0.1:0"
	}
	p.Dir = dir
	srv := &S3{
		Service:  newAccount(ServiceKey),
		Stranger: newAccount(strangerKey),
		Folder:   filepath.Join(dir, "objects"),
		Sessions: filepath.Join(dir, "sessions"),
		root:     newAccount(BucketOwner),
		params:   p,
		users:    map[string]Account{},

		Decompress: SystemGunzip,
		transport:  &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.CA}},
	}
	for _, key := range p.Users {
		srv.users[key] = newAccount(key)
	}
	if err := srv.start(ctx); err != nil {
		return nil, err
	}
	return srv, nil
}

// Restart starts the server again after it was stopped or killed: where it was,
// with the accounts and the objects that it had. Nothing may use it meanwhile.
func (s *S3) Restart(ctx context.Context) error {
	_, s.params.Listen, _ = strings.Cut(s.Endpoint, "://")
	return s.start(ctx)
}

// start starts the process and waits for it.
func (s *S3) start(ctx context.Context) error {
	args := []string{
		"--data", s.Folder,
		"--iam", filepath.Join(s.params.Dir, "accounts"),
		"--listen", s.params.Listen,
		"--root", s.root.Key + ":" + s.root.Secret,
		"--other-owner", s.Stranger.Key + ":" + s.Stranger.Secret,
		"--user", s.Service.Key + ":" + s.Service.Secret,
		"--sessions", s.Sessions,
	}
	for _, role := range s.params.Roles {
		args = append(args, "--role", role)
	}
	for _, user := range s.users {
		args = append(args, "--user", user.Key+":"+user.Secret)
	}
	if s.params.Cert != "" {
		args = append(args, "--tls-cert", s.params.Cert, "--tls-key", s.params.Key)
	}
	for name, policy := range s.params.Buckets {
		args = append(args, "--bucket", name+"="+policy)
	}
	readyFile := filepath.Join(s.params.Dir, "ready.json")
	proc, err := StartProcess(ProcessParams{
		Name:   "the S3 server",
		Path:   s.params.Binary,
		Args:   args,
		Env:    Environment(),
		Log:    filepath.Join(s.params.Dir, "s3server.log"),
		Stdout: readyFile,
	})
	if err != nil {
		return err
	}
	s.Process = proc
	if err := s.awaitReady(ctx, readyFile); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// awaitReady waits for the line in which the server says where it is.
func (s *S3) awaitReady(ctx context.Context, file string) error {
	var line struct{ Endpoint, Region string }
	err := s.await(ctx, func() error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &line)
	})
	s.Endpoint, s.Region = line.Endpoint, line.Region
	s.admin = s.Client(s.root)
	return err
}

// Stop is Process.Stop; connections that lie idle here would delay it.
func (s *S3) Stop(ctx context.Context) error {
	s.transport.CloseIdleConnections()
	return s.Process.Stop(ctx)
}

// Kill is Process.Kill, and closes the connections that lie idle here.
func (s *S3) Kill() {
	s.transport.CloseIdleConnections()
	s.Process.Kill()
}

// Admin is an S3 client with the rights of the owner of all buckets.
func (s *S3) Admin() *s3.Client { return s.admin }

// User is an S3 client with the rights of one of the others whom the policies may name.
func (s *S3) User(key string) *s3.Client { return s.Client(s.users[key]) }

// Client is an S3 client with the rights of an account.
func (s *S3) Client(a Account) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint),
		UsePathStyle: true,
		Region:       s.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(a.Key, a.Secret, ""),
		HTTPClient:   &http.Client{Transport: s.transport},
	})
}
