package textfile_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"holdfast/biz/textfile"
)

var texts = []struct{ name, text, want, problem string }{
	{"empty", "", "", ""},
	{"one byte", "a", "a", ""},
	{"text", "{\"a\": 1}\n", "{\"a\": 1}\n", ""},
	{"marked", "\xef\xbb\xbf{}", "{}", ""},
	{"only the mark", "\xef\xbb\xbf", "", ""},
	{"two marks", "\xef\xbb\xbf\xef\xbb\xbfa", "\xef\xbb\xbfa", ""},
	{"mark later", "a\xef\xbb\xbf", "a\xef\xbb\xbf", ""},
	{"half a mark", "\xef\xbb", "\xef\xbb", ""},
	{"no mark after all", "\xef\xbbx", "\xef\xbbx", ""},
	{"UTF-16, little end first", "\xff\xfea\x00b\x00", "", "is UTF-16; save it as UTF-8"},
	{"UTF-16, only the mark", "\xff\xfe", "", "is UTF-16; save it as UTF-8"},
	{"UTF-16, big end first", "\xfe\xff\x00a", "", "is UTF-16; save it as UTF-8"},
	{"UTF-32, little end first", "\xff\xfe\x00\x00a\x00\x00\x00", "", "is UTF-32; save it as UTF-8"},
	{"UTF-32, big end first", "\x00\x00\xfe\xff\x00\x00\x00a", "", "is UTF-32; save it as UTF-8"},
	{"zeros", "\x00\x00a", "\x00\x00a", ""},
}

func TestMarks(t *testing.T) {
	for _, tt := range texts {
		t.Run(tt.name, func(t *testing.T) {
			trimmed, err := textfile.Trim([]byte(tt.text))
			check(t, "Trim", trimmed, err, tt.want, tt.problem)
			for name, reader := range map[string]io.Reader{
				"at once": strings.NewReader(tt.text), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.text)),
				"with EOF": iotest.DataErrReader(strings.NewReader(tt.text)),
			} {
				read, err := io.ReadAll(textfile.NewReader(reader))
				check(t, name, read, err, tt.want, tt.problem)
			}
		})
	}
}

func check(t *testing.T, what string, got []byte, err error, want, problem string) {
	t.Helper()
	if problem != "" {
		if !errors.Is(err, textfile.ErrEncoding) || err.Error() != problem {
			t.Errorf("%s: error %v, want %s", what, err, problem)
		}
		return
	}
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", what, got, err, want)
	}
}

// TestReaderWaitsForNoMore: the first byte of a text is returned before the next is there.
func TestReaderWaitsForNoMore(t *testing.T) {
	rest := errors.New("read too much")
	r := textfile.NewReader(io.MultiReader(strings.NewReader("\n"), iotest.ErrReader(rest)))
	b := make([]byte, 10)
	if n, err := r.Read(b); n != 1 || err != nil || b[0] != '\n' {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if _, err := r.Read(b); !errors.Is(err, rest) {
		t.Errorf("then %v, want the reader's own error", err)
	}
}

// FuzzReader: the reader returns what Trim returns.
func FuzzReader(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, wantErr := textfile.Trim(text)
		got, err := io.ReadAll(textfile.NewReader(bytes.NewReader(text)))
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%q, %v; Trim returns %q, %v", got, err, want, wantErr)
		}
	})
}
