package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Cluster has the settings of a node of a cluster. A server on its own has no Node.
type Cluster struct {
	Node       string // one of Peers; "": this server is on its own
	Listen     string // address for the other nodes
	Peers      []Peer // all nodes, this one too
	SecretFile string // has the password of the nodes at each other; "": none
	TLSCert    string // PEM file of the certificate for the other nodes; "": no TLS between nodes
	TLSKey     string // PEM file of its private key
	TLSCA      string // PEM file of the authorities of the nodes' certificates
}

// Peer is a node as the others reach it.
type Peer struct {
	Node, Address string
}

// minPeers and maxPeers are how many nodes a cluster can have.
const (
	minPeers = 3
	maxPeers = 64
)

// peersValue returns a list of nodes. An entry is name=host:port.
func peersValue(field *[]Peer) value {
	return value{
		kind:  "name=host:port",
		form:  formList,
		empty: func() { *field = nil },
		set: func(text string) error {
			node, address, ok := strings.Cut(text, "=")
			if !ok || node == "" {
				return fmt.Errorf("wants name=host:port such as n1=10.0.0.1:6222, got %q", text)
			}
			if err := checkNode(node); err != nil {
				return err
			}
			if err := checkAddress(address); err != nil {
				return err
			}
			if len(*field) == maxPeers {
				return fmt.Errorf("is one too many: at most %d are accepted", maxPeers)
			}
			for _, other := range *field {
				if other.Node == node || other.Address == address {
					return fmt.Errorf("has the name or the address of another one, %s=%s, got %q", other.Node, other.Address, text)
				}
			}
			*field = append(*field, Peer{node, address})
			return nil
		},
		get: func() string {
			texts := make([]string, 0, len(*field))
			for _, p := range *field {
				texts = append(texts, p.Node+"="+p.Address)
			}
			return strings.Join(texts, " ")
		},
	}
}

// checkNode accepts the name of a node, and no text at all.
func checkNode(text string) error {
	const longest = 32
	if len(text) > longest || strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}) {
		return fmt.Errorf("wants a name of at most %d letters, digits, - and _, got %q", longest, text)
	}
	return nil
}

// checkCluster returns an error for settings of a cluster that contradict each other.
func (c *Config) checkCluster() error {
	k := &c.Cluster
	needs := func(key, what string) error {
		return mistake(c.Origin(key), "%s needs %s", c.describe(key), what)
	}
	if k.Node == "" {
		for _, s := range c.settings() {
			if s.object() == clusterKey && s.get() != "" {
				return needs(s.key, "the name of this node: set cluster.node")
			}
		}
		return nil
	}
	switch {
	case k.Listen == "":
		return needs("cluster.node", "an address for the other nodes: set cluster.listen")
	case len(k.Peers) < minPeers:
		return needs("cluster.node", fmt.Sprintf("at least %d nodes in cluster.peers, and has %d", minPeers, len(k.Peers)))
	case !slices.ContainsFunc(k.Peers, func(p Peer) bool { return p.Node == k.Node }):
		return mistake(c.Origin("cluster.node"), "%s is not among the peers: %s", c.describe("cluster.node"), c.textOf("cluster.peers"))
	case (k.TLSCert == "") != (k.TLSKey == "") || (k.TLSCert == "") != (k.TLSCA == ""):
		return mistake(c.Origin("cluster.node"), "cluster.tls_cert, cluster.tls_key and cluster.tls_ca belong together: set all or none of them")
	case c.JournalURL != "":
		return c.clash("journal_url", "can't be combined with", "cluster.node")
	case c.HistoryURL != "":
		return c.clash("history_url", "can't be combined with", "cluster.node")
	case c.Console != "":
		return c.clash("console", "can't be combined with", "cluster.node")
	}
	return nil
}
