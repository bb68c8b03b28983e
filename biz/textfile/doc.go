// Package textfile has the rule for the encoding of text that the program reads: it is
// UTF-8, with or without a byte order mark at its start. The mark is not part of the text. It
// also finds the word that a misspelled word was meant to be.
//
// It opens no files and knows nothing of what a text means. Goroutine: any for Trim,
// Suggestion and Nearest; one per reader of NewReader. Limit: it keeps at most 4 bytes.
package textfile
