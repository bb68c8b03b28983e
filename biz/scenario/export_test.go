package scenario

// Verbs returns the words that steps and expectations start with.
func Verbs() []string { return append(names(actions()), names(assertions())...) }
