package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// tokenVariable is an environment variable that holds a token. There is no flag for it:
// everybody on a machine can see the arguments of its processes.
const tokenVariable = variablePrefix + "TOKEN"

// credentialFlags are the flags of clients that say how the service is known, and how
// they are.
type credentialFlags struct {
	TLS           bool   `name:"tls" help:"Speak TLS, and know the service by the authorities of this machine. Every other --tls flag does so, too."`
	TLSCA         string `name:"tls-ca" placeholder:"FILE" help:"Authorities (PEM) that the service is known by, instead."`
	TLSServerName string `name:"tls-server-name" placeholder:"NAME" help:"Name that the service's certificate must have (the host of --target)."`
	TLSClientCert string `name:"tls-client-cert" placeholder:"FILE" help:"Certificate of this client with its chain (PEM)."`
	TLSClientKey  string `name:"tls-client-key" placeholder:"FILE" help:"Key of --tls-client-cert (PEM)."`
	TokenFile     string `placeholder:"FILE" help:"File of the bearer token of this client, read anew for each call; without it, the token in the variable DESTINATIONS_TOKEN."`
}

// encrypted reports whether the connection is.
func (f *credentialFlags) encrypted() bool {
	return f.TLS || f.TLSCA != "" || f.TLSServerName != "" || f.TLSClientCert != "" || f.TLSClientKey != ""
}

// options are for the connection of a client whose environment is that one.
func (f *credentialFlags) options(environ []string) ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if f.encrypted() {
		config, err := f.tls()
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if source := f.tokenSource(environ); source != nil {
		options = append(options, grpc.WithPerRPCCredentials(bearer{token: source, encrypted: f.encrypted()}))
	}
	return options, nil
}

func (f *credentialFlags) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: f.TLSServerName}
	if f.TLSCA != "" {
		text, err := os.ReadFile(f.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--tls-ca: %s: no certificate of an authority", f.TLSCA)
		}
	}
	switch {
	case f.TLSClientCert == "" && f.TLSClientKey == "":
		return config, nil
	case f.TLSClientKey == "":
		return nil, errors.New("--tls-client-cert: needs --tls-client-key")
	case f.TLSClientCert == "":
		return nil, errors.New("--tls-client-key: needs --tls-client-cert")
	}
	pair, err := tls.LoadX509KeyPair(f.TLSClientCert, f.TLSClientKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-cert, --tls-client-key: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// tokenSource is where the token comes from; nil = there is none.
func (f *credentialFlags) tokenSource(environ []string) func() (string, error) {
	if f.TokenFile != "" {
		return func() (string, error) {
			text, err := os.ReadFile(f.TokenFile)
			if err != nil {
				return "", fmt.Errorf("--token-file: %w", err)
			}
			token := strings.TrimSpace(string(text))
			if err := checkToken(token); err != nil {
				return "", fmt.Errorf("--token-file: %s: %w", f.TokenFile, err)
			}
			return token, nil
		}
	}
	for _, pair := range environ {
		if token, ok := strings.CutPrefix(pair, tokenVariable+"="); ok && token != "" {
			token = strings.TrimSpace(token)
			return func() (string, error) {
				if err := checkToken(token); err != nil {
					return "", fmt.Errorf("%s %w", tokenVariable, err)
				}
				return token, nil
			}
		}
	}
	return nil
}

// checkToken refuses what can be no token, such as the file that the service reads. gRPC
// would refuse it too, in words about headers and with a code after which send tries again.
func checkToken(text string) error {
	if text == "" {
		return errors.New("is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("holds more than a token: it must be the token alone, in one line")
	}
	return nil
}

// bearer shows a token with each call.
type bearer struct {
	token     func() (string, error)
	encrypted bool
}

// GetRequestMetadata implements [credentials.PerRPCCredentials].
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := b.token()
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]. Without TLS a token
// goes to this machine, or where --insecure lets it go.
func (b bearer) RequireTransportSecurity() bool { return b.encrypted }
