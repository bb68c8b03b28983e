package history

import "context"

// ExecutionsBetween returns the customer's executions whose event number is from firstEvent to
// lastEvent, oldest first, at most MaxLimit of them; more is true if there are more. For the
// rest, set firstEvent to one above the last event of this page.
//
// There is no index by event: ids and events of one customer rise together, so it finds the
// first execution by bisection, with about log2(executions of the customer) reads.
func (s *Store) ExecutionsBetween(ctx context.Context, customer uint32, firstEvent, lastEvent uint64) (page []Execution, more bool, err error) {
	err = s.eachBetween(ctx, customer, firstEvent, lastEvent, func(e *Execution) error {
		if more = len(page) == MaxLimit; more {
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

// ExecutionNamed returns the customer's oldest execution in these events that has exactly this
// client order id; ok is false if there is no such execution. The rows before it are
// verified, too, so that damage does not look like a new client order id.
func (s *Store) ExecutionNamed(ctx context.Context, customer uint32, firstEvent, lastEvent uint64, clientOrderID [ClientOrderIDSize]byte) (e Execution, ok bool, err error) {
	err = s.eachBetween(ctx, customer, firstEvent, lastEvent, func(found *Execution) error {
		if found.ClientOrderID != clientOrderID {
			return nil
		}
		e, ok = *found, true
		return errEnough
	})
	if err != nil {
		return Execution{}, false, err
	}
	return e, ok, nil
}

// eachBetween calls fn for each execution in these events, oldest first; errEnough ends it.
func (s *Store) eachBetween(ctx context.Context, customer uint32, firstEvent, lastEvent uint64, fn func(*Execution) error) error {
	return s.read(ctx, func(v view) error {
		first, err := firstSince(v, customer, firstEvent)
		if err != nil {
			return err
		}
		_, last := numbers(customer)
		_, err = v.executions(idRange{first: first, last: last}, func(e *Execution) error {
			if e.Event > lastEvent {
				return errEnough
			}
			return fn(e)
		})
		return err
	})
}

// firstSince returns an id: the customer's executions from it on are those since this event. If
// there is no such execution yet, it is one above the newest.
func firstSince(v view, customer uint32, event uint64) (id uint64, err error) {
	first, last := numbers(customer)
	newest, err := oneExecution(v, idRange{first: first, last: last, down: true})
	switch {
	case err != nil || newest.ID == 0:
		return first, err
	case newest.Event < event:
		return newest.ID + 1, nil
	}
	// Executions below first are older than the event; that of last is not.
	for last = newest.ID; first < last; {
		middle := first + (last-first)/2
		next, err := oneExecution(v, idRange{first: middle, last: last})
		if err != nil {
			return 0, err
		}
		if next.Event < event {
			first = next.ID + 1
		} else {
			last = middle
		}
	}
	return first, nil
}

// oneExecution returns the first execution of r, or the zero value.
func oneExecution(v view, r idRange) (found Execution, err error) {
	r.limit = 1
	_, err = v.executions(r, func(e *Execution) error {
		found = *e
		return nil
	})
	return found, err
}
