package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
)

// config is what the command line says.
type config struct {
	data    string    // folder of the objects, absolute; one folder a bucket
	iam     string    // folder of the accounts, absolute, outside data
	listen  string    // host:port; port 0 = a free one
	root    account   // owns every bucket and may do everything
	others  []account // may do everything, too, and own the buckets that they make
	users   []account // may do what the buckets' policies say, and nothing else
	buckets []bucket

	cert, key string // files of the certificate and its key, absolute; "" = no TLS

	sessions string   // folder of the sessions of roles, absolute; "" = there are none
	roles    []string // ARNs that policies may name
}

// account is an access key and its secret.
type account struct{ access, secret string }

// bucket is a bucket to create, and the file that holds its policy ("" = none).
type bucket struct{ name, policyFile string }

// parseFlags reads the command line.
func parseFlags(args []string) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("s3server", flag.ContinueOnError)
	fs.StringVar(&cfg.data, "data", "", "folder for the objects, absolute, required")
	fs.StringVar(&cfg.iam, "iam", "", "folder for the accounts, absolute and outside --data, required")
	fs.StringVar(&cfg.listen, "listen", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	fs.Func("root", "`ACCESS:SECRET` of the owner of all buckets, required", func(s string) (err error) {
		cfg.root, err = parseAccount(s)
		return err
	})
	fs.Func("other-owner", "`ACCESS:SECRET` of another account, which owns the buckets that it makes and may do everything, as root; repeatable", func(s string) error {
		o, err := parseAccount(s)
		cfg.others = append(cfg.others, o)
		return err
	})
	fs.Func("user", "`ACCESS:SECRET` of a user whom the policies may name; repeatable", func(s string) error {
		u, err := parseAccount(s)
		cfg.users = append(cfg.users, u)
		return err
	})
	fs.Func("bucket", "`NAME=policy.json` (or NAME) of a bucket to create; repeatable", func(s string) error {
		name, file, _ := strings.Cut(s, "=")
		cfg.buckets = append(cfg.buckets, bucket{name: name, policyFile: file})
		return nil
	})
	fs.StringVar(&cfg.cert, "tls-cert", "", "file of a certificate (PEM), absolute, with --tls-key; without it nothing is encrypted")
	fs.StringVar(&cfg.key, "tls-key", "", "file of its key (PEM), absolute")
	fs.StringVar(&cfg.sessions, "sessions", "", "folder in which a token service puts the sessions that it hands out, a file each, absolute")
	fs.Func("role", "`ARN` of a role that the policies may name; its sessions are in --sessions; repeatable", func(s string) error {
		cfg.roles = append(cfg.roles, s)
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	return cfg, cfg.validate()
}

// scheme is what an address is a URL with.
func (c *config) scheme() string {
	if c.cert != "" {
		return "https://"
	}
	return "http://"
}

// parseAccount splits ACCESS:SECRET.
func parseAccount(s string) (account, error) {
	access, secret, ok := strings.Cut(s, ":")
	if !ok || access == "" || secret == "" {
		return account{}, errors.New("want ACCESS:SECRET")
	}
	return account{access: access, secret: secret}, nil
}

// validate reports everything that is wrong with c. Policy files are made
// absolute here, as the server changes its working directory later.
func (c *config) validate() error {
	var errs []error
	if !filepath.IsAbs(c.data) {
		errs = append(errs, fmt.Errorf("--data %q: want an absolute path", c.data))
	}
	if !filepath.IsAbs(c.iam) {
		errs = append(errs, fmt.Errorf("--iam %q: want an absolute path", c.iam))
	}
	if c.sessions != "" && !filepath.IsAbs(c.sessions) {
		errs = append(errs, fmt.Errorf("--sessions %q: want an absolute path", c.sessions))
	}
	if (c.cert == "") != (c.key == "") || c.cert != "" && !(filepath.IsAbs(c.cert) && filepath.IsAbs(c.key)) {
		errs = append(errs, fmt.Errorf("--tls-cert %q, --tls-key %q: want none, or two absolute paths", c.cert, c.key))
	}
	for _, role := range c.roles {
		if !strings.HasPrefix(role, "arn:aws:iam::") || !strings.Contains(role, ":role/") {
			errs = append(errs, fmt.Errorf("--role %q: want arn:aws:iam::ACCOUNT:role/NAME", role))
		}
	}
	for _, u := range c.users {
		if strings.HasPrefix(u.access, sessionPrefix) {
			errs = append(errs, fmt.Errorf("--user %s: access keys of sessions begin with %s", u.access, sessionPrefix))
		}
	}
	if c.root.access == "" {
		errs = append(errs, errors.New("--root: missing"))
	}
	for i := range c.buckets {
		b := &c.buckets[i]
		if b.name == "" {
			errs = append(errs, errors.New("--bucket: name missing"))
		}
		if b.policyFile == "" {
			continue
		}
		abs, err := filepath.Abs(b.policyFile)
		errs = append(errs, err)
		b.policyFile = abs
	}
	return errors.Join(errs...)
}
