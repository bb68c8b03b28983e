package history

import (
	"context"
	"math"
)

// scanRows is about how many rows Executions and Orders read in a call.
const scanRows = 100_000

// Query selects a page of a customer's executions or orders.
type Query struct {
	Customer uint32
	// Before selects ids below this one; 0 starts with the newest.
	Before uint64
	// Limit is the page size: DefaultLimit if it is not positive, at most
	// MaxLimit.
	Limit int
	// Filter selects among them. What it leaves out is read, too.
	Filter
}

// RangeQuery selects executions in one instrument and time span.
type RangeQuery struct {
	// Customer is the only one whose executions are selected; 0: all customers.
	Customer   uint32
	Instrument uint32
	// From and To are Unix nanoseconds: From <= Time < To.
	From, To int64
	// After selects executions after this one in the order of the answer; 0 starts with the first.
	After uint64
	// Limit is as in Query.
	Limit int
}

// Executions returns a page of a customer's executions, newest first, including busted ones.
// next is what to set Before to for the next page, 0 if there are no older executions. A call
// reads some 100,000 executions at most, so that a page can be short or empty although next is
// not 0. No execution is twice or missing in the pages, also if newer ones are written meanwhile.
func (s *Store) Executions(ctx context.Context, q Query) (page []Execution, next uint64, err error) {
	limit := pageSize(q.Limit)
	r := idRange{down: true, limit: limit + 1, scan: s.scan, only: &q.Filter}
	r.first, r.last = numbersBefore(q.Customer, q.Before)
	err = s.read(ctx, func(v view) error {
		next, err = v.executions(r, func(e *Execution) error {
			if !q.matches(e) {
				return nil
			}
			page = append(page, *e)
			return enough(len(page) > limit)
		})
		return err
	})
	switch {
	case err != nil:
		return nil, 0, err
	case len(page) > limit:
		return page[:limit], page[limit-1].ID, nil
	case next != 0:
		next++ // the view stopped before this id
	}
	return page, next, nil
}

// enough returns errEnough if this is true.
func enough(is bool) error {
	if is {
		return errEnough
	}
	return nil
}

// Execution returns the execution with this id; ok is false if there is no such execution.
func (s *Store) Execution(ctx context.Context, id uint64) (e Execution, ok bool, err error) {
	found, err := s.ExecutionsWith(ctx, []uint64{id})
	if err != nil || len(found) == 0 {
		return Execution{}, false, err
	}
	return found[0], true, nil
}

// ExecutionsWith returns the executions with these ids, in the order of ids; those that are not
// there are left out.
func (s *Store) ExecutionsWith(ctx context.Context, ids []uint64) ([]Execution, error) {
	return listIDs(ctx, s, ids, view.executionsWith)
}

// InstrumentExecutions returns the same page as Executions with ByInstrument; more is true if
// there are older ones. But it reads and verifies the executions of other instruments in between
// without a limit, too: a position that is computed from the pages must not lack an execution
// whose instrument was altered on disk. This costs some 0.1 us for each in between. before and
// limit are as in Query.
func (s *Store) InstrumentExecutions(ctx context.Context, customer, instrument uint32, before uint64, limit int) (page []Execution, more bool, err error) {
	limit = pageSize(limit)
	r := idRange{down: true}
	r.first, r.last = numbersBefore(customer, before)
	err = s.eachExecution(ctx, r, func(e *Execution) error {
		if e.Instrument != instrument {
			return nil
		}
		if more = len(page) == limit; more {
			return errEnough
		}
		page = append(page, *e)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return page, more, nil
}

// signBit divides the ids: a range has none or only such with it (see idRange).
const signBit = 1 << 63

// RangeExecutions returns a page of executions in one instrument and time span, customer by
// customer and each oldest first, including busted ones; more is true if there are more. For
// the next page, set After to the last id of this page.
//
// There is no index by time: it reads all executions after After until the page is full, except
// where the times of many say that they are not in the span. Meanwhile one of the two queries
// at a time is in use.
func (s *Store) RangeExecutions(ctx context.Context, q RangeQuery) (page []Execution, more bool, err error) {
	limit := pageSize(q.Limit)
	filter := Filter{ByInstrument: true, Instrument: q.Instrument, From: q.From, To: q.To}
	halves := []idRange{{first: 0, last: signBit - 1}, {first: signBit, last: math.MaxUint64}}
	if q.Customer != 0 {
		first, last := numbers(q.Customer)
		halves = []idRange{{first: first, last: last}}
	}
	for _, r := range halves {
		if q.After >= r.last {
			continue
		}
		if q.After != 0 {
			r.first = max(r.first, q.After+1)
		}
		r.limit, r.only = limit+1-len(page), &filter
		err = s.eachExecution(ctx, r, func(e *Execution) error {
			if q.From <= e.Time && e.Time < q.To && e.Instrument == q.Instrument {
				page = append(page, *e)
			}
			return enough(len(page) > limit)
		})
		if err != nil {
			return nil, false, err
		}
		if len(page) > limit {
			return page[:limit], true, nil
		}
	}
	return page, false, nil
}

// eachExecution calls fn for the executions of r.
func (s *Store) eachExecution(ctx context.Context, r idRange, fn func(*Execution) error) error {
	return s.read(ctx, func(v view) error {
		_, err := v.executions(r, fn)
		return err
	})
}

// listIDs returns the rows with these ids, which read reads.
func listIDs[T any](ctx context.Context, s *Store, ids []uint64, read func(view, []uint64, func(*T) error) error) (rows []T, err error) {
	err = s.read(ctx, func(v view) error {
		return read(v, ids, func(row *T) error {
			rows = append(rows, *row)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// numbers returns the smallest and the largest id of a customer.
func numbers(customer uint32) (first, last uint64) {
	first = uint64(customer) << 32
	return first, first | math.MaxUint32
}

// numbersBefore returns the smallest and the largest id of a customer below before, which is
// 0 for all. Without such ids first is above last.
func numbersBefore(customer uint32, before uint64) (first, last uint64) {
	first, last = numbers(customer)
	if before != 0 {
		last = min(last, before-1)
	}
	return first, last
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}
