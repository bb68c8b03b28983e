package venue

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/scenario"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/engine"
)

// Venues starts servers.
type Venues struct {
	// Folder is where the folders of the servers are.
	Folder string
	// Version is sent to clients.
	Version string
	// Log receives messages for operators; nil means slog.Default.
	Log *slog.Logger
}

// Start starts a server. It implements scenario.Options.Start.
func (v Venues) Start(ctx context.Context, s *scenario.Server) (scenario.Running, error) {
	plan, err := seedOf(s)
	if err != nil {
		return scenario.Running{}, err
	}
	folder, err := os.MkdirTemp(v.Folder, "scenario-")
	if err != nil {
		return scenario.Running{}, err
	}
	c := server.Config{
		Data: folder, Seed: plan, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, EventLoops: 1,
		Gateway:    gateway.Config{Version: v.Version, Random: s.Random},
		Simulation: simulation.Config{Orders: s.Orders, PriceMoves: s.Moves, Random: s.Random},
		Log:        v.Log,
	}
	if s.Preset != "" {
		c.Gateway.Preset, err = market.ParsePreset(s.Preset)
		for n := range plan.Instruments {
			if i := &plan.Instruments[n]; s.Depth == 0 {
				i.Depth = c.Gateway.Preset.Depth(i)
			}
		}
	}
	if s.Stepped && err == nil {
		c.Clock, err = market.NewClock(market.SteppedClock, s.Start.UnixNano(), 1)
	}
	var running *server.Server
	if err == nil {
		running, err = server.Start(ctx, c)
	}
	if err != nil {
		return scenario.Running{}, errors.Join(err, os.RemoveAll(folder))
	}
	stop := func() error { return errors.Join(running.Stop(), os.RemoveAll(folder)) }
	return scenario.Running{Addr: running.Addrs[0], Stop: stop}, nil
}

// Instruments returns the instruments of a server. It implements scenario.Options.Instruments.
func Instruments(s *scenario.Server) (keys []client.Key, err error) {
	loaded, err := load(s.Seed)
	if err != nil {
		return nil, err
	}
	for n := range loaded.Instruments {
		i := &loaded.Instruments[n]
		keys = append(keys, client.Key{Market: i.Market, Code: i.Code})
	}
	return keys, nil
}

// load loads a seed by its name or path.
func load(name string) (*seed.Seed, error) {
	switch name {
	case "default":
		return seed.Default()
	case "mainland":
		return seed.Mainland()
	}
	return seed.Load(name)
}

// seedOf returns the seed of a server: the markets and instruments of the one that it names, and
// the accounts of the scenario.
func seedOf(s *scenario.Server) (*seed.Seed, error) {
	plan, err := load(s.Seed)
	if err != nil {
		return nil, err
	}
	if s.Depth > 0 {
		for _, r := range plan.Markets {
			r.Depth = ledger.Quantity(s.Depth)
		}
		for n := range plan.Instruments {
			plan.Instruments[n].Depth = ledger.Quantity(s.Depth)
		}
	}
	plan.Customers = []seed.Customer{customer(ledger.Customer(scenario.DefaultOperator), "Operator")}
	plan.Customers[0].Role = seed.RoleOperator
	for _, a := range s.Accounts {
		c := customer(ledger.Customer(a.Customer), a.Name)
		c.Cash, c.Directives = ledger.Money(a.Cash), a.Directives
		for _, h := range a.Holdings {
			at := slices.IndexFunc(plan.Instruments, func(i market.Instrument) bool {
				return h.Instrument == i.Code || h.Instrument == seed.KeyOf(&i).String()
			})
			if at < 0 {
				return nil, fmt.Errorf("unknown instrument %q", h.Instrument)
			}
			cost, fits := ledger.Value(ledger.Quantity(h.Quantity), ledger.Price(h.Cost))
			if !fits {
				return nil, fmt.Errorf("the position in %s is too large", h.Instrument)
			}
			c.Holdings = append(c.Holdings, ledger.Holding{Instrument: plan.Instruments[at].ID, Quantity: ledger.Quantity(h.Quantity), Cost: cost})
		}
		plan.Customers = append(plan.Customers, c)
	}
	return plan, nil
}

// customer returns a customer with the published token.
func customer(number ledger.Customer, name string) seed.Customer {
	return seed.Customer{Number: number, Name: name, TokenSHA256: sha256.Sum256(seed.DemoToken(number))}
}
