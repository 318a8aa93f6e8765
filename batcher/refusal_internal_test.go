package batcher

import "testing"

func TestAllowanceShrinksAsTheJournalFills(t *testing.T) {
	for _, test := range []struct{ used, quota, want int64 }{
		{0, 400, 1000}, {199, 400, 1000}, {200, 400, 1000}, {250, 400, 500}, {290, 400, 100}, {300, 400, 0}, {400, 400, 0},
		{1 << 40, 0, 1000},
	} {
		if got := allowance(1000, test.used, test.quota); got != test.want {
			t.Errorf("%d of %d used: %d, want %d", test.used, test.quota, got, test.want)
		}
	}
}
