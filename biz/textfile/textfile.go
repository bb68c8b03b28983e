package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrEncoding means text in another encoding than UTF-8. The error's text names the
// encoding and continues a sentence that starts with the name of the file.
var ErrEncoding = errors.New("save it as UTF-8")

// marks are the byte order marks. A mark comes before the marks that it starts with.
var marks = []struct{ mark, encoding string }{
	{"\xef\xbb\xbf", "UTF-8"},
	{"\xff\xfe\x00\x00", "UTF-32"},
	{"\x00\x00\xfe\xff", "UTF-32"},
	{"\xff\xfe", "UTF-16"},
	{"\xfe\xff", "UTF-16"},
}

// Trim returns text without a byte order mark of UTF-8. The mark of another encoding is
// an ErrEncoding.
func Trim(text []byte) ([]byte, error) {
	for _, m := range marks {
		rest, found := bytes.CutPrefix(text, []byte(m.mark))
		switch {
		case !found:
		case m.encoding == "UTF-8":
			return rest, nil
		default:
			return nil, fmt.Errorf("is %s; %w", m.encoding, ErrEncoding)
		}
	}
	return text, nil
}

// NewReader returns a reader of the text that r has, as Trim returns it. It never waits
// for more bytes than it needs to tell a mark from text, so r may be a pipe to a person.
func NewReader(r io.Reader) io.Reader { return &reader{from: r} }

type reader struct {
	from    io.Reader
	start   []byte // read from from, but not yet returned
	started bool   // start has no mark
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if !r.started {
		if err := r.readStart(); err != nil {
			return 0, err
		}
	}
	if len(r.start) > 0 {
		n := copy(b, r.start)
		r.start = r.start[n:]
		return n, nil
	}
	return r.from.Read(b)
}

// readStart reads until the bytes can no longer become a mark.
func (r *reader) readStart() error {
	one := make([]byte, 1)
	for becomesMark(r.start) {
		n, err := r.from.Read(one)
		r.start = append(r.start, one[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	rest, err := Trim(r.start)
	if err != nil {
		return err
	}
	r.start, r.started = rest, true
	return nil
}

// becomesMark reports whether more bytes after text could complete a mark.
func becomesMark(text []byte) bool {
	for _, m := range marks {
		if len(text) < len(m.mark) && bytes.HasPrefix([]byte(m.mark), text) {
			return true
		}
	}
	return false
}
