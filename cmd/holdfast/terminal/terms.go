package terminal

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/biz/client"
)

// terms is what may follow the quantity of an order.
type terms struct {
	price, stop   client.Price
	inForce       client.TimeInForce
	expires       time.Time
	clientOrderID string
}

// termsHelp explains terms, below the list of the commands.
const termsHelp = `  CODE is for example 600100, or MARKET/CODE if two markets have that code
  TERMS are any of: stop PRICE, day, gtc, ioc, fok, until TIME, as ID; for example
    buy 600100 100 9.90 gtc as a1        the client order id a1, which may have a directive
    sell 600100 100 stop 9.50            a market order once the price is at 9.50 or below
    buy 600100 100 9.90 until 2026-01-05T14:00:00+08:00
`

// errTerms means that words are no terms.
var errTerms = errors.New("wrong terms")

// parseTerms reads [PRICE] [TERMS].
func parseTerms(words []string) (t terms, err error) {
	for n := 0; n < len(words) && err == nil; n++ {
		word, value := strings.ToLower(words[n]), ""
		switch word {
		case "limit", "stop", "until", "as":
			if n++; n == len(words) {
				return t, errTerms
			}
			value = words[n]
		}
		switch word {
		case "limit":
			t.price, err = parsePrice(value)
		case "stop":
			t.stop, err = parsePrice(value)
		case "until":
			t.inForce = client.GoodTillDate
			if t.expires, err = time.Parse(time.RFC3339Nano, value); err != nil {
				err = fmt.Errorf("%q is not a time: such as 2026-01-05T14:00:00+08:00", value)
			}
		case "as":
			t.clientOrderID = value
		case "day":
			t.inForce = client.Day
		case "gtc":
			t.inForce = client.GoodTillCancelled
		case "ioc":
			t.inForce = client.ImmediateOrCancel
		case "fok":
			t.inForce = client.FillOrKill
		default:
			if n > 0 {
				return t, errTerms
			}
			t.price, err = parsePrice(word)
		}
	}
	return t, err
}

// quantityAndTerms reads QUANTITY [PRICE] [TERMS]. The error is usage if words are no terms.
func quantityAndTerms(words []string, usage error) (q client.Quantity, t terms, err error) {
	if q, err = parseQuantity(words[0]); err != nil {
		return q, t, err
	}
	if t, err = parseTerms(words[1:]); errors.Is(err, errTerms) {
		err = usage
	}
	return q, t, err
}

// orderType returns the type of an order with these terms.
func (t *terms) orderType() client.OrderType {
	switch {
	case t.stop != 0 && t.price != 0:
		return client.TypeStopLimit
	case t.stop != 0:
		return client.TypeStop
	case t.price != 0:
		return client.TypeLimit
	}
	return client.TypeMarket
}
