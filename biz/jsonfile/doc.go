// Package jsonfile reads JSON files that people write, token by token, so that every
// error names the file and the line.
//
// It knows nothing of what the files mean: the caller walks objects and arrays and checks
// values. Goroutine: one per Reader. Limit: the caller bounds the size of the content.
package jsonfile
