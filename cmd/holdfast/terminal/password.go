package terminal

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"

	"holdfast/perf/progress"
)

// ErrNotATerminal means that there is no terminal to ask at.
var ErrNotATerminal = errors.New("standard input is not a terminal")

// AskPassword reads a password from the terminal without showing it.
func AskPassword(stdin io.Reader, prompt string) (string, error) {
	file, ok := stdin.(*os.File)
	if !ok || !progress.IsTerminal(file) {
		return "", ErrNotATerminal
	}
	restore, err := rawTerminal(file)
	if err != nil {
		return "", err
	}
	defer restore()
	text, err := term.NewTerminal(file, "").ReadPassword(prompt)
	if err != nil {
		return "", errors.New("no password was given")
	}
	return text, nil
}

// rawTerminal switches a terminal to raw mode, where a program gets each key; restore
// switches it back.
func rawTerminal(file *os.File) (restore func(), err error) {
	state, err := term.MakeRaw(int(file.Fd()))
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(int(file.Fd()), state) }, nil // it was a terminal a moment ago
}
