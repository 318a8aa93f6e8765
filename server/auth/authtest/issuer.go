package authtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Issuer is an OpenID Connect issuer on loopback.
type Issuer struct {
	URL string

	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	keys   []*rsa.PrivateKey // that it publishes; it signs with the last
	made   int               // keys
	asked  int               // for its keys
}

// NewIssuer starts an issuer with one key, which the test's end stops.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(i.published()) })
	i.server = httptest.NewServer(mux)
	i.URL = i.server.URL
	t.Cleanup(i.server.Close)
	i.Rotate(true)
	return i
}

// Rotate makes a new key. The ones before it are published on only if they are kept.
func (i *Issuer) Rotate(keep bool) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(i.t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	if !keep {
		i.keys = nil
	}
	i.keys = append(i.keys, key)
	i.made++
}

// Asked is how often it was asked for its keys.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func (i *Issuer) published() any {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	keys := []map[string]string{}
	for n, key := range i.keys {
		keys = append(keys, map[string]string{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": fmt.Sprint(i.made - len(i.keys) + n),
			"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	return map[string]any{"keys": keys}
}

// Claims are those of a good token for an audience, which lasts an hour, with changes:
// a nil one leaves a claim out.
func (i *Issuer) Claims(subject, audience string, changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": i.URL, "sub": subject, "aud": audience,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// Sign makes a token with the newest key.
func (i *Issuer) Sign(claims map[string]any) string {
	i.mu.Lock()
	key := i.keys[len(i.keys)-1]
	i.mu.Unlock()
	return SignWith(i.t, key, claims)
}

// SignWith makes a token with a key that may be anybody's.
func SignWith(t testing.TB, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	text := unsigned(t, map[string]any{"alg": "RS256", "typ": "JWT"}, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	must(t, err)
	return text + "." + b64(signature)
}

// None makes a token without a signature that says so.
func (i *Issuer) None(claims map[string]any) string {
	return unsigned(i.t, map[string]any{"alg": "none"}, claims) + "."
}

// Confused makes a token whose HMAC has the issuer's public key for its secret, which
// everybody knows: as PEM, or if der is set, as DER.
func (i *Issuer) Confused(claims map[string]any, der bool) string {
	i.mu.Lock()
	public := i.keys[len(i.keys)-1].Public()
	i.mu.Unlock()
	secret, err := x509.MarshalPKIXPublicKey(public)
	must(i.t, err)
	if !der {
		secret = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: secret})
	}
	text := unsigned(i.t, map[string]any{"alg": "HS256", "typ": "JWT"}, claims)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return text + "." + b64(h.Sum(nil))
}

func unsigned(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	h, err := json.Marshal(header)
	must(t, err)
	c, err := json.Marshal(claims)
	must(t, err)
	return b64(h) + "." + b64(c)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
