package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a file of typed lines.
const (
	maxPastLines  = 1000
	maxPastLine   = 4 << 10          // bytes; a longer line is not stored
	maxPastFile   = 2 << 20          // bytes that are read at a start
	pastFileSlack = 2 * maxPastLines // lines in the file before it is cut to maxPastLines
)

// PastLines are the lines that were typed at a prompt, in this run and earlier ones, for the
// arrow keys. The file may be shared by terminals that run at the same time: each has its own
// lines and those that were there when it started. It implements term.History.
//
// Goroutine: one at a time.
type PastLines struct {
	path   string                 // "": nothing is stored
	secret string                 // lines that contain it are not stored
	wanted func(line string) bool // lines to store; nil: all
	lines  []string               // oldest first; limit: maxPastLines
}

// StateFolder returns where programs keep such files for the user by the XDG Base Directory
// Specification, "" if the environment does not say.
func StateFolder(getenv func(name string) string) string {
	if folder := getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return filepath.Join(folder, "holdfast")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "holdfast")
	}
	return ""
}

// OpenPastLines reads the lines of earlier runs from a file, which it creates for the user alone
// if it is missing, with its folder. Lines that contain secret are never stored, nor those that
// start with a blank; with an empty secret all others are. After an error the lines of this run are still
// there, and nothing is stored.
func OpenPastLines(path, secret string) (*PastLines, error) {
	past := &PastLines{secret: secret}
	if path == "" {
		return past, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return past, err
	}
	past.path = path
	err := past.withFile(func(file *os.File) error {
		text, err := readTail(file)
		past.lines = usableLines(text)
		return err
	})
	if err != nil {
		past.path = ""
	}
	return past, err
}

// Add implements term.History: the file gets the line, too.
func (p *PastLines) Add(line string) {
	if strings.TrimSpace(line) == "" || len(p.lines) > 0 && p.lines[len(p.lines)-1] == line {
		return
	}
	if p.lines = append(p.lines, line); len(p.lines) > maxPastLines {
		p.lines = slices.Delete(p.lines, 0, 1)
	}
	if p.path == "" || !p.storable(line) {
		return
	}
	// An error, of a full disk for example, is not worth a message in the middle of the work.
	_ = p.withFile(func(file *os.File) error { return appendLine(file, line) })
}

// Len implements term.History.
func (p *PastLines) Len() int { return len(p.lines) }

// At implements term.History: 0 is the newest line.
func (p *PastLines) At(index int) string { return p.lines[len(p.lines)-1-index] }

func (p *PastLines) storable(line string) bool {
	return usable(line) && line[0] != ' ' && (p.secret == "" || !strings.Contains(line, p.secret)) && (p.wanted == nil || p.wanted(line))
}

// usable reports whether a line of a file is one that a prompt may show.
func usable(line string) bool {
	return line != "" && len(line) <= maxPastLine && utf8.ValidString(line) && strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// usableLines returns the newest lines of a file, without those that were damaged.
func usableLines(text []byte) (lines []string) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); usable(line) {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-maxPastLines):]
}

// errNotRegular refuses what is no file on a disk, such as a link to /dev/null.
var errNotRegular = errors.New("not a regular file")

// withFile calls do with the file, which no other terminal uses meanwhile. Only its owner may
// read it.
func (p *PastLines) withFile(do func(*os.File) error) (err error) {
	file, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|openNonblock, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &os.PathError{Op: "open", Path: p.path, Err: errNotRegular}
	case info.Mode().Perm() != 0o600:
		if err := file.Chmod(0o600); err != nil {
			return err
		}
	}
	if err := lockFile(file); err != nil {
		return err
	}
	return do(file) // Close ends the lock
}

// readTail returns the last bytes of a file, at most maxPastFile, from the start of a line.
func readTail(file *os.File) ([]byte, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from := max(0, size-maxPastFile)
	text := make([]byte, size-from)
	n, err := file.ReadAt(text, from)
	if text = text[:n]; from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// appendLine appends a line to the file. When that has far too many lines, the oldest go.
func appendLine(file *os.File, line string) error {
	text, err := readTail(file)
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	added := line + "\n"
	if len(text) > 0 && text[len(text)-1] != '\n' { // an earlier write was cut
		added = "\n" + added
	}
	if bytes.Count(text, []byte("\n")) < pastFileSlack && int64(len(text)) == size {
		_, err = file.WriteAt([]byte(added), size)
		return err
	}
	kept := strings.Join(usableLines(append(text, added...)), "\n") + "\n"
	if _, err := file.WriteAt([]byte(kept), 0); err != nil {
		return err
	}
	return file.Truncate(int64(len(kept)))
}
