package progress_test

import (
	"bytes"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/perf/progress"
)

func TestLine(t *testing.T) {
	cases := []struct {
		name                string
		use                 func(l *progress.Line)
		terminal, elsewhere string
	}{
		{"replaced", func(l *progress.Line) { l.Show("one"); l.Show("two") }, "\r\x1b[Kone\r\x1b[Ktwo", "one\ntwo\n"},
		{"the same twice", func(l *progress.Line) { l.Show("one"); l.Show("one") }, "\r\x1b[Kone", "one\n"},
		{"cut to the terminal", func(l *progress.Line) { l.Show("äöüäöüäöüäöü") }, "\r\x1b[Käöüäöüäöü", "äöüäöüäöüäöü\n"},
		{"kept", func(l *progress.Line) { l.Show("one"); l.Keep("stays"); l.Show("one") }, "\r\x1b[Kone\r\x1b[Kstays\n\r\x1b[Kone", "one\nstays\none\n"},
		{"left", func(l *progress.Line) { l.Show("one"); l.Leave(); l.Leave() }, "\r\x1b[Kone\n", "one\n"},
		{"erased", func(l *progress.Line) { l.Show("one"); l.Erase(); l.Erase() }, "\r\x1b[Kone\r\x1b[K", "one\n"},
		{"nothing shown", func(l *progress.Line) { l.Leave(); l.Erase() }, "", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var terminal, file bytes.Buffer
			tc.use(progress.NewTerminal(&terminal, 10))
			tc.use(progress.New(&file))
			tc.use(progress.New(nil))
			tc.use(nil)
			if terminal.String() != tc.terminal {
				t.Errorf("on a terminal %q, want %q", terminal.String(), tc.terminal)
			}
			if file.String() != tc.elsewhere {
				t.Errorf("elsewhere %q, want %q", file.String(), tc.elsewhere)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	for _, tc := range []struct {
		name string
		line func(w io.Writer) *progress.Line
		want string
	}{
		{"terminal", func(w io.Writer) *progress.Line { return progress.NewTerminal(w, 80) }, "\r\x1b[K1\r\x1b[K3\r\x1b[K4"},
		{"elsewhere", progress.New, "1\n4\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text bytes.Buffer
				l := tc.line(&text)
				l.Limit(time.Second, 10*time.Second)
				l.Show("1")
				l.Show("2")
				time.Sleep(time.Second)
				l.Show("3")
				time.Sleep(9 * time.Second)
				l.Show("4")
				if text.String() != tc.want {
					t.Errorf("got %q, want %q", text.String(), tc.want)
				}
			})
		})
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := progress.NewTerminal(&text, 80)
		second := byte('0')
		stop := l.Watch(time.Second, func() string { second++; return string(second) })
		time.Sleep(2500 * time.Millisecond)
		stop()
		if want := "\r\x1b[K1\r\x1b[K2\n"; text.String() != want {
			t.Errorf("got %q, want %q", text.String(), want)
		}
	})
}

func TestBar(t *testing.T) {
	for _, tc := range []struct {
		done, total int
		want        string
	}{{0, 10, "[----------]"}, {5, 20, "[##--------]"}, {20, 20, "[##########]"}, {3, 2, "[##########]"}, {0, 0, "[----------]"}} {
		if got := progress.Bar(tc.done, tc.total, 10); got != tc.want {
			t.Errorf("%d of %d: got %s, want %s", tc.done, tc.total, got, tc.want)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if progress.IsTerminal(file) || progress.IsTerminal(new(bytes.Buffer)) || progress.New(file).Terminal() {
		t.Error("a file or a buffer counts as a terminal")
	}
}
