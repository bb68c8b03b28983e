package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/script"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/biz/textfile"
	"holdfast/cmd/holdfast/config"
)

// Day is how the time of trading passes and what happens in it: by the settings, which
// override those of the script.
type Day struct {
	// Clock is the trading clock; nil is the computer's.
	Clock *market.Clock
	// Script is what happens; nil is nothing.
	Script *script.Script
	// Preset is how the simulated broker behaves.
	Preset market.Preset

	simulation simulation.Config
	depths     bool // those of the preset replace those of the seed file
}

// newDay returns the day of a server that starts now. Errors are a *config.Error.
func newDay(c *config.Config, s *seed.Seed, now time.Time) (*Day, error) {
	d := &Day{simulation: simulation.Config{Orders: float64(c.Simulate), PriceMoves: float64(c.PriceMoves), Random: c.RandomSeed}}
	mode, start, speed, preset := c.Clock, c.Start, c.Speed, c.Preset
	if mode == "" && (speed != 0 || !start.IsZero()) {
		mode = market.VirtualClock.String()
	}
	if c.Script != "" {
		var err error
		if d.Script, err = LoadScript(c.Script, s); err != nil {
			return nil, err
		}
		d.simulateAs(d.Script)
		start, preset = d.Script.Start, first(preset, d.Script.Preset)
		switch {
		case mode == "" && d.Script.Stepped:
			mode = market.SteppedClock.String()
		case mode == "" || mode == market.VirtualClock.String():
			mode, speed = market.VirtualClock.String(), first(speed, d.Script.Speed)
		}
	}
	if preset != "" {
		var err error
		if d.Preset, err = market.ParsePreset(preset); err != nil {
			return nil, err
		}
		d.depths = true
	}
	d.adapt(s)
	if mode == "" || mode == market.WallClock.String() {
		return d, nil
	}
	if start.IsZero() {
		start = now
	}
	parsed, err := market.ParseClockMode(mode)
	if err == nil {
		d.Clock, err = market.NewClock(parsed, start.UnixNano(), int64(first(speed, 1)))
	}
	return d, err
}

// first returns a, unless it is zero: then b.
func first[T comparable](a, b T) T {
	if a == *new(T) {
		return b
	}
	return a
}

// defaultRandom is the default of the random seed.
var defaultRandom = config.Default().RandomSeed

// simulateAs takes from the script what the settings leave open.
func (d *Day) simulateAs(s *script.Script) {
	d.simulation.Orders = first(d.simulation.Orders, s.Orders)
	d.simulation.PriceMoves = first(d.simulation.PriceMoves, s.PriceMoves)
	if d.simulation.Random == defaultRandom {
		d.simulation.Random = s.Random
	}
}

// adapt sets the depth of the instruments of a seed to that of the preset.
func (d *Day) adapt(s *seed.Seed) {
	if !d.depths {
		return
	}
	for n := range s.Instruments {
		i := &s.Instruments[n]
		i.Depth = d.Preset.Depth(i)
		if i.Depth == 0 && i.Rules.Depth > 0 {
			i.Depth = ledger.MaxQuantity // any number: 0 would be the depth of the market
		}
	}
}

// String returns the clock for people; "" for the computer's.
func (d *Day) String() string {
	if d.Clock == nil {
		return ""
	}
	text := d.Clock.Mode().String()
	if d.Clock.Mode() == market.VirtualClock {
		text += fmt.Sprintf(", %d times as fast", d.Clock.Speed())
	}
	now := time.Unix(0, d.Clock.Now())
	if d.Script != nil {
		now = now.In(d.Script.Start.Location())
	}
	return text + ", at " + now.Format("2006-01-02 15:04:05 -07:00")
}

// start sets the clock, and starts the script. The clock never goes back: it starts at the newest
// event of the data folder, if that is later.
func (d *Day) start(ctx context.Context, c *config.Config, running *wiring.Server, driver *simulation.Driver, log *slog.Logger) error {
	if d.Script == nil {
		if running.Follows {
			return nil
		}
		if newest := running.Desk.NewestEvent(); newest > d.Clock.Now() {
			d.Clock.StartAt(newest)
			log.Info("the trading clock starts at the newest event of the data folder", "time", time.Unix(0, newest).Format(time.RFC3339))
		}
		return nil
	}
	place, err := d.Script.Enter(running.Desk)
	if err != nil {
		return &config.Error{Origin: c.Origin("script"), Problem: strings.TrimPrefix(err.Error(), "script: ") +
			"; use another data folder (--data), a temporary one (--throwaway), or a script that starts later"}
	}
	if !running.Follows {
		d.Clock.StartAt(place.Start.UnixNano())
	}
	if place.Resumed {
		log.Info("the script goes on after its last executed event", "script", d.Script.Name, "time", place.Start.Format(time.RFC3339), "executed", place.Done)
	}
	o := script.Options{Desk: running.Desk, Sessions: running.Gateway, At: driver.At, Done: place.Done, Log: log}
	if running.Owns != nil {
		o.Mine = func(c ledger.Customer) bool { return c == 0 && !running.Follows || c != 0 && running.Owns(c) }
	}
	d.Script.Run(ctx, o)
	return nil
}

// LoadScript reads a script, for the instruments and customers of a seed. name is that of a
// shipped script, or a file. Its error is a *config.Error: a setting or a flag names the wrong
// file, or the file is wrong.
func LoadScript(name string, s *seed.Seed) (*script.Script, error) {
	loaded, err := script.Load(name, s)
	var wrong *jsonfile.Error
	switch {
	case err == nil:
		return loaded, nil
	case errors.As(err, &wrong):
		return nil, &config.Error{Origin: fmt.Sprintf("%s:%d", wrong.File, wrong.Line), Problem: wrong.Problem}
	case errors.Is(err, script.ErrTooLarge):
		return nil, &config.Error{Origin: name, Problem: fmt.Sprintf("is longer than %d bytes", script.MaxFileSize)}
	}
	unreadable := config.Unreadable(name, err)
	unreadable.Problem += textfile.Suggestion(name, script.Shipped())
	return nil, unreadable
}
