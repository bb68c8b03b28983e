package gateway

import (
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// filtered is a request with filters.
type filtered interface {
	GetMarket() string
	GetCode() string
	GetSide() pb.Side
	GetFromTime() int64
	GetToTime() int64
}

// filter returns what a request filters by. If the filters are wrong, it refuses the request and
// returns false.
func (g *Gateway) filter(c *engine.Context, r filtered) (f desk.Filter, ok bool) {
	if r.GetMarket() != "" || r.GetCode() != "" {
		if f.Instrument, f.ByInstrument = g.market.Find(r.GetMarket(), r.GetCode()); !f.ByInstrument {
			refuse(c, ledger.ErrUnknownInstrument)
			return f, false
		}
	}
	f.Side, f.From, f.To = side(r.GetSide()), r.GetFromTime(), r.GetToTime()
	switch {
	case f.Side == 0 && r.GetSide() != 0:
		refuse(c, ledger.ErrBadSide)
		return f, false
	case f.From != 0 && f.To != 0 && f.From >= f.To:
		wrongFilter(c, "from_time must be before to_time")
		return f, false
	}
	return f, true
}

// wrongFilter replies that the filters of a request make no sense.
func wrongFilter(c *engine.Context, format string, args ...any) {
	fail(c, codec.ResultMalformed, "malformed "+c.Message.Command.String()+" body: "+fmt.Sprintf(format, args...))
}
