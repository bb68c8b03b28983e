package journal_test

import (
	"errors"
	"path/filepath"
	"testing"

	"holdfast/biz/journal"
)

// TestPauseTrim: between PauseTrim and resume nothing is removed, also while a Copy begins and ends.
func TestPauseTrim(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	want := uint64(1)
	for range 2 {
		first, resume, err := journal.PauseTrim(t.Context(), l.dir)
		must(t, err)
		if first != want {
			t.Errorf("it starts with batch %d instead of %d", first, want)
		}
		_, err = journal.Copy(t.Context(), journal.CopyOptions{From: l.dir, To: filepath.Join(t.TempDir(), "copy")})
		must(t, err)
		if first, err := j.Trim(t.Context(), j.LastBatch()); !errors.Is(err, journal.ErrCopying) || first != want {
			t.Errorf("Trim: %d, %v", first, err)
		}
		resume()
		if want == 1 {
			want, err = j.Trim(t.Context(), l.first(1))
			if err != nil || want == 1 {
				t.Errorf("Trim after resume: %d, %v", want, err)
			}
		}
	}
	if first, resume, err := journal.PauseTrim(t.Context(), t.TempDir()); err != nil || first != 1 {
		t.Errorf("no journal: %d, %v", first, err)
	} else {
		resume()
	}
}
