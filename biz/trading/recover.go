package trading

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// recover brings the accounts to the state of the journal's end: seed, then
// snapshot, then the events that came later.
func (s *Service) recover(ctx context.Context) error {
	start := time.Now()
	if err := s.checkData(ctx); err != nil {
		return err
	}
	from, err := s.loadSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := s.openAccounts(); err != nil {
		return err
	}
	replayed, err := s.replay(ctx, from)
	if err != nil {
		return err
	}
	s.restorePrices()
	if s.journal.LastBatch() > 0 {
		s.log.Info("accounts rebuilt", "from_batch", from, "events", replayed, "took", time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// checkData refuses a journal of another seed, and a history that knows more
// than the journal.
func (s *Service) checkData(ctx context.Context) error {
	progress, err := s.history.Progress(ctx)
	if err != nil {
		return err
	}
	if progress > s.journal.LastBatch() {
		return ErrHistoryAhead
	}
	if s.journal.LastBatch() == 0 {
		return nil
	}
	want := genesisRecord(s.config.Seed.SHA256)
	err = s.journal.Replay(ctx, 1, func(_ journal.Position, record []byte) error {
		if !bytes.Equal(record, want) {
			return ErrForeignData
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}

// errSeen ends a replay that has seen enough.
var errSeen = errors.New("seen")

// loadSnapshot restores the accounts that have one and returns the batch to
// replay from.
func (s *Service) loadSnapshot(ctx context.Context) (uint64, error) {
	restored := make(map[ledger.Customer]*ledger.Account)
	from, err := s.history.LoadSnapshot(ctx, func(customer uint32, state []byte) error {
		a, err := ledger.RestoreAccount(state, s.config.RecentEvents)
		if err != nil {
			return fmt.Errorf("%w: snapshot of customer %d: %w", history.ErrDamaged, customer, err)
		}
		restored[ledger.Customer(customer)] = a
		return nil
	})
	for i := range s.config.Seed.Customers {
		owner := s.config.Seed.Customers[i]
		a := &account{owner: owner, operator: owner.Operator(), ledger: restored[owner.Number]}
		if a.ledger != nil {
			a.saved = a.ledger.LastNumber()
		}
		s.accounts[owner.Number] = a
		s.order = append(s.order, a)
	}
	return from, err
}

// openAccounts opens those that no snapshot has restored.
func (s *Service) openAccounts() error {
	for _, a := range s.order {
		if a.ledger != nil {
			continue
		}
		opened, err := ledger.NewAccount(a.owner.Number, a.owner.Cash, a.owner.Holdings, s.config.RecentEvents)
		if err != nil {
			return fmt.Errorf("trading: customer %d of the seed file: %w", a.owner.Number, err)
		}
		a.ledger = opened
	}
	return nil
}

func (s *Service) replay(ctx context.Context, from uint64) (events int, err error) {
	err = s.journal.Replay(ctx, from, func(at journal.Position, record []byte) error {
		e, reason, ok, err := decodeEvent(record)
		if err == nil && ok {
			err = s.apply(&e, reason)
			events++
		}
		if err != nil {
			return fmt.Errorf("trading: record %d in batch %d: %w", at.Record, at.Batch, err)
		}
		return nil
	})
	if errors.Is(err, journal.ErrAhead) { // only the snapshot was
		err = ErrHistoryAhead
	}
	return events, err
}

func (s *Service) apply(e *ledger.Event, reason string) error {
	a := s.accounts[e.Customer()]
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	_, err := a.ledger.Replay(e, reason)
	return err
}

// restorePrices makes the last price of an instrument that of its newest trade in
// memory, however the accounts came there.
func (s *Service) restorePrices() {
	newest := make([]int64, s.market.Len())
	for _, a := range s.order {
		for _, e := range a.ledger.Recent(nil) {
			id := e.Execution.Instrument
			if e.Kind == ledger.KindFill && e.Time >= newest[id] {
				newest[id] = e.Time
				s.market.SetLast(id, e.Execution.Price)
			}
		}
	}
}

// bindSeed writes the first record of a new journal.
func (s *Service) bindSeed(ctx context.Context) error {
	if s.journal.LastBatch() > 0 {
		return nil
	}
	s.committer.Begin().Record(genesisRecord(s.config.Seed.SHA256))
	s.committer.End()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return s.durable(ctx)
}
