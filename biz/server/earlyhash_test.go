package server_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// earlyHash returns the desk.StateHash of a release without working orders: what it had of an
// account is a part of what an account has today.
func earlyHash(t *testing.T, d *desk.Desk) string {
	t.Helper()
	sum := sha256.New()
	for _, a := range slices.SortedFunc(slices.Values(d.Accounts()), func(a, b *desk.Account) int {
		return cmp.Compare(a.Customer(), b.Customer())
	}) {
		var core []byte
		a.View(func(l *ledger.Account) { core = earlyCore(t, l.AppendState(nil)) })
		hash := sha256.Sum256(core)
		sum.Write(hash[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// parts reads a state and copies the parts that an early state has.
type parts struct {
	rest []byte
	core []byte
}

func (p *parts) uvarint(early bool) uint64 {
	v, n := binary.Uvarint(p.rest)
	p.copy(max(n, 1), early)
	return v
}

func (p *parts) copy(n int, early bool) {
	if early {
		p.core = append(p.core, p.rest[:n]...)
	}
	p.rest = p.rest[n:]
}

// earlyCore returns the bytes that a release without working orders hashed of an account:
// customer, event and execution number, digest, cash, realised profit, positions and busts.
func earlyCore(t *testing.T, state []byte) []byte {
	t.Helper()
	p := &parts{rest: state[1:]}
	for _, early := range [...]bool{true, true, false, false, true, false} { // customer, event, push, order, execution, reset
		p.uvarint(early)
	}
	p.copy(8, true)
	for _, early := range [...]bool{true, false, true, false, false} { // cash, frozen, realised, fees, deposits
		p.uvarint(early)
	}
	for range p.uvarint(true) {
		for _, early := range [...]bool{true, true, true, false, true, true} { // all but the frozen shares
			p.uvarint(early)
		}
	}
	if lots, proceeds, orders := p.uvarint(false), p.uvarint(false), p.uvarint(false); lots+proceeds+orders > 0 {
		t.Fatalf("%d lots, %d proceeds, %d orders in an early account", lots, proceeds, orders)
	}
	for range p.uvarint(true) {
		p.uvarint(true)
		p.uvarint(true)
		p.copy(8+1+int(p.rest[8]), true) // time and reason
		p.uvarint(false)
	}
	return p.core
}
