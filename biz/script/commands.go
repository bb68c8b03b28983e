package script

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// command is what an event can do.
type command struct {
	needs []string // keys
	oneOf []string // keys of which exactly one must be there; nil: none
	takes []string // further keys
	do    func(*Runner, context.Context, *Event) error
}

// keys returns all keys that the command takes.
func (c *command) keys() []string { return slices.Concat(c.needs, c.oneOf, c.takes) }

// commands has the commands by name.
var commands = map[string]command{
	"halt":   {needs: words("market"), takes: words("code"), do: (*Runner).halt},
	"resume": {needs: words("market"), takes: words("code"), do: (*Runner).halt},
	"jump":   {needs: words("market code price"), do: (*Runner).jump},
	"place": {
		needs: words("customer side market code quantity"),
		takes: words("price stop time_in_force expires client_order_id held"), do: (*Runner).place,
	},
	"cancel": {needs: words("customer"), oneOf: words("order client_order_id all"), takes: words("market code"), do: (*Runner).cancel},
	"fill":   {needs: words("customer"), oneOf: words("order client_order_id"), takes: words("quantity price late"), do: (*Runner).fill},
	"reject": {needs: words("customer count"), takes: words("reason"), do: (*Runner).reject},
	"bust":   {needs: words("customer"), oneOf: words("execution market"), takes: words("code reason reopen cascade"), do: (*Runner).bust},
	"correct": {
		needs: words("customer quantity price"), oneOf: words("execution market"),
		takes: words("code reason"), do: (*Runner).correct,
	},
	"deposit":    {needs: words("customer amount"), takes: words("text"), do: (*Runner).moveCash},
	"withdraw":   {needs: words("customer amount"), takes: words("text"), do: (*Runner).moveCash},
	"reset":      {needs: words("customer"), takes: words("text"), do: (*Runner).reset},
	"disconnect": {needs: words("customer"), takes: words("after_push"), do: (*Runner).disconnect},
	"hold":       {needs: words("customer duration"), do: (*Runner).hold},
	"fault":      {needs: words("customer fault"), takes: words("count duration session"), do: (*Runner).fault},
}

func words(text string) []string { return strings.Fields(text) }

// MaxCount is how many orders one reject refuses at most, and MaxHold how long pushes are held
// at most.
const (
	MaxCount = 1_000_000
	MaxHold  = 24 * time.Hour
)

