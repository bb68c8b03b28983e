package client

import (
	"cmp"
	"strings"

	"holdfast/codec/pb"
)

// Key names an instrument.
type Key struct{ Market, Code string }

// String returns "MARKET/CODE".
func (k Key) String() string { return k.Market + "/" + k.Code }

// Compare orders keys by market, then code.
func (k Key) Compare(other Key) int {
	return cmp.Or(strings.Compare(k.Market, other.Market), strings.Compare(k.Code, other.Code))
}

// Instrument is something that can be traded.
type Instrument struct {
	Key       Key
	Name      string
	LotSize   Quantity
	PriceTick Price
	LastPrice Price
	// MinimumLot is the smallest quantity of a buy; a larger one is a multiple of LotSize above
	// it.
	MinimumLot Quantity
	// LowPrice and HighPrice are the band of today's prices; 0 without one.
	LowPrice, HighPrice Price
	Halted              bool
}

func instrumentOf(m *pb.Instrument) Instrument {
	return Instrument{
		Key: Key{m.GetMarket(), m.GetCode()}, Name: m.GetName(), LotSize: Quantity(m.GetLotSize()),
		PriceTick: Price(m.GetPriceTick()), LastPrice: Price(m.GetLastPrice()), MinimumLot: Quantity(m.GetMinimumLot()),
		LowPrice: Price(m.GetLowPrice()), HighPrice: Price(m.GetHighPrice()), Halted: m.GetHalted(),
	}
}
