package cluster_test

import (
	"errors"
	"slices"
	"testing"

	"holdfast/biz/cluster"
	"holdfast/biz/ledger"
)

// The server must have these variables, with these values: else setting them does nothing.
func TestTimersAreTheServers(t *testing.T) {
	if !slices.Equal(timersBefore, cluster.Theirs()) {
		t.Errorf("the NATS server has the timers %v instead of %v", timersBefore, cluster.Theirs())
	}
	if err := cluster.CheckTimers(0); !errors.Is(err, cluster.ErrTimers) {
		t.Errorf("a variable that the server does not have: %v", err)
	}
}

// A customer never gets another partition: the journals have the accounts.
func TestPartitionsNeverChange(t *testing.T) {
	for c, want := range map[ledger.Customer]int{1: 28, 100_001: 23, 100_002: 42, 900_001: 31, 4_294_967_295: 34} {
		if got := cluster.PartitionOf(c); got != want {
			t.Errorf("customer %d is in partition %d instead of %d", c, got, want)
		}
	}
	counts := make([]int, 6)
	l := cluster.Layout{Streams: len(counts)}
	const customers = 60_000
	for c := range customers {
		counts[l.StreamOf(ledger.Customer(100_000+c))]++
	}
	for n, count := range counts {
		// 64 partitions on 6 streams: 10 or 11 each.
		if count < customers/64*9 || count > customers/64*12 {
			t.Errorf("stream %d has %d of %d customers", n, count, customers)
		}
	}
}

func TestLayout(t *testing.T) {
	meta := cluster.NewMetadata(3)
	l, err := cluster.LayoutIn(meta)
	if err != nil || l.Streams != 6 || l.ID == (cluster.Layout{}).ID {
		t.Errorf("%+v, %v", l, err)
	}
	for key, value := range map[string]string{"holdfast-cluster": "abc", "holdfast-streams": "none", "holdfast-partitions": "128"} {
		wrong := cluster.NewMetadata(3)
		wrong[key] = value
		if _, err := cluster.LayoutIn(wrong); !errors.Is(err, cluster.ErrLayout) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

func TestConfig(t *testing.T) {
	three := func(names ...string) *cluster.Config {
		c := &cluster.Config{Node: "n1", SeedHash: func() string { return "a" }}
		for i, name := range names {
			c.Peers = append(c.Peers, cluster.Peer{Node: name, Address: "127.0.0.1:" + string(rune('1'+i))})
		}
		return c
	}
	if err := three("n1", "n2", "n3").Check(); err != nil {
		t.Error(err)
	}
	same := three("n1", "n2", "n3")
	same.Peers[2].Address = same.Peers[0].Address
	for what, c := range map[string]*cluster.Config{
		"two nodes": three("n1", "n2"), "a name twice": three("n1", "n2", "n2"), "not listed": three("n2", "n3", "n4"), "an address twice": same,
	} {
		if err := c.Check(); !errors.Is(err, cluster.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := three("n1", "n2", "n3")
	other.SeedHash = func() string { return "b" }
	if err := cluster.Fits(three("n1", "n2", "n3"), other); !errors.Is(err, cluster.ErrMismatch) {
		t.Errorf("another seed: %v", err)
	}
}
