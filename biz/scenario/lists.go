package scenario

import (
	"fmt"

	"holdfast/biz/client"
)

func playWorkedExample(a *actor) {
	x, q := a.key(0), a.lots(100)
	a.start()
	a.buy(q, x, client.Opened, row{x, q})
	a.value(x, q)
	a.buy(q, x, client.Increased, row{x, 2 * q})
	a.value(x, 2*q)
	a.sell(q, x, client.Decreased, row{x, q})
	a.value(x, q)
	a.sell(q, x, client.Closed)
}

// value checks the market value of a position at the price shown.
func (a *actor) value(key client.Key, q client.Quantity) {
	var p client.Position
	if a.main != nil {
		shown := a.main.View().Display()
		p, _ = shown.Find(key)
	}
	expected := fmt.Sprintf("%s x %s = %s", q, p.LastPrice, client.Value(q, p.LastPrice))
	a.step("check the value", expected, func() (string, error) {
		return fmt.Sprintf("%s x %s = %s", p.Quantity, p.LastPrice, p.MarketValue), nil
	})
}

func playNoneToSome(a *actor) {
	x, y, q := a.key(0), a.key(1), a.lots(100)
	a.start()
	a.buy(q, x, client.Opened, row{x, q})
	a.buy(2*q, y, client.Opened, row{x, q}, row{y, 2 * q})
}

func playSomeToNone(a *actor) {
	x, y, q := a.key(0), a.key(1), a.lots(100)
	a.start(row{x, q}, row{y, 2 * q})
	a.sell(q, x, client.Closed, row{y, 2 * q})
	a.sell(2*q, y, client.Closed)
}

func playMoreRows(a *actor) {
	x, y, z, q := a.key(0), a.key(1), a.key(2), a.lots(100)
	a.start(row{x, q})
	a.buy(q, y, client.Opened, row{x, q}, row{y, q})
	a.buy(2*q, z, client.Opened, row{x, q}, row{y, q}, row{z, 2 * q})
}

func playFewerRows(a *actor) {
	x, y, z, q := a.key(0), a.key(1), a.key(2), a.lots(100)
	a.start(row{x, q}, row{y, q}, row{z, 2 * q})
	a.sell(q, y, client.Closed, row{x, q}, row{z, 2 * q})
	a.sell(2*q, z, client.Closed, row{x, q})
}

func playMoreShares(a *actor) {
	x, y, q := a.key(0), a.key(1), a.lots(100)
	a.start(row{x, q}, row{y, q})
	a.buy(q, x, client.Increased, row{x, 2 * q}, row{y, q})
	a.buy(2*q, y, client.Increased, row{x, 2 * q}, row{y, 3 * q})
	if a.stage.options.Repricing > 0 {
		a.repriced(row{x, 2 * q}, row{y, 3 * q})
	}
}

func playFewerShares(a *actor) {
	x, y, q := a.key(0), a.key(1), a.lots(100)
	a.start(row{x, 3 * q}, row{y, 2 * q})
	a.sell(q, x, client.Decreased, row{x, 2 * q}, row{y, 2 * q})
	a.sell(q, y, client.Decreased, row{x, 2 * q}, row{y, q})
}

// repriced waits until the price of an unchanged position moves.
func (a *actor) repriced(want ...row) {
	expected := listText(want) + " (repriced)"
	a.step("price moves, shares stay", expected, func() (string, error) {
		mark := a.main.in.mark()
		p, err := a.main.in.await(a.ctx, mark, a.stage.options.Repricing, "a repriced position", func(p client.Push) bool {
			u, ok := p.Event.(client.PositionUpdate)
			return ok && u.Change == client.Repriced
		})
		if err != nil {
			return "", err
		}
		list, err := a.list()
		u := p.Event.(client.PositionUpdate)
		if wrong := badValues("pushed", []client.Position{u.Position}); wrong != nil {
			list += "; " + wrong[0]
		}
		return fmt.Sprintf("%s (%s)", list, u.Change), err
	})
}
