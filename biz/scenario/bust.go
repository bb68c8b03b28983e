package scenario

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// bustReason is what the operator says.
const bustReason = "keyed in by mistake"

func playBust(a *actor) {
	x, y, q := a.key(0), a.key(1), a.lots(100)
	var operator *session
	var mistake, offline client.ExecutionID
	a.start(row{x, q})
	a.step("operator logs in", "operator", func() (string, error) {
		var snapshot client.Snapshot
		var err error
		operator, snapshot, err = a.connect(a.stage.options.Operator, nil)
		if err == nil && !snapshot.Account.Operator {
			return "no operator", nil
		}
		return "operator", err
	})
	a.mistake(q, x, &mistake)
	a.bust(operator, &mistake, []row{{x, q}})
	a.bustAgain(operator, &mistake, []row{{x, q}})
	a.inHistory(&mistake)
	a.blocked(operator, q, y, []row{{x, q}})
	a.mistake(q, x, &offline)
	a.bustWhileOffline(operator, &offline, []row{{x, q}})
	a.inHistory(&offline)
}

// mistake buys what is to be taken back and checks that it is shown.
func (a *actor) mistake(q client.Quantity, key client.Key, id *client.ExecutionID) {
	name := fmt.Sprintf("buy %s %s by mistake", q, key)
	a.step(name, "execution shown", func() (string, error) {
		done, err := a.place(client.Order{Side: client.Buy, Key: key, Quantity: q})
		if err != nil {
			return "", err
		}
		*id = done.execution.ID
		return strings.Join(append([]string{"execution shown"}, done.wrong...), "; "), nil
	})
}

func (a *actor) bust(operator *session, id *client.ExecutionID, want []row) {
	a.step("operator takes it back", "taken back -> "+listText(want), func() (string, error) {
		mark := a.main.in.mark()
		busted, err := operator.Bust(a.ctx, *id, bustReason)
		if err != nil {
			return "", err
		}
		p, err := a.main.in.await(a.ctx, mark, a.stage.options.Timeout, "bust of "+id.String(), func(p client.Push) bool {
			b, ok := p.Event.(client.ExecutionBusted)
			return ok && b.ID == *id && b.Reason == bustReason
		})
		if err != nil {
			return "", err
		}
		u, err := a.update(a.main, mark, p.Sequence+1)
		if err != nil {
			return "", err
		}
		list, err := a.list()
		if u.Position.Quantity != busted.Position.Quantity {
			list += fmt.Sprintf("; %s shares pushed, the operator was told %s", u.Position.Quantity, busted.Position.Quantity)
		}
		return a.takenBack(*id) + " -> " + list, err
	})
}

func (a *actor) takenBack(id client.ExecutionID) string {
	shown := a.main.View().Display()
	if shown.Shows(id) {
		return "still shown"
	}
	return "taken back"
}

// bustAgain checks that a second bust does nothing.
func (a *actor) bustAgain(operator *session, id *client.ExecutionID, want []row) {
	a.step("taking it back twice is harmless", "busted, nothing changes: "+listText(want), func() (string, error) {
		before := a.main.View().Display().Sequence
		busted, err := operator.Bust(a.ctx, *id, bustReason)
		if err != nil {
			return "", err
		}
		if busted.Execution.ID != *id || !busted.Execution.Busted {
			return fmt.Sprintf("answer %+v", busted.Execution), nil
		}
		list, err := a.list()
		return a.unchanged("busted", before) + ": " + list, err
	})
}

// unchanged says whether the account has had any event since a sequence number;
// a pull has gone before, which a push would have overtaken.
func (a *actor) unchanged(what string, before uint64) string {
	pulled, err := a.main.Positions(a.ctx)
	if err != nil {
		return err.Error()
	}
	if pulled.Sequence != before {
		return fmt.Sprintf("%s, but push %d follows %d", what, pulled.Sequence, before)
	}
	return what + ", nothing changes"
}

func (a *actor) inHistory(id *client.ExecutionID) {
	a.step("history marks it", "busted: "+bustReason, func() (string, error) {
		page, err := a.main.History(a.ctx, client.HistoryQuery{Limit: 20})
		if err != nil {
			return "", err
		}
		for _, x := range page.Executions {
			switch {
			case x.ID != *id:
			case x.Busted:
				return "busted: " + x.BustReason, nil
			default:
				return "not marked", nil
			}
		}
		return "not there", nil
	})
}

// blocked checks that what was sold since can't be taken back.
func (a *actor) blocked(operator *session, q client.Quantity, key client.Key, want []row) {
	a.step("a buy whose shares are sold stands", "refused BUST_BLOCKED by the sell, nothing changes: "+listText(want),
		func() (string, error) {
			bought, err := a.place(client.Order{Side: client.Buy, Key: key, Quantity: q})
			if err != nil {
				return "", err
			}
			sold, err := a.place(client.Order{Side: client.Sell, Key: key, Quantity: q})
			if err != nil {
				return "", err
			}
			before := a.main.View().Display().Sequence
			_, err = operator.Bust(a.ctx, bought.execution.ID, bustReason)
			what := refusalText(err)
			var refused *client.Error
			if errors.As(err, &refused) && len(refused.Blocking) == 1 && refused.Blocking[0] == sold.execution.ID {
				what += " by the sell"
			}
			list, err := a.list()
			return a.unchanged(what, before) + ": " + list, err
		})
}

// bustWhileOffline closes the main session, lets the operator bust, and comes
// back.
func (a *actor) bustWhileOffline(operator *session, id *client.ExecutionID, want []row) {
	a.step("taken back while away", "taken back -> "+listText(want), func() (string, error) {
		_ = a.main.Close() // always nil
		if _, err := operator.Bust(a.ctx, *id, bustReason); err != nil {
			return "", err
		}
		s, _, err := a.connect(a.customer, a.tell())
		if err != nil {
			return "", err
		}
		a.main = s
		list, err := a.list()
		return a.takenBack(*id) + " -> " + list, err
	})
}
