package main

import "fmt"

// suggestion is ", did you mean ...?" with the candidate nearest to word, or
// nothing if none is near.
func suggestion(word string, candidates []string) string {
	best, distance := "", max(2, len(word)/4)+1
	for _, candidate := range candidates {
		if d := editDistance(word, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}

// editDistance is the number of bytes to insert, delete or change to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // row[j] = distance of a[:i] to b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
