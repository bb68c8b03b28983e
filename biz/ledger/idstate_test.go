package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"holdfast/biz/ledger"
)

// saver stores an account as checkpoints do: each time its state, and the ids that are new.
type saver struct {
	state []byte
	parts [][]byte
	end   uint64
}

func (s *saver) save(t *testing.T, a *ledger.Account) {
	t.Helper()
	if err := a.LoadIDs(); err != nil {
		t.Fatal(err)
	}
	first, end := a.IDs()
	s.parts = append(s.parts, a.AppendIDs(nil, max(first, s.end)))
	s.state, s.end = a.AppendState(nil), end
}

func (s *saver) restore(t *testing.T, a *ledger.Account, o ledger.Options) *ledger.Account {
	t.Helper()
	b, err := ledger.RestoreAccount(s.state, a.Opening(), o)
	if err != nil {
		t.Fatal(err)
	}
	b.OnMissingIDs(func() error { return restoreParts(b, s.parts) })
	return b
}

func restoreParts(a *ledger.Account, parts [][]byte) error {
	for _, p := range parts {
		if err := a.RestoreIDs(p); err != nil {
			return err
		}
	}
	return nil
}

// TestIDsInParts: an account that gets the ids of several saves, at any time later, finds the same ids
// as one that was never stored.
func TestIDsInParts(t *testing.T) {
	const perDay = 700
	options := ledger.Options{Recent: 3}
	for _, later := range []int{0, 1, 100, 256, 300, perDay + 10, 2*perDay + 10} { // orders before the ids are needed
		t.Run(fmt.Sprint(later, " later"), func(t *testing.T) {
			a := openWith(t, options, 1_000_000)
			var s saver
			next := 0
			trade := func(accounts ...*ledger.Account) {
				for _, a := range accounts {
					place(t, a, buy(1, 1).named(t, fmt.Sprintf("id %06d", next)).on(int64(100+next/perDay)*day))
				}
				next++
			}
			for range 9 {
				for range 177 {
					trade(a)
				}
				s.save(t, a)
			}
			b := s.restore(t, a, options)
			for range later {
				trade(a, b)
			}
			for n := range next {
				id := named(t, fmt.Sprintf("id %06d", n))
				want, found := a.FindNamed(&id)
				if have, again := b.FindNamed(&id); have != want || again != found {
					t.Fatalf("id %d of %d: %+v, %t instead of %+v, %t", n, next, have, again, want, found)
				}
			}
			equal(t, "state", b.AppendState(nil), a.AppendState(nil))
			first, _ := a.IDs()
			equal(t, "ids", b.AppendIDs(nil, first), a.AppendIDs(nil, first))
		})
	}
}

// TestNewIDsOfAnAccountWithoutOld: what comes after the missing ids can be stored without them.
func TestNewIDsOfAnAccountWithoutOld(t *testing.T) {
	options := ledger.Options{Recent: 3}
	a := openWith(t, options, 1_000_000)
	var s saver
	for n := range 300 {
		place(t, a, buy(1, 1).named(t, fmt.Sprintf("id %03d", n)))
	}
	s.save(t, a)
	b := s.restore(t, a, options)
	for n := range 300 {
		place(t, b, buy(1, 1).named(t, fmt.Sprintf("id %03d", 300+n)))
	}
	gap := b.IDGap()
	equal(t, "missing", gap.Left(), 300)
	s.parts, s.state = append(s.parts, b.AppendIDs(nil, s.end)), b.AppendState(nil)
	c := s.restore(t, a, options)
	for n := range 600 {
		if _, found := c.FindNamed(new(named(t, fmt.Sprintf("id %03d", n)))); !found {
			t.Fatalf("id %d is not found", n)
		}
	}
}

// TestWrongParts: parts that are missing, twice, of another order or damaged are refused, and then all
// ids that might be among the missing ones count as used.
func TestWrongParts(t *testing.T) {
	options := ledger.Options{Recent: 3}
	a := openWith(t, options, 1_000_000)
	var s saver
	for range 4 {
		for n := range 300 {
			place(t, a, buy(1, 1).named(t, fmt.Sprintf("id %d %03d", len(s.parts), n)))
		}
		s.save(t, a)
	}
	good := s.parts
	for name, parts := range map[string][][]byte{
		"none":       nil,
		"first":      good[1:],
		"middle":     {good[0], good[2], good[3]},
		"last":       good[:3],
		"twice":      {good[0], good[1], good[1], good[2], good[3]},
		"swapped":    {good[0], good[2], good[1], good[3]},
		"too many":   append(slices.Clone(good), good[3]),
		"cut":        {good[0][:len(good[0])-1], good[1], good[2], good[3]},
		"more bytes": {append(slices.Clone(good[0]), 0), good[1], good[2], good[3]},
		"empty":      {nil, good[0], good[1], good[2], good[3]},
	} {
		s.parts = parts
		b := s.restore(t, a, options)
		gap, fits := b.IDGap(), true
		for _, p := range parts {
			fits = fits && gap.Add(p)
		}
		if inside := name == "cut" || name == "more bytes"; (fits && gap.Left() == 0) != inside { // Add does not look at the ids
			t.Errorf("%s: fits %t, %d left", name, fits, gap.Left())
		}
		if err := b.LoadIDs(); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := try(b, buy(1, 1).named(t, "a")); !errors.Is(err, ledger.ErrDuplicate) {
			t.Errorf("%s: an id that may be used: %v", name, err)
		}
		place(t, b, buy(1, 1).named(t, "z"))
	}
}

// FuzzRestoreIDs: bytes that are no part of the ids are refused, or are other ids.
func FuzzRestoreIDs(f *testing.F) {
	a := openWith(f, ledger.Options{Recent: 3}, 1_000_000)
	for n := range 300 {
		place(f, a, buy(1, 1).named(f, fmt.Sprintf("id %03d", n)))
	}
	state, part := a.AppendState(nil), a.AppendIDs(nil, 0)
	f.Add(part, part)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b, err := ledger.RestoreAccount(state, a.Opening(), ledger.Options{Recent: 3})
		if err != nil {
			t.Fatal(err)
		}
		b.OnMissingIDs(func() error { return restoreParts(b, [][]byte{first, second}) })
		if b.LoadIDs() != nil {
			return
		}
		again := b.AppendIDs(nil, 0)
		c, err := ledger.RestoreAccount(b.AppendState(nil), a.Opening(), ledger.Options{Recent: 3})
		if err != nil {
			return // the pieces are others than the state has
		}
		c.OnMissingIDs(func() error { return c.RestoreIDs(again) })
		if err := c.LoadIDs(); err != nil {
			t.Fatalf("what was restored can't be restored: %v", err)
		}
	})
}
