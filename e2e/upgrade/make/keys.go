package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/open-destinations/destinations/e2e/harness"
)

// failed is what the service's log says of a batch that S3 has not taken.
const failed = "upload failed; it is tried again"

// readKeys notes which batches the service's log says this of. It fails unless there is
// exactly one of each prefix.
func (p *player) readKeys() error {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		var said struct{ Msg, Bucket, Key string }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Msg != failed {
			continue // the last line may not be whole yet
		}
		o, err := harness.ParseKey(said.Bucket, said.Key)
		if err != nil {
			return err
		}
		if before := p.note.Sealed[o.Prefix]; before != "" && before != o.Key {
			return fmt.Errorf("%s has two batches that were not delivered: %s and %s", o.Prefix, before, o.Key)
		}
		p.note.Sealed[o.Prefix] = o.Key
	}
	if len(p.note.Sealed) != prefixes {
		return fmt.Errorf("%d prefixes of %d have one", len(p.note.Sealed), prefixes)
	}
	return nil
}
