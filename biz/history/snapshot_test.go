package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"holdfast/biz/history"
)

type yield = func(customer uint32, state []byte) error

func states(m map[uint32]string) func(yield) error {
	return func(yield yield) error {
		for _, c := range slices.Sorted(maps.Keys(m)) {
			if err := yield(c, []byte(m[c])); err != nil {
				return err
			}
		}
		return nil
	}
}

func loaded(t *testing.T, s *history.Store) (uint64, map[uint32]string) {
	t.Helper()
	m := map[uint32]string{}
	from, err := s.LoadSnapshot(t.Context(), func(c uint32, state []byte) error {
		m[c] = string(state)
		return nil
	})
	must(t, err)
	return from, m
}

func expect(t *testing.T, s *history.Store, from uint64, want map[uint32]string) {
	t.Helper()
	if got, m := loaded(t, s); got != from || !maps.Equal(m, want) {
		t.Fatalf("snapshot from %d: %v\nwant from %d: %v", got, m, from, want)
	}
}

func TestSnapshot(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	expect(t, s, 1, map[uint32]string{})
	must(t, s.SaveSnapshot(t.Context(), 10, states(map[uint32]string{5: "five", 6: "", 1 << 31: "large"})))
	expect(t, s, 10, map[uint32]string{5: "five", 6: "", 1 << 31: "large"})
	must(t, s.SaveSnapshot(t.Context(), 20, states(map[uint32]string{6: "six", 7: "seven"})))
	must(t, s.Close())
	s = open(t, path)
	expect(t, s, 20, map[uint32]string{5: "five", 6: "six", 7: "seven", 1 << 31: "large"})
	must(t, s.Verify(t.Context()))
}

// If SaveSnapshot stops in the middle, the states are newer than the former replayFrom.
func TestSnapshotStopped(t *testing.T) {
	const accounts = 2500
	version := func(v string, n int) map[uint32]string {
		m := map[uint32]string{}
		for i := range n {
			m[uint32(i)] = fmt.Sprintf("%s-%d", v, i)
		}
		return m
	}
	why := errors.New("why")
	cases := map[string]func(s *history.Store) error{
		"by iterate": func(s *history.Store) error {
			return s.SaveSnapshot(t.Context(), 20, func(yield yield) error {
				if err := states(version("new", accounts-1))(yield); err != nil {
					return err
				}
				return why
			})
		},
		"by its context": func(s *history.Store) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			return s.SaveSnapshot(ctx, 20, func(yield yield) error {
				defer cancel(why)
				return states(version("new", accounts-1))(yield)
			})
		},
	}
	for name, save := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			must(t, s.SaveSnapshot(t.Context(), 10, states(version("old", accounts))))
			if err := save(s); !errors.Is(err, why) {
				t.Fatalf("%v, want the cause", err)
			}
			from, m := loaded(t, s)
			if from != 10 || len(m) != accounts {
				t.Fatalf("from %d with %d accounts, want the former 10 with %d", from, len(m), accounts)
			}
			newer := 0
			for c, state := range m {
				switch state {
				case fmt.Sprintf("new-%d", c):
					newer++
				case fmt.Sprintf("old-%d", c):
				default:
					t.Fatalf("customer %d: %q", c, state)
				}
			}
			if newer == 0 || newer == accounts {
				t.Fatalf("%d of %d states are new, want some: it was not stopped in the middle", newer, accounts)
			}
			must(t, s.SaveSnapshot(t.Context(), 30, states(version("last", accounts))))
			expect(t, s, 30, version("last", accounts))
		})
	}
}

func TestSnapshotSizes(t *testing.T) {
	s := open(t, newPath(t))
	big := func(n int) string { return string(bytes.Repeat([]byte{0xa5}, n)) }
	want := map[uint32]string{1: big(3 << 20), 2: big(3 << 20), 3: big(5 << 20), 4: "", 5: big(history.MaxState)}
	must(t, s.SaveSnapshot(t.Context(), 2, states(want)))
	if from, m := loaded(t, s); from != 2 || !maps.Equal(m, want) {
		t.Fatalf("from %d with %d accounts", from, len(m))
	}
	err := s.SaveSnapshot(t.Context(), 3, states(map[uint32]string{6: big(history.MaxState + 1)}))
	if !errors.Is(err, history.ErrTooLarge) {
		t.Fatalf("%v, want ErrTooLarge", err)
	}
	if from, _ := loaded(t, s); from != 2 {
		t.Fatalf("from %d, want 2", from)
	}
}

// The buffer of a state belongs to the caller as soon as yield returns.
func TestSnapshotCopiesStates(t *testing.T) {
	s := open(t, newPath(t))
	must(t, s.SaveSnapshot(t.Context(), 2, func(yield yield) error {
		buf := []byte("one")
		if err := yield(1, buf); err != nil {
			return err
		}
		copy(buf, "two")
		return yield(2, buf)
	}))
	expect(t, s, 2, map[uint32]string{1: "one", 2: "two"})
}

func TestLoadSnapshotError(t *testing.T) {
	s := open(t, newPath(t))
	must(t, s.SaveSnapshot(t.Context(), 2, states(map[uint32]string{1: "a", 2: "b"})))
	why := errors.New("why")
	if _, err := s.LoadSnapshot(t.Context(), func(uint32, []byte) error { return why }); !errors.Is(err, why) {
		t.Fatalf("%v, want the error of fn", err)
	}
	expect(t, s, 2, map[uint32]string{1: "a", 2: "b"})
}
