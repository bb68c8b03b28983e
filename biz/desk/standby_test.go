package desk_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/journal/streamtest"
	"holdfast/biz/ledger"
)

// copies are the desks that have a journal, as the desk.Others of each knows them.
type copies struct {
	mu    sync.Mutex
	spare map[string]uint64 // by node; a node that is not in it has told nothing
	nodes []string
}

// as returns what a node knows of the others.
func (c *copies) as(node string) desk.Others { return &otherCopies{c, node} }

type otherCopies struct {
	*copies

	node string
}

func (o *otherCopies) Spares(batch uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare[o.node] = batch
}

func (o *otherCopies) Spared(_ context.Context, wanted uint64) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.nodes {
		if n != o.node {
			wanted = min(wanted, o.spare[n])
		}
	}
	return wanted
}

// newest returns the batch of a standby's newest checkpoint, 0 without one.
func (s *standby) newest() uint64 {
	s.t.Helper()
	c, unusable, err := checkpoint.Newest(s.setup.dir+"/checkpoints", 0)
	if err != nil || c == nil || len(unusable) > 0 { // it may just be removed
		return 0
	}
	return c.Point.Batch
}

func (s *standby) deposit(c ledger.Customer) {
	s.t.Helper()
	s.at(c, func(turn *desk.Turn) {
		_, err := turn.Deposit(1, "for a test", timeOf(1))
		must(s.t, err)
	})
}

// TestStandbyCheckpoints: a standby saves checkpoints while it follows, and starts from them.
func TestStandbyCheckpoints(t *testing.T) {
	n := streamtest.Alone(t)
	first := newStandby(t, n)
	first.lead()
	with := setup{dir: t.TempDir(), interval: time.Millisecond}
	second := openStandby(t, n, with, nil)
	for i := range 300 {
		o := marketOrder(ledger.Buy, tin, 1, i)
		o.ClientOrderID = named(t, time.Duration(i).String())
		first.place(alice, o)
	}
	first.price(tin, 11_0000, 2)
	first.place(bob, limitOrder(ledger.Sell, tin, 5, 20_0000, 3))
	must(t, first.Durable(t.Context()))
	last := first.journal.LastBatch()
	eventually(t, "a checkpoint with all", func() bool { return second.newest() == last })
	second.end()
	first.buy(carol, tin, 1)
	must(t, first.Durable(t.Context()))

	third := openStandby(t, n, with, nil)
	hash := first.StateHash()
	third.lead()
	if got := third.StateHash(); got != hash {
		t.Errorf("the accounts have hash %x, want %x", got, hash)
	}
	if from := third.Checkpoint(); from == nil || from.Point.Batch < last {
		t.Errorf("it started from %+v, want batch %d", from, last)
	}
	if price := third.Market().Last(tin); price != 11_0000 || len(third.working(bob)) != 1 {
		t.Errorf("the last price is %v, %v works", price, third.working(bob))
	}
	if _, remembered, _ := third.findNamed(alice, time.Duration(7).String()); !remembered {
		t.Error("a client order id of before the checkpoint is forgotten")
	}
}

// TestStandbyCheckpointsWhileItFollows: what a standby saves between the batches of a busy owner is what the
// owner has, wherever it is cut.
func TestStandbyCheckpointsWhileItFollows(t *testing.T) {
	n := streamtest.Alone(t)
	first := newStandby(t, n)
	first.lead()
	with := setup{dir: t.TempDir(), interval: time.Millisecond}
	seen := make(map[uint64]bool)
	for len(seen) < 3 {
		second := openStandby(t, n, with, nil)
		before := second.newest()
		for start := time.Now(); second.newest() <= before && time.Since(start) < patience; {
			first.deposit(alice)
			first.deposit(carol)
		}
		second.end()
		seen[second.newest()] = true
	}
	must(t, first.Durable(t.Context()))
	hash := first.StateHash()
	last := openStandby(t, n, with, nil)
	last.lead()
	if got := last.StateHash(); got != hash {
		t.Errorf("the accounts have hash %x, want %x", got, hash)
	}
}

// TestClusterTrim: the owner trims no further than the slowest node, and only when all have told what they
// do not need. Who follows goes on, and takes over.
func TestClusterTrim(t *testing.T) {
	n := streamtest.Alone(t)
	all := &copies{spare: make(map[string]uint64), nodes: []string{"a", "b", "c"}}
	keep := desk.Retention{Bytes: 1}
	first := openStandby(t, n, setup{dir: t.TempDir(), keep: keep}, all.as("a"))
	first.lead()
	second := openStandby(t, n, setup{dir: t.TempDir(), keep: keep, interval: time.Millisecond}, all.as("b"))
	for range 3 {
		first.buy(alice, tin, 1)
		must(t, first.SaveCheckpoint(t.Context()))
	}
	first.catchUp()
	eventually(t, "the standby to spare something", func() bool {
		first.deposit(alice)
		must(t, first.Durable(t.Context()))
		all.mu.Lock()
		defer all.mu.Unlock()
		return all.spare["b"] > 4
	})
	first.Trim(t.Context())
	if batch := first.journal.FirstBatch(); batch != 1 {
		t.Errorf("it was trimmed to batch %d without node c", batch)
	}
	all.as("c").Spares(2)
	first.Trim(t.Context())
	if batch := first.journal.FirstBatch(); batch != 3 {
		t.Errorf("it was trimmed to batch %d, want 3", batch)
	}
	all.as("c").Spares(1 << 40)
	for range 2 {
		first.deposit(alice)
		must(t, first.SaveCheckpoint(t.Context()))
	}
	first.catchUp()
	first.Trim(t.Context())
	if batch := first.journal.FirstBatch(); batch <= 4 {
		t.Errorf("it was trimmed to batch %d", batch)
	}
	first.buy(alice, tin, 1)
	second.awaitProjected(first)
	hash := first.StateHash()
	second.lead()
	if got := second.StateHash(); got != hash {
		t.Errorf("the accounts have hash %x, want %x", got, hash)
	}
	eventually(t, "the new owner to know the start", func() bool {
		second.Trim(t.Context())
		return second.journal.FirstBatch() >= first.journal.FirstBatch()
	})
}
