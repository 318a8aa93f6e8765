package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// optionError is an option that was refused.
type optionError struct{ error }

// options are those of the protocol.
type options struct {
	Target             string  `json:"target"`
	MaxBufferedBytes   int64   `json:"max_buffered_bytes"`
	WhenFull           string  `json:"when_full"`
	BlockTimeoutMS     float64 `json:"block_timeout_ms"`
	BatchBytes         int     `json:"batch_bytes"`
	BatchDelayMS       float64 `json:"batch_delay_ms"`
	MaxStreams         int     `json:"max_streams"`
	ReconnectInitialMS float64 `json:"reconnect_initial_ms"`
	ReconnectMaxMS     float64 `json:"reconnect_max_ms"`
	KeepaliveTimeMS    float64 `json:"keepalive_time_ms"`
	KeepaliveTimeoutMS float64 `json:"keepalive_timeout_ms"`
	CloseTimeoutMS     float64 `json:"close_timeout_ms"`
	Receipts           *bool   `json:"receipts"`
	Insecure           bool    `json:"insecure"`
	TLSCA              string  `json:"tls_ca"`
	TLSCert            string  `json:"tls_cert"`
	TLSKey             string  `json:"tls_key"`
	Token              string  `json:"token"`
	TokenFunction      string  `json:"token_function"`
}

// connect makes a client of a command's options.
func connect(raw json.RawMessage) (*destinations.Client, error) {
	var o options
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return nil, optionError{err}
	}
	given, err := o.given()
	if err != nil {
		return nil, optionError{err}
	}
	c, err := destinations.Connect(o.Target, given)
	if err != nil {
		return nil, optionError{err}
	}
	return c, nil
}

// given is what the package is given.
func (o options) given() (destinations.Options, error) {
	modes := map[string]destinations.WhenFull{"": destinations.Wait, "wait": destinations.Wait, "block": destinations.Block, "error": destinations.Fail}
	mode, ok := modes[o.WhenFull]
	if !ok {
		return destinations.Options{}, fmt.Errorf("when_full: %q", o.WhenFull)
	}
	given := destinations.Options{
		MaxBufferedBytes: o.MaxBufferedBytes, WhenFull: mode, BlockTimeout: ms(o.BlockTimeoutMS),
		BatchBytes: o.BatchBytes, BatchDelay: ms(o.BatchDelayMS), MaxStreams: o.MaxStreams,
		ReconnectInitial: ms(o.ReconnectInitialMS), ReconnectMax: ms(o.ReconnectMaxMS),
		KeepaliveTime: ms(o.KeepaliveTimeMS), KeepaliveTimeout: ms(o.KeepaliveTimeoutMS), CloseTimeout: ms(o.CloseTimeoutMS),
		NoReceipts: o.Receipts != nil && !*o.Receipts, Insecure: o.Insecure, Token: o.Token,
	}
	if o.TokenFunction != "" {
		given.TokenSource = func() (string, error) { return o.TokenFunction, nil }
	}
	if o.TLSCA == "" && o.TLSCert == "" {
		return given, nil
	}
	config, err := o.tls()
	given.Credentials = credentials.NewTLS(config)
	return given, err
}

// tls reads the PEM files.
func (o options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLSCA != "" {
		pem, err := os.ReadFile(o.TLSCA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls_ca: no certificate in it")
		}
	}
	if o.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
