package scenario

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"holdfast/biz/client"
)

// limit is a price of an order, or how far it is from the last price.
type limit struct {
	price   client.Price
	percent float64 // if relative
	// relative means that the last price decides.
	relative bool
}

// limit returns the next word as a price: 9.90, or +5% or -5% of the last price.
func (l *line) limit() limit {
	text := l.peek()
	number, relative := strings.CutSuffix(text, "%")
	if !relative {
		return limit{price: l.price()}
	}
	percent, err := strconv.ParseFloat(number, 64)
	if err != nil || percent <= -100 || percent > 1000 {
		l.wants("a price such as 9.90, or -5% for 5% below the last price")
		return limit{}
	}
	l.accept(text)
	return limit{percent: percent, relative: true}
}

// of returns the price, rounded down to full ticks.
func (x limit) of(ctx context.Context, s *session, key client.Key) (client.Price, error) {
	if !x.relative {
		return x.price, nil
	}
	list, err := s.Quotes(ctx, []client.Key{key}, false)
	if err != nil {
		return 0, err
	}
	if len(list) != 1 {
		return 0, fmt.Errorf("%w: %d quotes for one instrument", client.ErrProtocol, len(list))
	}
	tick := max(list[0].PriceTick, 1)
	p := client.Price(float64(list[0].LastPrice) * (1 + x.percent/100))
	return max(p/tick, 1) * tick, nil
}
