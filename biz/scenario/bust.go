package scenario

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// bustReason is the reason of every bust.
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
			return "not an operator", nil
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

// mistake places the order that is busted later, and checks that its execution is shown.
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
	a.step("operator busts it", "busted -> "+listText(want), func() (string, error) {
		mark := a.main.in.mark()
		busted, err := operator.Bust(a.ctx, *id, bustReason)
		if err != nil {
			return "", err
		}
		_, sequence, err := await(a, a.main, mark, "bust of "+id.String(), func(_ uint64, b client.ExecutionBusted) bool {
			return b.ID == *id && b.Reason == bustReason
		})
		if err != nil {
			return "", err
		}
		u, err := a.update(a.main, mark, sequence+1)
		if err != nil {
			return "", err
		}
		list, err := a.list()
		if u.Position.Quantity != busted.Position.Quantity {
			list += fmt.Sprintf("; %s shares pushed, %s in the reply to the operator", u.Position.Quantity, busted.Position.Quantity)
		}
		return a.takenBack(*id) + " -> " + list, err
	})
}

func (a *actor) takenBack(id client.ExecutionID) string {
	shown := a.main.View().Display()
	if shown.Shows(id) {
		return "still shown"
	}
	return "busted"
}

// bustAgain checks that a second bust does nothing.
func (a *actor) bustAgain(operator *session, id *client.ExecutionID, want []row) {
	a.step("bust it again", "busted, nothing changes: "+listText(want), func() (string, error) {
		before := a.main.View().Display().Sequence
		busted, err := operator.Bust(a.ctx, *id, bustReason)
		if err != nil {
			return "", err
		}
		if busted.Execution.ID != *id || !busted.Execution.Busted {
			return fmt.Sprintf("reply %+v", busted.Execution), nil
		}
		list, err := a.list()
		return a.unchanged("busted", before) + ": " + list, err
	})
}

// unchanged returns what, and whether the account has had no event since the push with
// number before. The reply to its request comes after all earlier pushes.
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
	a.step("history shows it as busted", "busted: "+bustReason, func() (string, error) {
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
				return "not busted", nil
			}
		}
		return "not in the history", nil
	})
}

// blocked checks that a buy can't be busted after its shares were sold.
func (a *actor) blocked(operator *session, q client.Quantity, key client.Key, want []row) {
	a.step("bust a buy whose shares were sold", "refused BUST_BLOCKED by the sell, nothing changes: "+listText(want),
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

// bustWhileOffline closes the main session, busts as the operator, and logs in again.
func (a *actor) bustWhileOffline(operator *session, id *client.ExecutionID, want []row) {
	a.step("bust while logged out", "busted -> "+listText(want), func() (string, error) {
		_ = a.main.Close() // always nil
		if _, err := operator.Bust(a.ctx, *id, bustReason); err != nil {
			return "", err
		}
		s, _, err := a.connect(a.customer, a.narrate())
		if err != nil {
			return "", err
		}
		a.main = s
		list, err := a.list()
		return a.takenBack(*id) + " -> " + list, err
	})
}
