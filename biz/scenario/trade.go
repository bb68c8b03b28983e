package scenario

import (
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// buy buys and expects the list to become want, by this change.
func (a *actor) buy(q client.Quantity, key client.Key, change client.Change, want ...row) {
	a.trade(client.Order{Side: client.Buy, Key: key, Quantity: q}, change, want)
}

// sell sells and expects the list to become want, by this change.
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
	wrong     []string // what the answer and the pushes disagree about
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

// pushes waits until a session has got an execution and the position after it.
func (a *actor) pushes(s *session, mark int, id client.ExecutionID) (filled, error) {
	p, err := s.in.await(a.ctx, mark, a.stage.options.Timeout, "execution "+id.String(), func(p client.Push) bool {
		x, ok := p.Event.(client.Execution)
		return ok && x.ID == id
	})
	if err != nil {
		return filled{}, err
	}
	done := filled{execution: p.Event.(client.Execution)}
	done.update, err = a.update(s, mark, p.Sequence+1)
	return done, err
}

// update waits for the position update with this number.
func (a *actor) update(s *session, mark int, sequence uint64) (client.PositionUpdate, error) {
	what := fmt.Sprintf("position update %d", sequence)
	p, err := s.in.await(a.ctx, mark, a.stage.options.Timeout, what, func(p client.Push) bool {
		_, ok := p.Event.(client.PositionUpdate)
		return ok && p.Sequence == sequence
	})
	if err != nil {
		return client.PositionUpdate{}, err
	}
	return p.Event.(client.PositionUpdate), nil
}

// check compares order, answer, pushes and what is shown.
func (f *filled) check(o client.Order, shown client.Display) {
	x := f.Executions[0]
	f.expect(x == f.execution, "the execution pushed is %+v, the one answered %+v", f.execution, x)
	f.expect(x.Side == o.Side && x.Key == o.Key && x.Quantity == o.Quantity,
		"the order was filled as %s %s %s", x.Side, x.Quantity, x.Key)
	f.expect(shown.Shows(x.ID), "execution %s is not shown", x.ID)
	f.expect(f.Position.Quantity == f.update.Position.Quantity,
		"%s shares answered, %s pushed", f.Position.Quantity, f.update.Position.Quantity)
	f.expect(f.update.Rows == len(shown.Positions), "%d rows pushed, %d shown", f.update.Rows, len(shown.Positions))
	f.wrong = append(f.wrong, badValues("pushed", []client.Position{f.update.Position})...)
}

func (f *filled) expect(ok bool, format string, args ...any) {
	if !ok {
		f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
	}
}

// start trades until the list is want; whatever was there before.
func (a *actor) start(want ...row) {
	a.step("start", listText(want), func() (string, error) {
		target := make(map[client.Key]client.Quantity)
		for _, r := range want {
			target[r.key] = r.quantity
		}
		for _, p := range a.main.View().Display().Positions {
			if err := a.bring(p.Key, p.Quantity, target[p.Key]); err != nil {
				return "", err
			}
			delete(target, p.Key)
		}
		for _, r := range want {
			if q, left := target[r.key]; left {
				if err := a.bring(r.key, 0, q); err != nil {
					return "", err
				}
			}
		}
		return a.list()
	})
}

// bring trades from one quantity to another.
func (a *actor) bring(key client.Key, from, to client.Quantity) error {
	if from > to {
		_, err := a.place(client.Order{Side: client.Sell, Key: key, Quantity: from - to})
		return err
	}
	if from == to {
		return nil
	}
	_, err := a.place(client.Order{Side: client.Buy, Key: key, Quantity: to - from})
	return err
}
