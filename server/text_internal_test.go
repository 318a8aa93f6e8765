package server

import "testing"

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 65_536: "65,536", 123_456: "123,456", 1_048_577: "1,048,577"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d): got %s, want %s", n, got, want)
		}
	}
}

func TestLimitText(t *testing.T) {
	for n, want := range map[int]string{900: "900", 1024: "1,024 (1 KiB)", 1 << 20: "1,048,576 (1 MiB)", 1<<20 + 1: "1,048,577", 3 << 19: "1,572,864 (1536 KiB)"} {
		if got := limitText(n); got != want {
			t.Errorf("limitText(%d): got %s, want %s", n, got, want)
		}
	}
}
