package export

import (
	"encoding/json"
	"strconv"
	"time"

	"holdfast/biz/client"
)

// The columns of CSV, with the names of Parquet.
var (
	executionColumns = []string{
		"execution_id", "order_id", "customer", "client_order_id", "side", "market", "code", "quantity", "price", "fee", "time",
		"status", "bust_reason", "corrects", "corrected_by",
	}
	orderColumns = []string{
		"order_id", "customer", "client_order_id", "side", "market", "code", "type", "time_in_force", "quantity", "price", "stop_price",
		"status", "filled", "leaves", "average_price", "time", "expires", "triggered", "cause",
	}
	positionColumns = []string{
		"customer", "market", "code", "quantity", "sellable", "frozen", "average_cost", "last_price", "market_value",
		"realised_profit", "unrealised_profit",
	}
)

// Status returns "standing", "busted" or "corrected".
func Status(x *client.Execution) string {
	switch {
	case x.CorrectedBy != 0:
		return "corrected"
	case x.Busted:
		return "busted"
	}
	return "standing"
}

func appendExecution(f []string, x *client.Execution) []string {
	return append(f, x.ID.String(), x.Order.String(), whole(x.Customer), x.ClientOrderID, x.Side.String(), x.Key.Market, x.Key.Code,
		whole(x.Quantity), decimal(x.Price), decimal(x.Fee), instant(x.Time),
		Status(x), x.BustReason, unlessZero(x.Corrects, x.Corrects.String()), unlessZero(x.CorrectedBy, x.CorrectedBy.String()))
}

func appendOrder(f []string, o *client.OrderState) []string {
	return append(f, o.ID.String(), whole(o.Customer), o.ClientOrderID, o.Side.String(), o.Key.Market, o.Key.Code, o.Type.String(),
		o.TimeInForce.String(), whole(o.Quantity), unlessZero(o.Price, decimal(o.Price)), unlessZero(o.Stop, decimal(o.Stop)),
		o.Status.String(), whole(o.Filled), whole(o.Leaves), unlessZero(o.AveragePrice, decimal(o.AveragePrice)),
		instant(o.Time), instant(o.Expires), strconv.FormatBool(o.Triggered), o.Cause.Text())
}

func appendPosition(f []string, p *Position) []string {
	return append(f, whole(p.Customer), p.Key.Market, p.Key.Code, whole(p.Quantity), whole(p.Sellable), whole(p.Frozen),
		decimal(p.AverageCost), decimal(p.LastPrice), decimal(p.MarketValue), decimal(p.Realised), decimal(p.Unrealised))
}

func whole[N ~int64 | ~uint32](n N) string { return strconv.FormatInt(int64(n), 10) }

