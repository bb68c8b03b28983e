package desk

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// replayTogether is how many records of a batch are worth several goroutines.
const replayTogether = 64

// replayer applies the events of the journal to the accounts. The accounts are divided into
// shards, which work at the same time; the events of an account stay in their order.
type replayer struct {
	desk   *Desk
	shards []replayShard
}

type replayShard struct {
	desk    *Desk
	records []numberedRecord // of this batch
	prices  []numberedPrice  // by instrument: the last one
	events  int
	event   ledger.Event // memory for one
	failed  uint64       // the record of err
	err     error
}

type numberedRecord struct {
	number uint64
	bytes  []byte
}

// numberedPrice is the price that a record has set last, 0 if no record has.
type numberedPrice struct {
	number uint64
	price  ledger.Price
}

// replay applies the journal from a batch on, and returns how many events it has.
func (d *Desk) replay(ctx context.Context, from uint64) (events int, err error) {
	r := &replayer{desk: d, shards: make([]replayShard, runtime.GOMAXPROCS(0))}
	for n := range r.shards {
		r.shards[n] = replayShard{desk: d, prices: make([]numberedPrice, len(d.fills))}
	}
	if d.config.Lead {
		err = d.lead(ctx, r, from)
	} else {
		err = d.journal.ReplayBatches(ctx, from, r.batch)
	}
	if err != nil {
		return 0, err
	}
	d.fills = r.fills()
	return r.events(), nil
}

// events returns how many events were applied.
func (r *replayer) events() (n int) {
	for i := range r.shards {
		n += r.shards[i].events
	}
	return n
}

// fills returns the prices of the last fills: those before the replay, and newer ones.
func (r *replayer) fills() []ledger.Price {
	fills, newest := slices.Clone(r.desk.fills), make([]uint64, len(r.desk.fills))
	for n := range r.shards {
		for id, p := range r.shards[n].prices {
			if p.number > newest[id] {
				newest[id], fills[id] = p.number, p.price
			}
		}
	}
	return fills
}

// checkUnchanged returns ErrBookChanged if a batch that came after the book was read changes it.
func (d *Desk) checkUnchanged(b *journal.Batch) error {
	if b.Number <= d.bookBatch {
		return nil
	}
	for _, record := range b.Records() {
		if changesBook(record) {
			return ErrBookChanged
		}
	}
	return nil
}

// batch applies a batch.
func (r *replayer) batch(b *journal.Batch) error {
	for number, record := range b.Records() {
		s := &r.shards[0]
		if isEvents(record) {
			s = &r.shards[shardOf(record, len(r.shards))]
		}
		s.records = append(s.records, numberedRecord{number, record})
	}
	var working sync.WaitGroup
	for n := range r.shards[1:] {
		if b.Count < replayTogether {
			r.shards[n+1].apply()
		} else {
			working.Go(r.shards[n+1].apply)
		}
	}
	r.shards[0].apply()
	working.Wait()
	first := &r.shards[0] // the error that one after the other would have met first
	for n := range r.shards {
		if s := &r.shards[n]; s.err != nil && (first.err == nil || s.failed < first.failed) {
			first = s
		}
	}
	return recordError(journal.Position{Batch: b.Number, Record: first.failed}, first.err)
}

// shardOf returns the shard of a record with events. The records of early releases are all of one:
// no batch has them beside others.
func shardOf(record []byte, shards int) int {
	if record[0] != recordEvents || len(record) < 4 {
		return 0
	}
	customer, _ := binary.Uvarint(record[3:]) // ledger.AppendEvent
	return int(customer % uint64(shards))
}

// apply applies the gathered records.
func (s *replayShard) apply() {
	for _, r := range s.records {
		if s.err = s.record(r); s.err != nil {
			s.failed = r.number
			break
		}
	}
	s.records = s.records[:0]
}

func (s *replayShard) record(r numberedRecord) error {
	if isEvents(r.bytes) {
		return eachEvent(r.bytes, &s.event, func(e *ledger.Event) error {
			s.events++
			return s.applyEvent(r.number, e)
		})
	}
	if len(r.bytes) == 0 || r.bytes[0] != recordMarket && r.bytes[0] != recordScript && r.bytes[0] != recordSequence { // readBook has it
		return nil
	}
	entry, err := DecodeEntry(r.bytes)
	switch {
	case err != nil:
	case entry.Script != nil:
		s.desk.script = *entry.Script
	case entry.Sequence != nil:
		s.desk.sequences.apply(entry.Sequence)
	default:
		s.desk.applyMarket(entry.Market)
		s.countPrices(r.number, entry.Market)
	}
	return err
}

// countPrices makes the prices of a replayed event the last ones.
func (s *replayShard) countPrices(number uint64, m *MarketEvent) {
	for _, p := range m.Prices {
		if m.Kind == MarketPriced && int(p.Instrument) < len(s.prices) {
			s.prices[p.Instrument] = numberedPrice{number, p.Price}
		}
	}
}

func (s *replayShard) applyEvent(number uint64, e *ledger.Event) error {
	if err := s.desk.change.Refused(e.Customer()); err != nil {
		return err
	}
	a := s.desk.Account(e.Customer())
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	if e.Kind.HasOrder() && int(e.Order.Instrument) >= len(s.prices) {
		return fmt.Errorf("instrument %d is not in the seed file", e.Order.Instrument)
	}
	if e.Kind == ledger.KindFill {
		s.prices[e.Execution.Instrument] = numberedPrice{number, e.Execution.Price}
	}
	_, err := a.ledger.Replay(e)
	return err
}
