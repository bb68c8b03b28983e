package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/client"
)

// fact is a value that is expected of a field, as text.
type fact struct {
	field, text string
	bare        bool // the text is clear without the field
}

// String returns the fact as a file has it.
func (f fact) String() string {
	if f.bare {
		return f.text
	}
	return f.field + " " + f.text
}

// facts are the values that are there, by field. What does not apply is missing.
type facts map[string]string

// compare returns the expected facts and the same fields of have, as text, and whether they are
// the same. subject comes first in both.
func (have facts) compare(subject string, want []fact) (wanted, got string, ok bool) {
	left, right := []string{}, []string{}
	if subject != "" {
		left, right = []string{subject}, []string{subject}
	}
	ok = true
	for _, f := range want {
		left = append(left, f.String())
		ok = ok && have[f.field] == f.text
		f.text = have[f.field]
		if f.text == "" && !f.bare {
			f.text = "unset"
		}
		if f.text != "" {
			right = append(right, f.String())
		}
	}
	return strings.Join(left, " "), strings.Join(right, " "), ok
}

// fields are the fields that a statement may name, with the functions that read their values.
// A flag is a value that names its field by itself.
type fields struct {
	values map[string]func(*line) string
	flags  map[string]string // field by flag
}

// read appends the facts that a line names, until a word that is in stop or the end.
func (f *fields) read(l *line, to []fact, stop ...string) []fact {
	for len(l.words) > 0 && !l.wrong {
		name := l.peek()
		if slices.Contains(stop, name) {
			break
		}
		field, isFlag := f.flags[name]
		if isFlag {
			l.accept(name)
			to = add(l, to, fact{field, name, true})
			continue
		}
		value, found := f.values[name]
		if !found {
			l.unknown("word", f.names())
			break
		}
		l.accept(name)
		to = add(l, to, fact{name, value(l), false})
	}
	return to
}

// add appends a fact unless its field is there already.
func add(l *line, to []fact, f fact) []fact {
	if slices.ContainsFunc(to, func(other fact) bool { return other.field == f.field }) {
		l.failf("%q is there twice", f.field)
	}
	return append(to, f)
}

// names returns all words, sorted.
func (f *fields) names() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(f.values)), slices.Collect(maps.Keys(f.flags))...)))
}

// The functions that read values.
func quantityText(l *line) string { return l.quantity().String() }
func priceText(l *line) string    { return l.price().String() }
func moneyText(l *line) string    { return l.money().String() }
func countText(l *line) string    { return strconv.Itoa(l.count("a number", 1_000_000)) }
func causeText(l *line) string    { return l.oneOf("cause", causes()) }

func causes() []string {
	return protocolNames(func(n int32) string { return client.OrderCause(n).String() })
}

func reasons() []string {
	return protocolNames(func(n int32) string { return client.Reason(n).String() })
}

// protocolNames returns the names of an enumeration of the protocol, which starts at 1 and has no
// gaps.
func protocolNames(name func(int32) string) (list []string) {
	for n := int32(1); name(n)[0] >= 'A'; n++ {
		list = append(list, name(n))
	}
	return list
}

// statuses returns the states of orders as a file has them.
func statuses() (list []string) {
	for _, s := range []client.OrderStatus{
		client.StatusNew, client.StatusPartiallyFilled, client.StatusFilled, client.StatusCancelled, client.StatusExpired,
	} {
		list = append(list, statusText(s))
	}
	return list
}

// statusText returns a status as a file has it, which is the protocol's name: PARTIALLY_FILLED.
func statusText(s client.OrderStatus) string {
	return strings.ToUpper(strings.ReplaceAll(s.String(), " ", "_"))
}

// timesInForce are the times in force by their words in a file.
func timesInForce() map[string]client.TimeInForce {
	return map[string]client.TimeInForce{
		"day": client.Day, "gtc": client.GoodTillCancelled, "gtd": client.GoodTillDate,
		"ioc": client.ImmediateOrCancel, "fok": client.FillOrKill,
	}
}

func orderFields() *fields {
	f := &fields{
		map[string]func(*line) string{
			"quantity": quantityText, "filled": quantityText, "leaves": quantityText, "average": priceText,
			"limit": priceText, "stop": priceText, "cause": causeText,
		},
		map[string]string{"triggered": "triggered"},
	}
	for name := range timesInForce() {
		f.flags[name] = "time in force"
	}
	return f
}

