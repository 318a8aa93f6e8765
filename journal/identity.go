package journal

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	identityName = "IDENTITY"
	lockName     = "LOCK"

	// Hash names the hash that gives a destination its partition. The journal
	// does not compute it; it makes sure that a folder that was filled with
	// one hash is never read with another.
	Hash = "sha256/8"
)

// identity is what never changes about a data folder, and whether it is whole.
type identity struct {
	ID         [16]byte
	Partitions int
	Hash       string
	Endpoint   string
	// Ready is false while the partitions are being made. As long as it is,
	// no record has been acknowledged.
	Ready bool
}

var identityState = map[bool]string{false: "making", true: "ready"}

// encode writes a line for each field, for people to read, and a checksum.
func (id identity) encode() []byte {
	text := fmt.Sprintf("destinations journal\nformat %d\nid %x\npartitions %d\nhash %s\nendpoint %s\nstate %s\n",
		formatVersion, id.ID, id.Partitions, id.Hash, id.Endpoint, identityState[id.Ready])
	return fmt.Appendf(nil, "%scrc32c %08x\n", text, castagnoli(0, []byte(text)))
}

// decodeIdentity accepts exactly what encode writes. Another format version is
// a *MismatchError.
func decodeIdentity(b []byte) (identity, error) {
	const mark = "\ncrc32c "
	i := strings.LastIndex(string(b), mark) // the endpoint may hold anything
	if i < 0 {
		return identity{}, fmt.Errorf("%s: no checksum", identityName)
	}
	text, sum := string(b[:i+1]), string(b[i+len(mark):])
	if fmt.Sprintf("%08x\n", castagnoli(0, []byte(text))) != sum {
		return identity{}, fmt.Errorf("%s: checksum does not match", identityName)
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		fields[key] = value
	}
	if v := fields["format"]; v != strconv.Itoa(formatVersion) {
		return identity{}, &MismatchError{Field: "format", Have: v, Want: strconv.Itoa(formatVersion)}
	}
	id := identity{Hash: fields["hash"], Endpoint: fields["endpoint"], Ready: fields["state"] == identityState[true]}
	raw, err := hex.DecodeString(fields["id"])
	if err != nil || len(raw) != len(id.ID) {
		return identity{}, fmt.Errorf("%s: id %q", identityName, fields["id"])
	}
	id.ID = [16]byte(raw)
	if id.Partitions, err = strconv.Atoi(fields["partitions"]); err != nil {
		return identity{}, fmt.Errorf("%s: partitions: %w", identityName, err)
	}
	if string(id.encode()) != string(b) {
		return identity{}, fmt.Errorf("%s: not as it was written", identityName)
	}
	return id, nil
}

// match refuses a folder that was made with other settings.
func (id identity) match(cfg Config) error {
	switch {
	case id.Partitions != cfg.Partitions:
		return &MismatchError{Field: "partitions",
			Have: strconv.Itoa(id.Partitions), Want: strconv.Itoa(cfg.Partitions)}
	case id.Hash != Hash:
		return &MismatchError{Field: "hash", Have: id.Hash, Want: Hash}
	case id.Endpoint != cfg.Endpoint:
		return &MismatchError{Field: "endpoint", Have: id.Endpoint, Want: cfg.Endpoint}
	}
	return nil
}
