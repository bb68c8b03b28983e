package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"holdfast/biz/textfile"
	"holdfast/perf/progress"
)

// prompt is the start of a line that is being typed.
const prompt = ">>> "

// screen is where a shell reads lines and writes text: a terminal, where output does not
// break the line that is being typed, or plain streams.
type screen struct {
	io.Writer
	readLine    func() (string, error)
	interactive bool
	remember    func(past *PastLines)                 // makes the arrow keys offer these lines; nil: not a terminal
	interrupt   func()                                // ends readLine with io.EOF, where the system allows that
	endLine     func()                                // leaves the line that is being typed and starts a new one
	close       func()                                // restores the terminal
	size        func() (width, height int, err error) // of the terminal; nil: not a terminal
}

// complete is called for the tab key with the text before the cursor.
type complete func(before string) (after string, ok bool)

// openScreen returns the screen for the streams. A terminal is in raw mode until close.
// Without a prompt it is not treated as a terminal.
func openScreen(stdin io.Reader, stdout io.Writer, prompt string, tab complete) (*screen, error) {
	file, ok := stdin.(*os.File)
	if !ok {
		return plainScreen(stdin, stdout, func() {}, func() {}), nil
	}
	in, err := newWakeable(file)
	if err != nil {
		return nil, err
	}
	if prompt == "" || !progress.IsTerminal(file) || !progress.IsTerminal(stdout) {
		return plainScreen(in, stdout, in.stop, in.close), nil
	}
	restore, err := rawTerminal(file)
	if err != nil {
		in.close()
		return nil, err
	}
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, stdout}, prompt)
	t.AutoCompleteCallback = completer(tab)
	stopSize := watchSize(file, func(width, height int) { _ = t.SetSize(width, height) }) // it refuses a bad size: nothing to do
	return &screen{
		Writer: t, readLine: t.ReadLine, interactive: true, interrupt: in.stop,
		remember: func(past *PastLines) { t.History = past },
		size:     func() (width, height int, err error) { return term.GetSize(int(file.Fd())) },
		endLine:  func() { fmt.Fprint(stdout, "\r\n") },
		close: func() {
			stopSize()
			restore()
			in.close()
		},
	}, nil
}

// usePast makes the arrow keys of a terminal offer the lines of earlier runs, and stores those of
// this one for which wanted returns true, or all if it is nil.
func (s *screen) usePast(file, secret string, wanted func(line string) bool, style Style) {
	if s.remember == nil {
		return
	}
	past, err := OpenPastLines(file, secret)
	if err != nil {
		fmt.Fprint(s, style(Faint, "commands are not kept for the next time: "+OneLine(err.Error()))+"\n")
	}
	past.wanted = wanted
	s.remember(past)
}

// columns returns the width of the terminal; 0 for a stream, which has no limit.
func (s *screen) columns() int {
	if s == nil || s.size == nil {
		return 0
	}
	width, _, err := s.size()
	if err != nil {
		return 0
	}
	return width
}

// maxLine is the longest line of a plain stream, in bytes.
const maxLine = 64 << 10

func plainScreen(in io.Reader, out io.Writer, interrupt, closing func()) *screen {
	lines := bufio.NewScanner(textfile.NewReader(in))
	lines.Buffer(nil, maxLine+1) // with its end
	return &screen{Writer: out, interrupt: interrupt, endLine: func() {}, close: closing, readLine: func() (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		switch err := lines.Err(); {
		case errors.Is(err, textfile.ErrEncoding):
			return "", fmt.Errorf("standard input %w", err)
		case errors.Is(err, bufio.ErrTooLong):
			return "", fmt.Errorf("a line of standard input has more than %d bytes", maxLine)
		case err != nil:
			return "", err
		}
		return "", io.EOF
	}}
}

// completer adapts a complete to the callback of the terminal.
func completer(tab complete) func(string, int, rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		after, ok := tab(line[:pos])
		if !ok {
			return line, pos, true // swallow the tab
		}
		return after + line[pos:], len(after), true
	}
}
