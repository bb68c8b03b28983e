package engine_test

import (
	"testing"

	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// encrypted is a reactor whose listeners speak TLS.
type encrypted struct{ *engine.Reactor }

// Addrs returns the addresses as carriertest.Dial takes them.
func (e encrypted) Addrs() []string {
	addrs := e.Reactor.Addrs()
	for i, a := range addrs {
		addrs[i] = carriertest.TLSPrefix + a
	}
	return addrs
}

func TestCarrierWithTLS(t *testing.T) {
	carriertest.Run(t, func(core *engine.Core, o carriertest.Options) (carriertest.Carrier, error) {
		r, err := core.NewReactor(engine.ReactorConfig{
			Listeners: []engine.Listener{{Address: o.Address, TLS: carriertest.ServerTLS()}}, Loops: 2, Drain: o.Drain, OnDrain: o.OnDrain, Tick: tick,
		})
		return encrypted{r}, err
	})
}
