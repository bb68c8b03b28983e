package main

// Complete lets the tests complete a word.
func Complete(word string, candidates []string) (whole string, extended bool) {
	return completion(word, beginningWith(word, candidates))
}

// Table gives a table's text; styled cells are put in <>.
func Table(head []string, rows ...[]string) string {
	t := &table{head: head, style: func(_, text string) string { return "<" + text + ">" }}
	for _, row := range rows {
		t.add(row...)
	}
	t.set(len(head)-1, styleRed)
	return t.String()
}
