package scenario

import (
	"context"
	"time"

	"holdfast/biz/client"
)

// startAction trades until the positions are want, whatever they were before.
type startAction struct{ want []wantedRow }

// wantedRow is an expected position.
type wantedRow struct {
	instrument instrument
	quantity   client.Quantity
}

func readStart(l *line, _ *statement) action {
	l.require("with")
	if l.accept("nothing") {
		return startAction{}
	}
	return startAction{l.wantedRows()}
}

// wantedRows reads a list of positions.
func (l *line) wantedRows() (list []wantedRow) {
	for first := true; first || len(l.words) > 0 && !l.wrong; first = false {
		if !first {
			l.accept(",")
		}
		list = append(list, wantedRow{l.instrument(), l.quantity()})
	}
	return list
}

func (p *player) rows(list []wantedRow) (rows []row) {
	for _, w := range list {
		rows = append(rows, row{p.key(w.instrument), w.quantity})
	}
	return rows
}

func (startAction) patience() time.Duration { return time.Minute }

func (a startAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	held, target := make(map[client.Key]client.Quantity), make(map[client.Key]client.Quantity)
	var keys []client.Key
	for _, position := range s.View().Display().Positions {
		held[position.Key] = position.Quantity
		keys = append(keys, position.Key)
	}
	want := p.rows(a.want)
	for _, r := range want {
		target[r.key] = r.quantity
		keys = append(keys, r.key)
	}
	for _, key := range keys {
		if held[key] == target[key] {
			continue
		}
		if err := p.bring(ctx, s, key, held[key], target[key]); err != nil {
			return refusal(err)
		}
		held[key] = target[key]
	}
	return done(), nil
}

// bring places the order that changes a position from one quantity to another.
func (p *player) bring(ctx context.Context, s *session, key client.Key, from, to client.Quantity) error {
	if err := wait(ctx, p.stage.options.Pace); err != nil {
		return err
	}
	o := client.Order{ClientOrderID: client.NewClientOrderID(), Side: client.Buy, Key: key, Quantity: to - from}
	if from > to {
		o.Side, o.Quantity = client.Sell, from-to
	}
	_, err := s.PlaceOrder(ctx, o)
	return err
}
