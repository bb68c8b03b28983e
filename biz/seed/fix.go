package seed

import (
	"math"
	"net/netip"
	"slices"
	"strconv"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
)

// FIX is a session of a customer's FIX clients, beside the one that each customer has, whose CompID is
// the customer number.
type FIX struct {
	// CompID is the SenderCompID of the client, at most MaxCompIDSize visible ASCII characters.
	CompID string
	// Addresses log on without a password.
	Addresses []netip.Prefix
	// ResetOnLogon starts both sequence numbers at 1 at each Logon.
	ResetOnLogon bool
	// UserFields accepts tags from 5000 on, UnknownFields those that FIX 4.4 does not have for a message.
	UserFields, UnknownFields bool
	// LastProcessed sends LastMsgSeqNumProcessed (369) in every message.
	LastProcessed bool
	// ResendChunk is how many messages a ResendRequest asks for; 0: all that are missing.
	ResendChunk int
}

// MaxCompIDSize is the longest CompID, in bytes.
const MaxCompIDSize = 32

// ValidCompID reports whether s can be a CompID.
func ValidCompID(s string) bool {
	return s != "" && len(s) <= MaxCompIDSize && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c <= ' ' || c > '~' })
}

// FIXSession returns the settings of the customer's FIX session with a CompID, nil if it is of
// somebody else.
func (c *Customer) FIXSession(compID string) *FIX {
	for n := range c.FIX {
		if c.FIX[n].CompID == compID {
			return &c.FIX[n]
		}
	}
	if compID == strconv.FormatUint(uint64(c.Number), 10) {
		return &FIX{CompID: compID}
	}
	return nil
}

// LogsOn reports whether an address needs no password.
func (f *FIX) LogsOn(a netip.Addr) bool {
	return slices.ContainsFunc(f.Addresses, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// fix reads a FIX session of a customer.
func (p *parser) fix(c *Customer) error {
	var f FIX
	line := 0
	err := p.Object("fix", func(key string) (err error) {
		switch key {
		case "comp_id":
			line = p.Line
			f.CompID, err = p.compID(key)
		case "addresses":
			err = p.Array(key, func() error { return p.address(&f) })
		case "reset_on_logon":
			f.ResetOnLogon, err = p.Bool(key)
		case "user_fields":
			f.UserFields, err = p.Bool(key)
		case "unknown_fields":
			f.UnknownFields, err = p.Bool(key)
		case "last_processed":
			f.LastProcessed, err = p.Bool(key)
		case "resend_chunk":
			var n int64
			n, err = p.Number(key, 0, math.MaxInt32)
			f.ResendChunk = int(n)
		default:
			err = p.unknown("fix", key, "comp_id", "addresses", "reset_on_logon", "user_fields", "unknown_fields", "last_processed", "resend_chunk")
		}
		return err
	})
	if err != nil {
		return err
	}
	if f.CompID == "" {
		return p.Errorf(`fix: key "comp_id" is missing`)
	}
	c.FIX = append(c.FIX, f)
	p.compIDs = append(p.compIDs, ownedCompID{name: f.CompID, line: line})
	return nil
}

func (p *parser) compID(key string) (string, error) {
	s, err := p.Text(key)
	if err == nil && !ValidCompID(s) {
		err = p.Errorf("%s wants 1 to %d visible ASCII characters, got %q", key, MaxCompIDSize, jsonfile.Clip(s))
	}
	return s, err
}

func (p *parser) address(f *FIX) error {
	s, err := p.Text("addresses")
	if err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return p.Errorf("addresses wants a range of addresses such as 192.0.2.0/24 or 2001:db8::1/128, got %q", jsonfile.Clip(s))
	}
	f.Addresses = append(f.Addresses, prefix)
	return nil
}

// ownedCompID is a CompID in the file.
type ownedCompID struct {
	name   string
	number ledger.Customer
	line   int
}

// checkCompIDs returns an error if two customers have a CompID, or one looks like the number of another.
func (p *parser) checkCompIDs() error {
	seen := make(map[string]int, len(p.compIDs))
	for _, id := range p.compIDs {
		if first, twice := seen[id.name]; twice {
			return p.ErrorAt(id.line, "fix: comp_id %q is already on line %d", id.name, first)
		}
		seen[id.name] = id.line
		n, err := strconv.ParseUint(id.name, 10, 32)
		if err == nil && ledger.Customer(n) != id.number {
			return p.ErrorAt(id.line, "fix: comp_id %q is the number of another customer", id.name)
		}
	}
	return nil
}
