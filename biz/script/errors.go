package script

import "errors"

var (
	// ErrTooLarge means a file over MaxFileSize.
	ErrTooLarge = errors.New("script: file is too large")
	// ErrFolderIsAhead means that a data folder has events after the start of a script that
	// did not run there.
	ErrFolderIsAhead = errors.New("script: the data folder has events after the start of the script")
)
