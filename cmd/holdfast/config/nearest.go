package config

import "slices"

// nearest returns the word of known that word was most likely meant to be: the
// one with the fewest slips, at most most, and the first in the alphabet among
// equals.
func nearest(word string, known []string, most int) (string, bool) {
	best, fewest := "", most+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if n := slips(word, k); n < fewest {
			best, fewest = k, n
		}
	}
	return best, best != ""
}

// slips is the Levenshtein distance of a and b in bytes.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
