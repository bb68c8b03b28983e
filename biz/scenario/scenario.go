package scenario

import (
	"time"

	"holdfast/biz/client"
)

// Limits of a scenario file.
const (
	MaxFileSize = 1 << 20
	MaxSteps    = 10_000
	MaxClients  = 50
)

// Operator is the name of the client that is there in every scenario, with the operator role.
const Operator = "operator"

// Scenario is a parsed scenario file. It does not change.
type Scenario struct {
	// Name is unique in a run.
	Name string
	// File is where it is from, for messages.
	File string
	// About is the comment at the start of the file.
	About string
	// Text is the file.
	Text string
	// Server is the server that the scenario needs for itself; nil: any server will do.
	Server *Server

	clients     []clientName // in the order of the file, sessions included, without the operator
	variables   []string     // names of instruments that the run chooses
	instruments []instrument // all that are named, except where an unknown one is expected
	steps       []*statement
}

// Server describes a server for one scenario.
type Server struct {
	// Seed is "default", "mainland" or the path of a seed file. Of a seed, only markets and
	// instruments are used.
	Seed string
	// Stepped means that only the operator makes the time pass, from Start on.
	Stepped bool
	Start   time.Time
	// Depth is how many shares each price step offers at each price; 0: as in the seed.
	Depth client.Quantity
	// Moves and Orders are simulated price moves and orders per second of the clock.
	Moves, Orders float64
	Random        uint64
	// Preset is how the simulated broker behaves; "": the usual way.
	Preset string
	// Accounts are those of the clients, in their order; the operator has another one.
	Accounts []Account

	line int
}

// Account is what a client of a scenario with its own server starts with.
type Account struct {
	// Customer is set when the server is started.
	Customer   client.Customer
	Name       string
	Cash       client.Money
	Directives bool // its client order ids may have directives
	Holdings   []Holding
}

// Holding is a position of an Account. Its shares can be sold at once.
type Holding struct {
	Instrument string // "CODE" or "MARKET/CODE"
	Quantity   client.Quantity
	Cost       client.Price // average

	line int
}

// clientName is a name of a client: "alice", or "alice/phone" for another session of the same
// customer.
type clientName struct {
	name     string
	customer string          // "alice"
	number   client.Customer // 0: any
}

// extra reports whether it is another session of a customer.
func (c *clientName) extra() bool { return c.name != c.customer }

// instrument is an instrument as a scenario names it: a code, a key, or a variable.
type instrument struct {
	text string
	line int
}

// statement is a step: an action with what is expected of it, or an expectation alone.
type statement struct {
	line   int
	client string
	text   []string // words after the client
	// action is what the step does; nil: it only checks.
	action action
	// together means that it is done at the same time as the step before.
	together bool
	// outcomes are the outcomes that are as expected; none: anything but a refusal.
	outcomes []expectedOutcome
	outcome  int // line of outcomes
	checks   []expectation
}

// expectation is an assertion about a client, after a step or alone.
type expectation struct {
	line      int
	client    string
	assertion assertion
}