// keys has the reader of each key of an event.
var keys = map[string]func(p *parser, e *Event, key string) error{
	"at": func(p *parser, e *Event, key string) (err error) { e.At, err = p.time(key); return err },
	"do": func(p *parser, e *Event, key string) (err error) {
		if e.Do, err = p.Text(key); err != nil {
			return err
		}
		if _, found := commands[e.Do]; !found {
			return p.oneOf(key, e.Do, slices.Sorted(maps.Keys(commands)))
		}
		return nil
	},
	"market": func(p *parser, e *Event, key string) (err error) { e.instrument.Market, err = p.Text(key); return err },
	"code":   func(p *parser, e *Event, key string) (err error) { e.instrument.Code, err = p.Text(key); return err },
	"customer": func(p *parser, e *Event, key string) (err error) {
		e.customer, err = number[ledger.Customer](p, key, 1, math.MaxUint32)
		return err
	},
	"order": func(p *parser, e *Event, key string) (err error) {
		e.order, err = number[uint32](p, key, 1, math.MaxUint32)
		return err
	},
	"execution": func(p *parser, e *Event, key string) (err error) {
		e.execution, err = number[uint32](p, key, 1, math.MaxUint32)
		return err
	},
	"client_order_id": func(p *parser, e *Event, key string) error {
		s, err := p.Text(key)
		if err != nil {
			return err
		}
		if e.clientOrderID, err = ledger.ParseClientOrderID(s); err != nil || s == "" {
			return p.Errorf("%s wants 1 to %d bytes without NUL, got %q", key, ledger.ClientOrderIDSize, jsonfile.Clip(s))
		}
		return nil
	},
	"side": func(p *parser, e *Event, key string) (err error) {
		e.side, err = word(p, key, map[string]ledger.Side{"buy": ledger.Buy, "sell": ledger.Sell})
		return err
	},
	"time_in_force": func(p *parser, e *Event, key string) (err error) {
		e.timeInForce, err = word(p, key, map[string]ledger.TimeInForce{
			"day": ledger.Day, "gtc": ledger.GoodTillCancelled, "gtd": ledger.GoodTillDate,
			"ioc": ledger.ImmediateOrCancel, "fok": ledger.FillOrKill,
		})
		return err
	},
	"expires": func(p *parser, e *Event, key string) (err error) { e.expires, err = p.time(key); return err },
	"quantity": func(p *parser, e *Event, key string) (err error) {
		e.quantity, err = number[ledger.Quantity](p, key, 1, int64(ledger.MaxQuantity))
		return err
	},
	"price": func(p *parser, e *Event, key string) (err error) {
		e.price, err = positive(p, key, ledger.ParsePrice, ledger.MaxPrice)
		return err
	},
	"stop": func(p *parser, e *Event, key string) (err error) {
		e.stop, err = positive(p, key, ledger.ParsePrice, ledger.MaxPrice)
		return err
	},
	"amount": func(p *parser, e *Event, key string) (err error) {
		e.amount, err = positive(p, key, ledger.ParseMoney, ledger.MaxMoney)
		return err
	},
	"reason": readText,
	"text":   readText,
	"count": func(p *parser, e *Event, key string) (err error) {
		e.count, err = number[uint32](p, key, 0, MaxCount)
		return err
	},
	"after_push": func(p *parser, e *Event, key string) (err error) {
		e.afterPush, err = number[uint64](p, key, 1, math.MaxInt64)
		return err
	},
	"duration": func(p *parser, e *Event, key string) error {
		s, err := p.Text(key)
		if err != nil {
			return err
		}
		if e.duration, err = time.ParseDuration(s); err != nil || e.duration <= 0 || e.duration > MaxHold {
			return p.Errorf("%s wants a duration above 0 such as \"30s\" or \"1m30s\", at most %s, got %q", key, MaxHold, jsonfile.Clip(s))
		}
		return nil
	},
	"fault": func(p *parser, e *Event, key string) (err error) {
		e.fault, err = word(p, key, faults())
		return err
	},
	"session": func(p *parser, e *Event, key string) (err error) { e.session, err = p.Text(key); return err },
	"held":    func(p *parser, e *Event, key string) (err error) { e.held, err = p.Bool(key); return err },
	"all":     func(p *parser, e *Event, key string) (err error) { e.all, err = p.Bool(key); return err },
	"late":    func(p *parser, e *Event, key string) (err error) { e.late, err = p.Bool(key); return err },
	"reopen":  func(p *parser, e *Event, key string) (err error) { e.reopen, err = p.Bool(key); return err },
	"cascade": func(p *parser, e *Event, key string) (err error) { e.cascade, err = p.Bool(key); return err },
}

func readText(p *parser, e *Event, key string) (err error) {
	if e.text, err = p.Text(key); err == nil && !ledger.ValidReason(e.text) {
		err = p.Errorf("%s wants printable text of at most %d bytes, got %q", key, ledger.MaxReason, jsonfile.Clip(e.text))
	}
	return err
}

// faults returns the faults of FIX sessions by name; "none" ends all.
func faults() map[string]pb.FixFault {
	all := map[string]pb.FixFault{"none": 0}
	for n, name := range pb.FixFault_name {
		if n != 0 {
			all[strings.ToLower(strings.TrimPrefix(name, "FIX_FAULT_"))] = pb.FixFault(n)
		}
	}
	return all
}
