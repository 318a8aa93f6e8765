package sts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxSkew is how far a request's time may be from ours.
const maxSkew = 5 * time.Minute

// authorization is the header of Signature Version 4: access key, day, region and signed
// headers.
var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+[\w-]*)/(\d{8})/([a-z0-9-]+)/sts/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$`)

// authenticate returns the access key of who makes a request: it signs again what the
// request says was signed, with the secret of that key, and compares.
func (s *Server) authenticate(req *http.Request, body []byte) (string, *refusal) {
	shown := req.Header.Get("Authorization")
	if shown == "" {
		return "", &refusal{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	m := authorization.FindStringSubmatch(shown)
	if m == nil {
		return "", &refusal{http.StatusBadRequest, "IncompleteSignature", "the Authorization header is not of Signature Version 4 for sts"}
	}
	access, region, names := m[1], m[3], strings.Split(m[4], ";")
	secret, ok := s.params.Callers[access]
	if !ok {
		return "", &refusal{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	at, err := time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > maxSkew {
		return "", &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired"}
	}
	again := signedPart(req, names)
	hash := sha256.Sum256(body)
	who := aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}
	err = v4.NewSigner().SignHTTP(req.Context(), who, again, hex.EncodeToString(hash[:]), "sts", region, at)
	if err != nil || !hmac.Equal([]byte(again.Header.Get("Authorization")), []byte(shown)) {
		return "", &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}
	}
	return access, nil
}

// signedPart is a request with the headers alone that were signed: others are added on
// the way.
func signedPart(req *http.Request, names []string) *http.Request {
	again := req.Clone(context.WithoutCancel(req.Context()))
	again.URL.Host = req.Host
	again.Header = http.Header{}
	again.ContentLength = 0
	for _, name := range names {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = req.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = req.Header.Values(name)
		}
	}
	return again
}
