package terminal

// Complete lets the tests complete a word.
func Complete(word string, candidates []string) (whole string, extended bool) {
	return completion(word, startingWith(word, candidates))
}
