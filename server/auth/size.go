package auth

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// size is a number of bytes in a grants file: digits with a unit, or 0.
type size int64

// UnmarshalYAML reads such as 20MiB.
func (s *size) UnmarshalYAML(node *yaml.Node) error {
	text, factor := node.Value, int64(1)
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			text, factor = digits, 1<<(10*(i+1))
		}
	}
	if factor == 1 {
		text = strings.TrimSuffix(text, "B")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if node.Kind != yaml.ScalarNode || err != nil || n < 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("line %d: %q is not a size, such as 20MiB", node.Line, node.Value)
	}
	*s = size(n * factor)
	return nil
}
