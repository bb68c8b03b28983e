package textfile

import (
	"fmt"
	"slices"
)

// Suggestion returns a question for the nearest word, such as ` (did you mean "lot"?)`, or ""
// if no word is near.
func Suggestion(word string, words []string) string {
	near, ok := Nearest(word, words, 2)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", near)
}

// Nearest returns the entry of all that word was most likely meant to be: the one with
// the fewest typing errors, at most most; among equals the first in the alphabet.
func Nearest(word string, all []string, most int) (string, bool) {
	best, fewest := "", most+1
	for _, k := range slices.Sorted(slices.Values(all)) {
		if n := slips(word, k, fewest); n < fewest {
			best, fewest = k, n
		}
	}
	return best, best != ""
}

// slips is the Levenshtein distance of a and b in bytes, or enough if it is not below enough.
func slips(a, b string, enough int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= enough {
		return enough
	}
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
