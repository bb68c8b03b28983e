package main

import "strings"

// maxOffered is how many candidates are listed when a word is not certain.
const maxOffered = 40

// complete completes the word before the cursor, a command or an instrument, as
// far as it is certain. Where that is no further, it lists the candidates.
func (sh *shell) complete(before string) (after string, ok bool) {
	at := strings.LastIndexByte(before, ' ') + 1
	all := beginningWith(before[at:], sh.candidates(before[:at]))
	whole, extended := completion(before[at:], all)
	if !extended && len(all) > 1 {
		sh.print("  " + strings.Join(all[:min(len(all), maxOffered)], "  ") + "\n")
	}
	return before[:at] + whole, extended
}

// candidates are the words that can follow what stands before.
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

// instrumentWords are the codes, then market and code, of all instruments.
func (sh *shell) instrumentWords() []string {
	var codes, keys []string
	for _, i := range sh.market {
		codes, keys = append(codes, i.Key.Code), append(keys, i.Key.String())
	}
	return append(codes, keys...)
}

// beginningWith gives the candidates that begin with word, in upper or lower case.
func beginningWith(word string, candidates []string) []string {
	var list []string
	for _, c := range candidates {
		if len(c) >= len(word) && strings.EqualFold(c[:len(word)], word) {
			list = append(list, c)
		}
	}
	return list
}

// completion extends word to what all of the candidates, which begin so, have in
// common, and by a blank where there is only one.
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