// decimal returns "-0.0001": always with four digits after the point, and without other
// separators.
func decimal[N ~int64](n N) string {
	const digits = 4
	sign, magnitude := "", uint64(n)
	if n < 0 {
		sign, magnitude = "-", -magnitude
	}
	text := strconv.FormatUint(magnitude, 10)
	for len(text) <= digits {
		text = "0" + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// instant returns a time such as 2026-01-05T09:30:00.000000001Z; "" for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// unlessZero returns text, or "" if n is 0: there is no such thing.
func unlessZero[N ~int64 | ~uint64](n N, text string) string {
	if n == 0 {
		return ""
	}
	return text
}

// executionRow is an execution in Parquet.
type executionRow struct {
	ExecutionID   uint64 `parquet:"execution_id"`
	OrderID       uint64 `parquet:"order_id"`
	Customer      uint32 `parquet:"customer"`
	ClientOrderID string `parquet:"client_order_id,optional"`
	Side          string `parquet:"side,dict"`
	Market        string `parquet:"market,dict"`
	Code          string `parquet:"code,dict"`
	Quantity      int64  `parquet:"quantity"`
	Price         int64  `parquet:"price,decimal(4:18)"`
	Fee           int64  `parquet:"fee,decimal(4:18)"`
	Time          int64  `parquet:"time,timestamp(nanosecond)"`
	Status        string `parquet:"status,dict"`
	BustReason    string `parquet:"bust_reason,optional"`
	Corrects      uint64 `parquet:"corrects,optional"`
	CorrectedBy   uint64 `parquet:"corrected_by,optional"`
}

func executionRowOf(x *client.Execution) executionRow {
	return executionRow{
		ExecutionID: uint64(x.ID), OrderID: uint64(x.Order), Customer: uint32(x.Customer), ClientOrderID: x.ClientOrderID,
		Side: x.Side.String(), Market: x.Key.Market, Code: x.Key.Code, Quantity: int64(x.Quantity), Price: int64(x.Price), Fee: int64(x.Fee),
		Time: x.Time.UnixNano(), Status: Status(x), BustReason: x.BustReason, Corrects: uint64(x.Corrects), CorrectedBy: uint64(x.CorrectedBy),
	}
}

// orderRow is an order in Parquet.
type orderRow struct {
	OrderID       uint64 `parquet:"order_id"`
	Customer      uint32 `parquet:"customer"`
	ClientOrderID string `parquet:"client_order_id,optional"`
	Side          string `parquet:"side,dict"`
	Market        string `parquet:"market,dict"`
	Code          string `parquet:"code,dict"`
	Type          string `parquet:"type,dict"`
	TimeInForce   string `parquet:"time_in_force,dict"`
	Quantity      int64  `parquet:"quantity"`
	Price         int64  `parquet:"price,optional,decimal(4:18)"`
	StopPrice     int64  `parquet:"stop_price,optional,decimal(4:18)"`
	Status        string `parquet:"status,dict"`
	Filled        int64  `parquet:"filled"`
	Leaves        int64  `parquet:"leaves"`
	AveragePrice  int64  `parquet:"average_price,optional,decimal(4:18)"`
	Time          int64  `parquet:"time,timestamp(nanosecond)"`
	Expires       int64  `parquet:"expires,optional,timestamp(nanosecond)"`
	Triggered     bool   `parquet:"triggered"`
	Cause         string `parquet:"cause,optional,dict"`
}

func orderRowOf(o *client.OrderState) orderRow {
	row := orderRow{
		OrderID: uint64(o.ID), Customer: uint32(o.Customer), ClientOrderID: o.ClientOrderID, Side: o.Side.String(),
		Market: o.Key.Market, Code: o.Key.Code, Type: o.Type.String(), TimeInForce: o.TimeInForce.String(),
		Quantity: int64(o.Quantity), Price: int64(o.Price), StopPrice: int64(o.Stop), Status: o.Status.String(),
		Filled: int64(o.Filled), Leaves: int64(o.Leaves), AveragePrice: int64(o.AveragePrice), Time: o.Time.UnixNano(),
		Triggered: o.Triggered, Cause: o.Cause.Text(),
	}
	if !o.Expires.IsZero() {
		row.Expires = o.Expires.UnixNano()
	}
	return row
}

// positionRow is a position in Parquet.
type positionRow struct {
	Customer         uint32 `parquet:"customer"`
	Market           string `parquet:"market,dict"`
	Code             string `parquet:"code,dict"`
	Quantity         int64  `parquet:"quantity"`
	Sellable         int64  `parquet:"sellable"`
	Frozen           int64  `parquet:"frozen"`
	AverageCost      int64  `parquet:"average_cost,decimal(4:18)"`
	LastPrice        int64  `parquet:"last_price,decimal(4:18)"`
	MarketValue      int64  `parquet:"market_value,decimal(4:18)"`
	RealisedProfit   int64  `parquet:"realised_profit,decimal(4:18)"`
	UnrealisedProfit int64  `parquet:"unrealised_profit,decimal(4:18)"`
}

func positionRowOf(p *Position) positionRow {
	return positionRow{
		Customer: uint32(p.Customer), Market: p.Key.Market, Code: p.Key.Code, Quantity: int64(p.Quantity), Sellable: int64(p.Sellable),
		Frozen: int64(p.Frozen), AverageCost: int64(p.AverageCost), LastPrice: int64(p.LastPrice), MarketValue: int64(p.MarketValue),
		RealisedProfit: int64(p.Realised), UnrealisedProfit: int64(p.Unrealised),
	}
}

// positionOf returns a position as JSON has it: that of the protocol, with the customer first.
func positionOf(p *Position) any {
	text, err := json.Marshal(p.Position)
	if err != nil || len(text) < 2 || text[1] == '}' {
		return p.Position // the encoder says what is wrong
	}
	return json.RawMessage(`{"customer":` + whole(p.Customer) + "," + string(text[1:]))
}
