package gateway_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestStateHashOfEveryWay: the same journal always results in the same hash, however the
// accounts are rebuilt, and each event changes the hash.
func TestStateHashOfEveryWay(t *testing.T) {
	s := start(t, setup{})
	seen := map[[32]byte]string{}
	record := func(after string) {
		t.Helper()
		hash := s.service.StateHash()
		if same, ok := seen[hash]; ok {
			t.Errorf("the hash after %s is that after %s", after, same)
		}
		seen[hash] = after
	}
	record("the seed")
	tr, op := s.login(alice), s.login(operator)
	tr.buy(tin, 7)
	record("a buy")
	tr.sell(tin, 7)
	record("its sell")
	y := s.login(bob).buy(rail, 1)
	record("another's buy")
	op.bust(y.ID, "typo")
	record("a bust")
	want := s.service.StateHash()
	same := func(how string, s *server) {
		t.Helper()
		if s.service.StateHash() != want {
			t.Errorf("%s: another hash", how)
		}
	}
	same("from the journal alone", start(t, setup{dir: s.copyData()}))
	must(t, s.service.SaveCheckpoint(t.Context()))
	same("from a checkpoint", start(t, setup{dir: s.copyData()}))
	same("with less memory", start(t, setup{dir: s.copyData(), recent: 1}))
	s = s.restart()
	same("after a restart", s)
	s.stop()
	for _, name := range []string{"history.db", "history.db-wal", "history.db-shm"} {
		if err := os.Remove(filepath.Join(s.setup.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	same("without the history", start(t, s.setup))
}