func orderFacts(o *client.OrderState) facts {
	have := facts{
		"status": statusText(o.Status), "quantity": o.Quantity.String(), "filled": o.Filled.String(),
		"leaves": o.Leaves.String(), "average": o.AveragePrice.String(), "limit": o.Price.String(), "stop": o.Stop.String(),
	}
	if o.Cause != 0 {
		have["cause"] = o.Cause.String()
	}
	if o.Triggered {
		have["triggered"] = "triggered"
	}
	for name, f := range timesInForce() {
		if f == o.TimeInForce {
			have["time in force"] = name
		}
	}
	return have
}

func positionFields() *fields {
	return &fields{
		map[string]func(*line) string{
			"cost": priceText, "price": priceText, "value": moneyText, "realised": moneyText, "unrealised": moneyText,
			"sellable": quantityText, "frozen": quantityText,
		},
		changes(),
	}
}

// changes are the changes of a position, as flags.
func changes() map[string]string {
	flags := make(map[string]string)
	for _, c := range []client.Change{client.Opened, client.Closed, client.Increased, client.Decreased, client.Repriced} {
		flags[c.String()] = "change"
	}
	return flags
}

func positionFacts(p *client.Position) facts {
	have := facts{"held": p.Quantity.String()}
	if p.Quantity == 0 {
		have["held"] = none
		return have
	}
	have["cost"], have["price"], have["value"] = p.AverageCost.String(), p.LastPrice.String(), p.MarketValue.String()
	have["realised"], have["unrealised"] = p.Realised.String(), p.Unrealised.String()
	have["sellable"], have["frozen"] = p.Sellable.String(), p.Frozen.String()
	return have
}

// none is what a file has for no positions, no orders or no shares.
const none = "none"

func accountFields() *fields {
	return &fields{map[string]func(*line) string{
		"cash": moneyText, "free-cash": moneyText, "frozen-cash": moneyText, "unsettled-cash": moneyText,
		"realised": moneyText, "fees": moneyText, "deposits": moneyText, "value": moneyText, "orders": countText,
	}, nil}
}

func accountFacts(a *client.Account) facts {
	return facts{
		"cash": a.Cash.String(), "free-cash": a.FreeCash.String(), "frozen-cash": a.FrozenCash.String(),
		"unsettled-cash": a.UnsettledCash.String(), "realised": a.Realised.String(), "fees": a.Fees.String(),
		"deposits": a.Deposits.String(), "value": a.MarketValue.String(), "orders": strconv.Itoa(a.WorkingOrders),
	}
}

func executionFields() *fields {
	return &fields{
		map[string]func(*line) string{"at": priceText, "fee": moneyText, "because": func(l *line) string { return strconv.Quote(l.text("the reason of the bust")) }},
		map[string]string{"BUSTED": "state", "CORRECTED": "state", "valid": "state", "correction": "correction"},
	}
}

// executionFacts describes an execution. The state of one that was corrected is CORRECTED.
func executionFacts(x *client.Execution) facts {
	have := facts{
		"side": x.Side.String(), "shares": x.Quantity.String(), "instrument": x.Key.String(),
		"at": x.Price.String(), "fee": x.Fee.String(), "state": "valid",
	}
	switch {
	case x.CorrectedBy != 0:
		have["state"] = "CORRECTED"
	case x.Busted:
		have["state"] = "BUSTED"
	}
	if x.Busted {
		have["because"] = strconv.Quote(x.BustReason)
	}
	if x.Corrects != 0 {
		have["correction"] = "correction"
	}
	return have
}

func executionText(x *client.Execution) string {
	text := fmt.Sprintf("%s %s %s at %s", x.Side, x.Quantity, x.Key, x.Price)
	if state := executionFacts(x)["state"]; state != "valid" {
		text += " " + state
	}
	return text
}

func quoteFields() *fields {
	return &fields{
		map[string]func(*line) string{"price": priceText, "low": priceText, "high": priceText, "tick": priceText, "lot": quantityText, "minimum": quantityText},
		map[string]string{"halted": "trade", "trading": "trade"},
	}
}

func quoteFacts(i *client.Instrument) facts {
	have := facts{
		"price": i.LastPrice.String(), "low": i.LowPrice.String(), "high": i.HighPrice.String(), "tick": i.PriceTick.String(),
		"lot": i.LotSize.String(), "minimum": i.MinimumLot.String(), "trade": "trading",
	}
	if i.Halted {
		have["trade"] = "halted"
	}
	return have
}
