package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// prompt stands in front of a line that is typed.
const prompt = ">>> "

// screen is where a shell reads lines and writes text: a terminal, where text
// from elsewhere does not break the line that is being typed, or plain streams.
type screen struct {
	io.Writer
	readLine    func() (string, error)
	interactive bool
	interrupt   func() // ends readLine with io.EOF, where the system allows that
	endLine     func() // leaves a line that was being typed as it is and begins a new one
	close       func() // puts the terminal back as it was
}

// complete is called for the tab key with what stands before the cursor.
type complete func(before string) (after string, ok bool)

// openScreen takes the streams of p. On a terminal it reads keys from then on,
// until close.
func (p *Program) openScreen(tab complete) (*screen, error) {
	file, ok := p.Stdin.(*os.File)
	if !ok {
		return plainScreen(p.Stdin, p.Stdout, func() {}, func() {}), nil
	}
	in, err := newWakeable(file)
	if err != nil {
		return nil, err
	}
	if !isTerminal(file) || !isTerminal(p.Stdout) {
		return plainScreen(in, p.Stdout, in.stop, in.close), nil
	}
	restore, err := rawTerminal(file)
	if err != nil {
		in.close()
		return nil, err
	}
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, p.Stdout}, prompt)
	t.AutoCompleteCallback = completer(tab)
	stopSize := watchSize(file, func(width, height int) { _ = t.SetSize(width, height) }) // a bad size is refused: nothing to do
	return &screen{
		Writer: t, readLine: t.ReadLine, interactive: true, interrupt: in.stop,
		endLine: func() { fmt.Fprint(p.Stdout, "\r\n") },
		close: func() {
			stopSize()
			restore()
			in.close()
		},
	}, nil
}

// maxLine is the longest line that is read from a stream that is no terminal, in bytes.
const maxLine = 64 << 10

func plainScreen(in io.Reader, out io.Writer, interrupt, closing func()) *screen {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return &screen{Writer: out, interrupt: interrupt, endLine: func() {}, close: closing, readLine: func() (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		if err := lines.Err(); err != nil {
			return "", err
		}
		return "", io.EOF
	}}
}

// completer makes what the terminal wants of a complete.
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
