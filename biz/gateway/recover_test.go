package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// mark is a client order id that tests find in the records and rows of its order, and in checkpoints.
const mark = "find me in the file"

// trade places orders in two accounts, and busts some.
func trade(s *server) {
	s.t.Helper()
	op, a, b := s.login(operator), s.login(alice), s.login(bob)
	a.place(client.Order{ClientOrderID: mark, Side: client.Buy, Key: tin, Quantity: 70})
	for n := range client.Quantity(12) {
		x := a.buy(tin, n+1)
		a.buy(mills, 100)
		y := b.sell(tin, 3)
		if n%4 == 0 {
			op.bust(x.ID, "wrong")
			op.bust(y.ID, "wrong too")
		}
	}
	a.sell(mills, 1200)
}

// buyInTurn places n orders. Goroutine: any.
func buyInTurn(traders []*trader, n int) {
	for i := range n {
		tr := traders[i%len(traders)]
		if _, err := tr.PlaceOrder(context.Background(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err != nil {
			tr.t.Error(err)
			return
		}
	}
}

// TestRestart: whatever remains of the data folder besides the journal, the accounts are the
// same, new orders continue the numbers, and the history is complete.
func TestRestart(t *testing.T) {
	historyOf := func(dir string) string { return filepath.Join(dir, "history.db") }
	cases := []struct {
		name string
		keep func(s *server) (dir string) // returns the folder to start on
	}{
		{"clean stop", func(s *server) string { s.stop(); return s.setup.dir }},
		{"crash", func(s *server) string { return s.copyData() }},
		{"history deleted", func(s *server) string {
			s.stop()
			must(s.t, history.Remove(historyOf(s.setup.dir)))
			return s.setup.dir
		}},
		{"crash, history lost", func(s *server) string {
			dir := s.copyData()
			must(s.t, history.Remove(historyOf(dir)))
			return dir
		}},
		{"history damaged", func(s *server) string {
			s.stop()
			overwrite(s.t, historyOf(s.setup.dir), 0, []byte("this is no database"))
			return s.setup.dir
		}},
		{"history cut", func(s *server) string {
			s.stop()
			must(s.t, os.Truncate(historyOf(s.setup.dir), 4096))
			return s.setup.dir
		}},
		{"crash after a checkpoint and more events", func(s *server) string {
			must(s.t, s.service.SaveCheckpoint(s.t.Context()))
			trade(s)
			return s.copyData()
		}},
		{"crash after two checkpoints", func(s *server) string {
			must(s.t, s.service.SaveCheckpoint(s.t.Context()))
			s.login(dave).buy(rail, 3)
			must(s.t, s.service.SaveCheckpoint(s.t.Context()))
			s.login(bob).buy(rail, 3)
			return s.copyData()
		}},
		{"crash after checkpoints while orders come", func(s *server) string {
			done := make(chan struct{})
			traders := []*trader{s.login(alice), s.login(bob), s.login(dave)}
			go func() {
				defer close(done)
				buyInTurn(traders, 300)
			}()
			for running := true; running; {
				must(s.t, s.service.SaveCheckpoint(s.t.Context()))
				select {
				case <-done:
					running = false
				default:
				}
			}
			return s.copyData()
		}},
		{"no checkpoint", func(s *server) string {
			s.stop()
			must(s.t, os.RemoveAll(filepath.Join(s.setup.dir, "checkpoints")))
			return s.setup.dir
		}},
		{"clean stop after a checkpoint and more events", func(s *server) string {
			must(s.t, s.service.SaveCheckpoint(s.t.Context()))
			trade(s)
			s.stop()
			return s.setup.dir
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{recent: 5})
			trade(s)
			s.catchUp()
			dir := tc.keep(s)
			again := start(t, setup{dir: dir, recent: 5})
			sameState(t, again, s)
			checkWhole(t, again)
			last := again.login(alice).history(client.HistoryQuery{Limit: 1}).Executions[0].ID
			if x := again.login(alice).buy(tin, 1); x.ID != last+1 {
				t.Errorf("the next execution is %s, the last was %s", x.ID, last)
			}
		})
	}
}

// checkWhole compares the history of the traders with their positions.
func checkWhole(t *testing.T, s *server) {
	t.Helper()
	held := map[client.Customer]client.Quantity{bob: 100}
	for _, c := range []client.Customer{alice, bob, dave} {
		tr := s.login(c)
		for _, x := range pages(t, tr, client.HistoryQuery{Key: tin, Limit: 10}) {
			switch {
			case x.Busted:
			case x.Side == client.Buy:
				held[c] += x.Quantity
			default:
				held[c] -= x.Quantity
			}
		}
		now := tr.positions()
		if p, _ := now.Find(tin); p.Quantity != held[c] {
			t.Errorf("customer %d holds %d, by the history %d", c, p.Quantity, held[c])
		}
	}
}

func overwrite(t testing.TB, path string, at int64, with []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(with, at)
	must(t, errors.Join(err, f.Close()))
}

// TestDamagedCheckpoint: a flipped byte in a checkpoint is found, and the accounts come from
// the journal.
func TestDamagedCheckpoint(t *testing.T) {
	s := start(t, setup{})
	trade(s)
	s.stop()
	files, err := filepath.Glob(filepath.Join(s.setup.dir, "checkpoints", "*[0-9]"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("checkpoints %v", files)
	}
	content, err := os.ReadFile(files[0])
	must(t, err)
	if !bytes.Contains(content, []byte(mark)) {
		t.Fatal("the mark is not in the file")
	}
	must(t, os.WriteFile(files[0], bytes.ReplaceAll(content, []byte(mark), []byte("Find me in the file")), 0o600))
	var said bytes.Buffer
	s.setup.log = slog.New(slog.NewTextHandler(&said, nil))
	again := start(t, s.setup)
	sameState(t, again, s)
	again.stop()
	if !strings.Contains(said.String(), "a checkpoint can't be used") || !strings.Contains(said.String(), files[0]) {
		t.Errorf("started with the damage, saying\n%s", &said)
	}
}

// TestChangedSeed: a seed with another name is that of the folder, one with other cash of a
// customer who has traded is not.
func TestChangedSeed(t *testing.T) {
	s := start(t, setup{})
	trade(s)
	s.stop()
	poorer := parseSeed(t, strings.Replace(seedText, `"cash": "500000.00"`, `"cash": "400000.00"`, 1))
	if _, err := tryStart(t, setup{dir: s.setup.dir, seed: poorer}); !errors.Is(err, desk.ErrForeignData) {
		t.Errorf("other cash: %v", err)
	}
	renamed := start(t, setup{dir: s.setup.dir, seed: newSeed(t, "Zinc")})
	sameState(t, renamed, s)
	renamed.stop()
	sameState(t, start(t, s.setup), s)
}

// TestJournalLacksItsEnd combines history and checkpoints with a journal that lacks its end.
func TestJournalLacksItsEnd(t *testing.T) {
	cases := []struct {
		name string
		keep func(s *server) // makes the journal another one
		want error
	}{
		{"journal lost", func(s *server) {
			s.catchUp()
			s.stop()
			must(s.t, os.RemoveAll(filepath.Join(s.setup.dir, "journal")))
		}, desk.ErrForeignCheckpoint},
		{"journal lost in a crash, without a checkpoint", func(s *server) {
			dir := s.copyData()
			s.stop()
			s.setup.dir = dir
			must(s.t, os.RemoveAll(filepath.Join(dir, "journal")))
		}, desk.ErrHistoryAhead},
		{"older journal", func(s *server) {
			older := s.copyData()
			trade(s)
			s.catchUp()
			s.stop()
			must(s.t, os.RemoveAll(filepath.Join(s.setup.dir, "journal")))
			must(s.t, os.Rename(filepath.Join(older, "journal"), filepath.Join(s.setup.dir, "journal")))
		}, desk.ErrForeignCheckpoint},
		{"older journal and history", func(s *server) {
			must(s.t, s.service.SaveCheckpoint(s.t.Context()))
			older := s.copyData()
			trade(s)
			s.stop()
			must(s.t, os.RemoveAll(filepath.Join(older, "checkpoints")))
			must(s.t, os.Rename(filepath.Join(s.setup.dir, "checkpoints"), filepath.Join(older, "checkpoints")))
			s.setup.dir = older
		}, desk.ErrForeignCheckpoint},
		{"another journal", func(s *server) {
			s.stop()
			other := start(s.t, setup{})
			for range 3 {
				trade(other)
			}
			other.stop()
			must(s.t, os.RemoveAll(filepath.Join(other.setup.dir, "checkpoints")))
			must(s.t, os.Rename(filepath.Join(s.setup.dir, "checkpoints"), filepath.Join(other.setup.dir, "checkpoints")))
			s.setup.dir = other.setup.dir
		}, desk.ErrForeignCheckpoint},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{})
			trade(s)
			tc.keep(s)
			if _, err := tryStart(t, s.setup); !errors.Is(err, tc.want) {
				t.Errorf("started with %v", err)
			}
		})
	}
}

// TestSeedIsTheStart: a fresh server has the accounts of the seed.
func TestSeedIsTheStart(t *testing.T) {
	s := start(t, setup{})
	for _, c := range s.setup.seed.Customers {
		want, err := ledger.NewAccount(c.Number, c.Opening(), ledger.Options{})
		must(t, err)
		if s.service.Hashes()[c.Number] != want.Hash() {
			t.Errorf("customer %d is not as in the seed", c.Number)
		}
	}
}
