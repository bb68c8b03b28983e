package terminal

import (
	"strings"

	"holdfast/perf/table"
)

// maxOffered is the largest number of candidates listed for an ambiguous word.
const maxOffered = 40

// complete completes the word before the cursor, a command or an instrument, as far as
// it is unambiguous. If nothing can be added, it lists the candidates.
func (sh *shell) complete(before string) (after string, ok bool) {
	at := strings.LastIndexByte(before, ' ') + 1
	all := startingWith(before[at:], sh.candidates(before[:at]))
	whole, extended := completion(before[at:], all)
	if !extended && len(all) > 1 {
		sh.print("  " + table.Escape(strings.Join(all[:min(len(all), maxOffered)], "  ")) + "\n")
	}
	return before[:at] + whole, extended
}

// candidates returns the words that can follow before.
func (sh *shell) candidates(before string) []string {
	words := strings.Fields(before)
	var list []string
	for _, c := range shellCommands() {
		switch {
		case len(words) == 0:
			list = append(list, c.name)
		case c.keys && strings.EqualFold(c.name, words[0]):
			return sh.instrumentWords()
		}
	}
	return list
}

// instrumentWords returns the codes of all instruments, then MARKET/CODE of all.
func (sh *shell) instrumentWords() []string {
	var codes, keys []string
	for _, i := range sh.instruments() {
		codes, keys = append(codes, i.Key.Code), append(keys, i.Key.String())
	}
	return append(codes, keys...)
}

// startingWith returns the candidates that start with word, in upper or lower case.
func startingWith(word string, candidates []string) []string {
	var list []string
	for _, c := range candidates {
		if len(c) >= len(word) && strings.EqualFold(c[:len(word)], word) {
			list = append(list, c)
		}
	}
	return list
}

// completion extends word to the common start of all candidates. A single candidate is
// followed by a blank.
func completion(word string, candidates []string) (whole string, extended bool) {
	if len(candidates) == 0 {
		return word, false
	}
	common := candidates[0]
	for _, c := range candidates[1:] {
		n := 0
		for n < min(len(common), len(c)) && common[n] == c[n] {
			n++
		}
		common = common[:n]
	}
	if len(candidates) == 1 {
		return common + " ", true
	}
	if len(common) <= len(word) {
		return word, false
	}
	return common, true
}
