package history_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"holdfast/biz/history"
)

func TestCopy(t *testing.T) {
	path, want := writeContent(t)
	to := newPath(t)
	must(t, history.Copy(t.Context(), path, to)) // of a history that nobody has open
	s := open(t, path)
	second := newPath(t)
	must(t, history.Copy(t.Context(), path, second))
	must(t, s.Close())
	for _, copied := range []string{to, second} {
		if got, err := openAndRead(copied); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, or another content", err)
		}
	}
}

// TestCopyBesideWriter: a copy has whole batches, however many are committed meanwhile.
func TestCopyBesideWriter(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	const rows = 50
	project(t, s, 1, 7, 1, rows)
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for b := uint32(1); ctx.Err() == nil; b++ {
			project(t, s, uint64(b)+1, 7, b*rows+1, (b+1)*rows)
		}
	})
	for range 5 {
		to := newPath(t)
		must(t, history.Copy(t.Context(), path, to))
		c := open(t, to)
		batch, err := c.Progress(t.Context())
		must(t, err)
		if list := all(t, c, history.Query{Customer: 7, Limit: history.MaxLimit}); len(list) != int(batch)*rows {
			t.Errorf("%d rows at progress %d", len(list), batch)
		}
		must(t, c.Verify(t.Context()))
	}
	cancel()
	writing.Wait()
}

func TestCopyRefused(t *testing.T) {
	path, _ := writeContent(t)
	dir := t.TempDir()
	other := filepath.Join(dir, "text")
	must(t, os.WriteFile(other, make([]byte, 5000), 0o600))
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		from, to string
		want     error
	}{
		"existing file":    {t.Context(), path, other, fs.ErrExist},
		"no folder":        {t.Context(), path, dir + "/none/copy", fs.ErrNotExist},
		"not a history":    {t.Context(), other, dir + "/copy", history.ErrDamaged},
		"stopped":          {stopped, path, dir + "/copy", context.Canceled},
		"no such history":  {t.Context(), dir + "/none", dir + "/copy", nil},
		"copy onto itself": {t.Context(), path, path, fs.ErrExist},
	} {
		err := history.Copy(c.ctx, c.from, c.to)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if _, err := os.Stat(dir + "/copy"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: it leaves a file", name)
		}
	}
	if _, err := openAndRead(path); err != nil {
		t.Error(err)
	}
}
