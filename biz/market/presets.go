package market

import (
	"fmt"
	"math/bits"
	"strings"

	"holdfast/biz/ledger"
	"holdfast/biz/textfile"
)

// Preset is a degree of difficulty: how much a price step offers, how long orders take, and how
// many are refused at random.
type Preset struct {
	Name string
	// LevelValue is the value of what a price step offers at each price; 0: any quantity.
	LevelValue ledger.Money
	// LatencyMin and LatencyMax are the shortest and the longest time that an order takes, in
	// nanoseconds.
	LatencyMin, LatencyMax int64
	// RejectRate is the share of orders that are refused at random.
	RejectRate ledger.Rate
}

const (
	millisecond = 1_000_000 // in nanoseconds
	// unit is one currency unit.
	unit ledger.Money = 10_000
)

// Presets returns the presets, the easiest first.
func Presets() []Preset {
	return []Preset{
		{Name: "frictionless"},
		{Name: "realistic", LevelValue: 500_000 * unit, LatencyMin: 2 * millisecond, LatencyMax: 20 * millisecond, RejectRate: onePercent / 10},
		{Name: "thin", LevelValue: 20_000 * unit, LatencyMin: 5 * millisecond, LatencyMax: 50 * millisecond, RejectRate: onePercent / 2},
		{Name: "brutal", LevelValue: 2_000 * unit, LatencyMin: 50 * millisecond, LatencyMax: 1500 * millisecond, RejectRate: 5 * onePercent},
	}
}

// ParsePreset returns the preset with this name. Other names are ErrBadPreset, with the nearest
// one.
func ParsePreset(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("%w: want %s, got %q%s", ErrBadPreset, strings.Join(names, ", "), name, textfile.Suggestion(name, names))
}

// Depth returns how many shares of an instrument a price step offers at each price: whole lots
// of LevelValue at the first price, at least one order's minimum. 0 means any number. It
// is to replace Instrument.Depth.
func (p *Preset) Depth(i *Instrument) ledger.Quantity {
	if p.LevelValue == 0 {
		return 0
	}
	lots := completeLots(i.Lots)
	q := ledger.Quantity(p.LevelValue) / ledger.Quantity(i.Last)
	return min(max(q/lots.Step*lots.Step, lots.Minimum), ledger.MaxQuantity)
}

// Latency returns how long an order takes, in nanoseconds, from 64 random bits.
func (p *Preset) Latency(random uint64) int64 {
	part, _ := bits.Mul64(random, uint64(p.LatencyMax-p.LatencyMin+1))
	return p.LatencyMin + int64(part)
}

// Rejects reports whether an order is refused, from 64 random bits.
func (p *Preset) Rejects(random uint64) bool {
	part, _ := bits.Mul64(random, uint64(ledger.MaxRate))
	return part < uint64(p.RejectRate)
}
