package scenario

import (
	"fmt"

	"holdfast/biz/client"
)

func playTwoSessions(a *actor) {
	x, q := a.key(0), a.lots(100)
	var second *session
	a.start(row{x, q})
	a.step("log in from a second client", listText([]row{{x, q}}), func() (string, error) {
		s, snapshot, err := a.connect(a.customer, nil)
		second = s
		return listText(rowsOf(snapshot.Positions)), err
	})
	a.both(&second, client.Order{Side: client.Buy, Key: x, Quantity: q}, row{x, 2 * q})
	a.both(&second, client.Order{Side: client.Sell, Key: x, Quantity: 2 * q})
	a.step("second client logs out, first continues", "logged out", func() (string, error) {
		if err := second.Logout(a.ctx); err != nil {
			return "", err
		}
		if _, err := second.Positions(a.ctx); err == nil {
			return "still logged in", nil
		}
		return "logged out", nil
	})
	a.buy(q, x, client.Opened, row{x, q})
}

// both places an order in the first session and checks what both sessions show.
func (a *actor) both(second **session, o client.Order, want ...row) {
	name := fmt.Sprintf("%s %s %s, both clients see it", o.Side, o.Quantity, o.Key)
	text := listText(want)
	a.step(name, fmt.Sprintf("first: %s; second: %s", text, text), func() (string, error) {
		mark := (*second).in.mark()
		done, err := a.place(o)
		if err != nil {
			return "", err
		}
		other, err := a.pushes(*second, mark, done.execution.ID)
		if err != nil {
			return "", err
		}
		first, err := a.list()
		got := fmt.Sprintf("first: %s; second: %s", first, listText(rowsOf((*second).View().Display().Positions)))
		if other.update.Change != done.update.Change || other.execution != done.execution {
			got += "; the pushes differ"
		}
		return got, err
	})
}
