package backup

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTarget means that the folder to write is not empty, or in the wrong place.
	ErrTarget = errors.New("can't use the folder")
	// ErrNoBackup means that a folder has no manifest that this release can read.
	ErrNoBackup = errors.New("not a backup")
	// ErrNoStart means that a server can't start on a copy of the data folder, as it is: its journal
	// was trimmed, and a checkpoint or the history that it needs is missing or does not fit.
	ErrNoStart = errors.New("a server can't start on a copy of this data folder")
)

// DamageError means that a backup does not hold what its manifest says.
type DamageError struct {
	Folder string
	Wrong  []string // what is wrong, with the file
}

// maxWrong is how many files an error names.
const maxWrong = 5

// Error implements error.
func (e *DamageError) Error() string {
	wrong := e.Wrong
	if n := len(wrong) - maxWrong; n > 0 {
		wrong = append(wrong[:maxWrong:maxWrong], fmt.Sprintf("%d more files", n))
	}
	return fmt.Sprintf("backup %s is damaged: %s; use another backup", e.Folder, strings.Join(wrong, "; "))
}
