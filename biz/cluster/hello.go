package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	helloSubject = "hf.hello"
	helloTime    = time.Second
)

// facts are what a node tells the others about itself when it or they start.
type facts struct {
	Node    string `json:"node"`
	Version string `json:"version"`
	Seed    string `json:"seed"` // hash of the seed it has now
	Timers  string `json:"timers"`
}

func (c *Config) facts() facts {
	return facts{Node: c.Node, Version: c.Version, Seed: c.SeedHash(), Timers: fmt.Sprint(timersNow())}
}

// ErrMismatch means that this node can't work with one that runs.
var ErrMismatch = errors.New("cluster: this node does not fit the others")

// fits returns an error that wraps ErrMismatch if two nodes must not be in one cluster.
func (f facts) fits(other facts) error {
	switch {
	case f.Seed != other.Seed:
		return fmt.Errorf("%w: its seed file has the hash %.12s, and that of %s %.12s: give all nodes the same file (a running node takes a new one with a reload)",
			ErrMismatch, f.Seed, other.Node, other.Seed)
	case f.Timers != other.Timers:
		return fmt.Errorf("%w: its timers are %s, and those of %s %s: use the same release of holdfast", ErrMismatch, f.Timers, other.Node, other.Timers)
	}
	return nil
}

// greet answers other nodes, and compares this node with those that run.
func greet(ctx context.Context, nc *nats.Conn, c *Config) error {
	if _, err := nc.Subscribe(helloSubject, func(m *nats.Msg) {
		answer, _ := json.Marshal(c.facts()) // it never fails
		_ = m.Respond(answer)                // the other node asks again
	}); err != nil {
		return fmt.Errorf("cluster: hello: %w", err)
	}
	answers, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return fmt.Errorf("cluster: hello: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := nc.PublishRequest(helloSubject, answers.Subject, nil); err != nil {
		return fmt.Errorf("cluster: hello: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	for missing := len(c.Peers) - 1; missing > 0; {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return nil // the others are not up; they ask when they start
		}
		var other facts
		if err := json.Unmarshal(m.Data, &other); err != nil {
			return fmt.Errorf("%w: the answer of another node can't be read: %w", ErrMismatch, err)
		}
		if other.Node == c.Node {
			continue
		}
		missing--
		if err := c.facts().fits(other); err != nil {
			return err
		}
	}
	return nil
}
