package scenario

import (
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// buy buys, and expects this change and the positions want.
func (a *actor) buy(q client.Quantity, key client.Key, change client.Change, want ...row) {
	a.trade(client.Order{Side: client.Buy, Key: key, Quantity: q}, change, want)
}

// sell sells, and expects this change and the positions want.
func (a *actor) sell(q client.Quantity, key client.Key, change client.Change, want ...row) {
	a.trade(client.Order{Side: client.Sell, Key: key, Quantity: q}, change, want)
}

func (a *actor) trade(o client.Order, change client.Change, want []row) {
	before := ""
	if a.main != nil {
		before = listText(rowsOf(a.main.View().Display().Positions))
	}
	name := fmt.Sprintf("%s %s %s", o.Side, o.Quantity, o.Key)
	a.step(name, fmt.Sprintf("%s -> %s (%s)", before, listText(want), change), func() (string, error) {
		done, err := a.place(o)
		if err != nil {
			return "", err
		}
		after, err := a.list()
		return strings.Join(append([]string{fmt.Sprintf("%s -> %s (%s)", before, after, done.update.Change)}, done.wrong...), "; "), err
	})
}

// filled is an order with its pushes.
type filled struct {
	client.Placed
	execution client.Execution
	update    client.PositionUpdate
	wrong     []string // differences between the reply and the pushes
}

// place places an order in the main session and waits for its two pushes.
func (a *actor) place(o client.Order) (filled, error) {
	if err := wait(a.ctx, a.stage.options.Pace); err != nil {
		return filled{}, err
	}
	if o.ClientOrderID == "" {
		o.ClientOrderID = client.NewClientOrderID()
	}
	mark := a.main.in.mark()
	placed, err := a.main.PlaceOrder(a.ctx, o)
	if err != nil {
		return filled{}, err
	}
	if len(placed.Executions) != 1 {
		return filled{}, fmt.Errorf("order %s has %d executions, want one", placed.Order, len(placed.Executions))
	}
	done, err := a.pushes(a.main, mark, placed.Executions[0].ID)
	done.Placed = placed
	if err == nil {
		done.check(o, a.main.View().Display())
	}
	return done, err
}

// pushes waits until a session has received an execution and the position after it.
func (a *actor) pushes(s *session, mark int, id client.ExecutionID) (filled, error) {
	x, sequence, err := await(a, s, mark, "execution "+id.String(), func(_ uint64, x client.Execution) bool { return x.ID == id })
	if err != nil {
		return filled{}, err
	}
	u, err := a.update(s, mark, sequence+1)
	return filled{execution: x, update: u}, err
}

// update waits for the position update with this number.
func (a *actor) update(s *session, mark int, sequence uint64) (client.PositionUpdate, error) {
	u, _, err := await(a, s, mark, fmt.Sprintf("position update %d", sequence),
		func(n uint64, _ client.PositionUpdate) bool { return n == sequence })
	return u, err
}

// check compares the order, the reply, the pushes and what is shown.
func (f *filled) check(o client.Order, shown client.Display) {
	x := f.Executions[0]
	f.expect(x == f.execution, "the pushed execution is %+v, the one in the reply %+v", f.execution, x)
	f.expect(x.Side == o.Side && x.Key == o.Key && x.Quantity == o.Quantity,
		"the order was filled as %s %s %s", x.Side, x.Quantity, x.Key)
	f.expect(shown.Shows(x.ID), "execution %s is not shown", x.ID)
	f.expect(f.Position.Quantity == f.update.Position.Quantity,
		"%s shares in the reply, %s pushed", f.Position.Quantity, f.update.Position.Quantity)
	f.expect(f.update.Rows == len(shown.Positions), "%d rows pushed, %d shown", f.update.Rows, len(shown.Positions))
	f.wrong = append(f.wrong, badValues("pushed", []client.Position{f.update.Position})...)
}

func (f *filled) expect(ok bool, format string, args ...any) {
	if !ok {
		f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
	}
}

// start trades until the positions are want, whatever they were before.
func (a *actor) start(want ...row) {
	a.step("start", listText(want), func() (string, error) {
		held, target := make(map[client.Key]client.Quantity), make(map[client.Key]client.Quantity)
		var keys []client.Key
		for _, p := range a.main.View().Display().Positions {
			held[p.Key] = p.Quantity
			keys = append(keys, p.Key)
		}
		for _, r := range want {
			target[r.key] = r.quantity
			keys = append(keys, r.key)
		}
		for _, key := range keys {
			if err := a.bring(key, held[key], target[key]); err != nil {
				return "", err
			}
			held[key] = target[key]
		}
		return a.list()
	})
}

// bring places the order that changes a position from one quantity to another.
func (a *actor) bring(key client.Key, from, to client.Quantity) error {
	if from == to {
		return nil
	}
	o := client.Order{Side: client.Buy, Key: key, Quantity: to - from}
	if from > to {
		o.Side, o.Quantity = client.Sell, from-to
	}
	_, err := a.place(o)
	return err
}
