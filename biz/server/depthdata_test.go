package server_test

import (
	"encoding/hex"
	"path/filepath"
	"slices"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/server"
)

// TestDataOfTradingDepth starts on data folders of 7ee5b76, whose checkpoints were in the history:
// limit and stop orders, some filled in part, cancelled or replaced, busts and corrections, a
// deposit, a halt and a price that an operator has set. The killed one was started on a copy of the
// stopped one. The hashes are from the `holdfast journal verify` of that release. 5349a91 has the stopped
// one after a start and a stop: with a checkpoint that has no log. 962db5b has it
// with the log, from before message numbers.
func TestDataOfTradingDepth(t *testing.T) {
	for name, want := range map[string]struct {
		state   string
		last    string // of the names of the client order ids
		working int
	}{
		"7ee5b76-stopped": {"020874bb6685321532d8dd3bba9e8e7ec0424f2d5fc1d5a65483a2bcb91ee389", "s", 4},
		"5349a91-stopped": {"020874bb6685321532d8dd3bba9e8e7ec0424f2d5fc1d5a65483a2bcb91ee389", "s", 4},
		"962db5b-stopped": {"020874bb6685321532d8dd3bba9e8e7ec0424f2d5fc1d5a65483a2bcb91ee389", "s", 4},
		"7ee5b76-killed":  {"ef464a1d48e51c28fc93f0b1c33a2616eadece3300b7100e35ddb2b51896e812", "k", 8},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, filepath.Join("testdata", name+".tar.gz"), dir)
			for range 2 {
				s := startEarly(t, dir, ledger.DefaultRecent)
				if c := s.Desk.Checkpoint(); slices.Contains([]string{"5349a91-stopped", "962db5b-stopped"}, name) && c == nil {
					t.Error("the checkpoint was not used")
				}
				if got := hashOf(s.Server); got != want.state {
					t.Errorf("state %s, want %s", got, want.state)
				}
				for _, a := range s.Desk.Accounts() {
					allExecutions(t, s.Desk, a)
				}
				s.hasDepth(want.last, want.working)
				s.balances()
				must(t, s.Stop())
			}
			s := startEarlyWith(t, dir, ledger.DefaultRecent, renamedSeed(t))
			if got := hashOf(s.Server); got != want.state {
				t.Errorf("with other names: state %s, want %s", got, want.state)
			}
			must(t, s.Stop())
		})
	}
}

// hasDepth checks the orders of the dealer, and that client order ids are answered as the first time.
func (s *earlyServer) hasDepth(name string, working int) {
	s.t.Helper()
	ctx, conn := s.t.Context(), s.login(dealer)
	orders, err := conn.Orders(ctx, 0)
	must(s.t, err)
	if len(orders.Orders) != working {
		s.t.Errorf("%d working orders, want %d", len(orders.Orders), working)
	}
	for suffix, status := range map[string]client.OrderStatus{
		"m1": client.StatusFilled, "rest": client.StatusNew, "cancel": client.StatusNew, "repl": client.StatusNew,
		"stop": client.StatusNew, "ioc": client.StatusFilled, "fok": client.StatusCancelled,
	} {
		placed, err := conn.PlaceOrder(ctx, client.Order{
			ClientOrderID: name + "-" + suffix, Side: client.Buy, Key: keyOf("ALFA/600100"), Quantity: 1,
		})
		must(s.t, err)
		if !placed.Duplicate || placed.Status != status {
			s.t.Errorf("%s-%s again: %+v, want a duplicate that is %v", name, suffix, placed, status)
		}
	}
}

func hashOf(s *server.Server) string {
	hash := s.Desk.StateHash()
	return hex.EncodeToString(hash[:])
}
