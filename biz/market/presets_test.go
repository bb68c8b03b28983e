package market_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

func TestParsePreset(t *testing.T) {
	var names []string
	for _, p := range market.Presets() {
		names = append(names, p.Name)
		if have, err := market.ParsePreset(p.Name); err != nil || have != p {
			t.Errorf("%s: %+v, %v", p.Name, have, err)
		}
	}
	if text := strings.Join(names, " "); text != "frictionless realistic thin brutal" {
		t.Error(text)
	}
	for name, says := range map[string]string{
		"brutl": `want frictionless, realistic, thin, brutal, got "brutl" (did you mean "brutal"?)`,
		"":      `want frictionless, realistic, thin, brutal, got ""`,
	} {
		if _, err := market.ParsePreset(name); !errors.Is(err, market.ErrBadPreset) || !strings.HasSuffix(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPresetDepth(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value ledger.Money
		lots  ledger.Lots
		last  ledger.Price
		want  ledger.Quantity
	}{
		{"any quantity", 0, ledger.Lots{Step: 100}, 100_000, 0},
		{"shares", 20_000_0000, ledger.Lots{}, 100_000, 2000},
		{"whole lots", 20_000_0000, ledger.Lots{Step: 300}, 100_000, 1800},
		{"at least a lot", 20_000_0000, ledger.Lots{Step: 100}, 10_000_000, 100},
		{"at least the minimum", 20_000_0000, ledger.Lots{Minimum: 200, Step: 1}, 2_000_000, 200},
		{"at least a share", 1, ledger.Lots{}, ledger.MaxPrice, 1},
		{"at most all", ledger.MaxMoney, ledger.Lots{}, 1, ledger.MaxQuantity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := market.Preset{LevelValue: tt.value}
			if have := p.Depth(&market.Instrument{Lots: tt.lots, Last: tt.last}); have != tt.want {
				t.Errorf("%d, want %d", have, tt.want)
			}
		})
	}
}

func TestPresetsGetHarder(t *testing.T) {
	i := &market.Instrument{Last: 100_000}
	all := market.Presets()
	if p := all[0]; p.Depth(i) != 0 || p.Latency(math.MaxUint64) != 0 || p.Rejects(0) {
		t.Errorf("%s has friction", p.Name)
	}
	depth := ledger.MaxQuantity
	for _, p := range all[1:] {
		if d := p.Depth(i); d >= depth {
			t.Errorf("%s: depth %d is not below %d", p.Name, d, depth)
		}
		depth = p.Depth(i)
		if p.Latency(0) != p.LatencyMin || p.Latency(math.MaxUint64) != p.LatencyMax || p.LatencyMin > p.LatencyMax {
			t.Errorf("%s: latency %d to %d", p.Name, p.Latency(0), p.Latency(math.MaxUint64))
		}
		const steps = 1_000_000
		rejected := 0
		for n := range uint64(steps) {
			if p.Rejects(n * (math.MaxUint64 / steps)) {
				rejected++
			}
		}
		if want := int(p.RejectRate) * steps / int(ledger.MaxRate); rejected < want-1 || rejected > want+1 {
			t.Errorf("%s: %d of %d rejected, want %d", p.Name, rejected, steps, want)
		}
	}
}
