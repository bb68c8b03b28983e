package cluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/server"
	"holdfast/engine"
)

// Config configures a Node. All fields without a default are required.
type Config struct {
	// Node is the name of this node, one of Peers.
	Node string
	// Peers are all nodes, this one too, in the same order at each: three at least.
	Peers []Peer
	// Listen is where this node takes the connections of the others.
	Listen string
	// Secret is the password of the nodes at each other; "": none.
	Secret string
	// TLS encrypts the connections between the nodes; nil: they are not encrypted.
	TLS *tls.Config
	// Data is the folder of the node.
	Data string
	// SeedHash returns the hash of the seed that the node has now. All nodes must have the same.
	SeedHash func() string
	// Version is this build's, for the other nodes.
	Version string
	// Venue returns the settings of a venue's server, for each of its starts. Each venue of each node has
	// its own history in Data: HistoryURL must be empty. The node sets Data, the journal, the carrier and
	// what the venues of a cluster have in common. The clock, the simulation and the script are those of
	// stream 0.
	Venue func(stream int) server.Config
	// Listeners are where clients connect; EventLoops, Drain and Limits are for their sessions.
	Listeners  []engine.Listener
	EventLoops int
	Drain      time.Duration
	Limits     engine.Limits
	// Heartbeat is the interval that clients are told.
	Heartbeat time.Duration
	// Delays says that venues delay orders (gateway.Config.Preset).
	Delays bool
	// FIXCustomer returns the customer of a SenderCompID; nil: there are no FIX listeners.
	FIXCustomer func(compID string) (ledger.Customer, bool)
	// Log receives messages for operators; nil means slog.Default.
	Log *slog.Logger
}

// Peer is a node as the others reach it.
type Peer struct {
	Node    string
	Address string // host and port of its Config.Listen
}

// ErrConfig means that the settings can't be those of a node.
var ErrConfig = errors.New("cluster: wrong settings")

// check returns an error that wraps ErrConfig.
func (c *Config) check() error {
	if len(c.Peers) < Replicas {
		return fmt.Errorf("%w: a cluster has at least %d nodes, and %d are listed", ErrConfig, Replicas, len(c.Peers))
	}
	for n, p := range c.Peers {
		for _, before := range c.Peers[:n] {
			switch {
			case before.Node == p.Node:
				return fmt.Errorf("%w: the name %s is listed twice", ErrConfig, p.Node)
			case before.Address == p.Address:
				return fmt.Errorf("%w: the nodes %s and %s have the same address %s", ErrConfig, before.Node, p.Node, p.Address)
			}
		}
	}
	if !slices.ContainsFunc(c.Peers, func(p Peer) bool { return p.Node == c.Node }) {
		return fmt.Errorf("%w: node %s is not one of the listed nodes", ErrConfig, c.Node)
	}
	return nil
}

// address returns how others reach this node.
func (c *Config) address() string {
	n := slices.IndexFunc(c.Peers, func(p Peer) bool { return p.Node == c.Node })
	return c.Peers[n].Address
}

// names returns the names of all nodes.
func (c *Config) names() string {
	names := make([]string, 0, len(c.Peers))
	for _, p := range c.Peers {
		names = append(names, p.Node)
	}
	return strings.Join(names, ", ")
}

// ErrNodeTwice means that another process is already the node.
var ErrNodeTwice = errors.New("cluster: this node runs already")

// lookTime is how long the look for another process with this node's name may take.
const lookTime = 500 * time.Millisecond

// checkAlone refuses a name that another process has: one listens on the address. Two of them would vote
// as one.
func (c *Config) checkAlone() error {
	if conn, err := net.DialTimeout("tcp", c.address(), lookTime); err == nil {
		return errors.Join(fmt.Errorf("%w: somebody listens on %s, the address of %s; stop that process, or correct the name of this node", ErrNodeTwice, c.address(), c.Node), conn.Close())
	}
	return nil
}

// storeFolder is the folder of the NATS server, venueFolder that of a venue.
func (c *Config) storeFolder() string      { return filepath.Join(c.Data, "streams") }
func (c *Config) venueFolder(n int) string { return filepath.Join(c.Data, "venues", StreamName(n)) }
