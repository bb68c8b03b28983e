package fixclient

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/google/renameio/v2"
)

// maxSent is how many messages a Store keeps.
const maxSent = 10_000

// Store has the numbers and the messages of one session. Its file has a JSON object per line; the last
// one with a number counts. After an error of the file the
// session goes on; Close returns it.
type Store struct {
	in, out uint64 // the next numbers
	sent    []sent // ascending

	file *os.File // nil: nothing is written
	err  error
}

// sent is an application message that was sent.
type sent struct {
	Number uint64 `json:"number"`
	Time   int64  `json:"time"` // nanoseconds since 1970
	Type   string `json:"type"`
	Body   []byte `json:"body"` // complete fields
}

// line is a line of the file.
type line struct {
	In    uint64 `json:"in,omitempty"`
	Out   uint64 `json:"out,omitempty"`
	Reset bool   `json:"reset,omitempty"` // both numbers start at 1, and nothing can be sent again
	Sent  *sent  `json:"sent,omitempty"`
}

// NewStore returns a store in memory.
func NewStore() *Store { return &Store{in: 1, out: 1} }

// OpenStore opens the store in a file, or makes a new one. Errors are those of the file system, and
// ErrStore.
func OpenStore(path string) (*Store, error) {
	s := NewStore()
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		err = s.read(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := renameio.WriteFile(path, s.append(nil), 0o600); err != nil {
		return nil, err
	}
	s.file, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	return s, err
}

func (s *Store) read(f *os.File) error {
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4*maxMessage)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil || l == (line{}) {
			if !lines.Scan() { // the last line was cut
				break
			}
			return ErrStore
		}
		s.apply(&l)
	}
	return lines.Err()
}

func (s *Store) apply(l *line) {
	if l.Reset {
		s.in, s.out, s.sent = 1, 1, nil
	}
	if l.In > 0 {
		s.in = l.In
	}
	if l.Out > 0 {
		s.out = l.Out
	}
	if l.Sent != nil {
		if s.sent = append(s.sent, *l.Sent); len(s.sent) > maxSent {
			s.sent = slices.Clone(s.sent[maxSent/2:])
		}
	}
}

// append appends the lines that make the store.
func (s *Store) append(dst []byte) []byte {
	dst = appendLine(dst, &line{In: s.in, Out: s.out})
	for i := range s.sent {
		dst = appendLine(dst, &line{Sent: &s.sent[i]})
	}
	return dst
}

func appendLine(dst []byte, l *line) []byte {
	text, _ := json.Marshal(l) // it has no value that can't be marshalled
	return append(append(dst, text...), '\n')
}

// record applies a line and writes it.
func (s *Store) record(l *line) {
	s.apply(l)
	if s.file == nil || s.err != nil {
		return
	}
	_, s.err = s.file.Write(appendLine(nil, l))
}

// Next returns the next numbers.
func (s *Store) Next() (in, out uint64) { return s.in, s.out }

// Close closes the file, and returns the first error of it.
func (s *Store) Close() error {
	if s.file == nil {
		return s.err
	}
	err := s.file.Close()
	s.file = nil
	return errors.Join(s.err, err)
}
