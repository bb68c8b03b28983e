package gateway_test

import (
	"errors"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// TestStateHash: the state is the same for the accounts that traded, the accounts after a
// restart, and the accounts rebuilt from the records alone, twice.
func TestStateHash(t *testing.T) {
	s := start(t, setup{})
	empty := s.service.StateHash()
	trade(s)
	s.catchUp()
	live := s.service.StateHash()
	if live == empty {
		t.Fatal("trading does not change the state hash")
	}
	crashed := start(t, setup{dir: s.copyData(), seed: s.setup.seed})
	if got := crashed.service.StateHash(); got != live {
		t.Errorf("%x after a crash, %x before", got, live)
	}
	for range 2 {
		if got := replicaHash(t, s); got != live {
			t.Errorf("%x from the records, %x live", got, live)
		}
	}
	if got := s.restart().service.StateHash(); got != live { // with a checkpoint
		t.Errorf("%x after a restart, %x before", got, live)
	}
}

func replicaHash(t *testing.T, s *server) [32]byte {
	t.Helper()
	b := desk.NewBook()
	eachEntry(t, s, b.Add)
	r, err := desk.NewReplica(s.setup.seed, b)
	must(t, err)
	eachEntry(t, s, r.Apply)
	return r.StateHash()
}

func eachEntry(t *testing.T, s *server, do func(*desk.Entry) error) {
	t.Helper()
	must(t, s.journal.Replay(t.Context(), 1, func(at journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		must(t, err)
		if e.Genesis != (at.Record == 1) || e.Genesis && e.Seed != s.setup.seed.SHA256 {
			t.Errorf("record %d: %+v", at.Record, e)
		}
		return do(&e)
	}))
}

// TestReplicaRefuses applies records that do not follow from the state.
func TestReplicaRefuses(t *testing.T) {
	r, err := desk.NewReplica(newSeed(t, "Tin"), desk.NewBook())
	must(t, err)
	event := func(c ledger.Customer, n uint32) desk.Entry {
		order := ledger.Order{ID: ledger.NewOrderID(c, n)}
		return desk.Entry{Events: []ledger.Event{{
			Number: uint64(n), Push: uint64(3*n - 2), Kind: ledger.KindFill, Order: order, Execution: ledger.Execution{ID: ledger.NewExecutionID(c, n), Order: order.ID},
		}}}
	}
	gap := event(100001, 2)
	if err := r.Apply(&gap); !errors.Is(err, ledger.ErrGap) {
		t.Errorf("a gap: %v", err)
	}
	stranger := event(7, 1)
	if err := r.Apply(&stranger); err == nil {
		t.Error("an event of nobody in the seed is applied")
	}
	for _, record := range []string{"", "\x01short", "\x02", "\x03what"} {
		if e, err := desk.DecodeEntry([]byte(record)); err == nil {
			t.Errorf("%q is %+v", record, e)
		}
	}
}
