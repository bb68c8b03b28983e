package history_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"holdfast/biz/history"
)

// numbersOf returns the numbers of executions, negative for busted ones.
func numbersOf(list []history.Execution) []int {
	var numbers []int
	for _, e := range list {
		n := int(uint32(e.ID))
		if e.Busted {
			n = -n
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func TestInstrumentExecutions(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 6, 1, 40)
	project(t, s, 2, 7, 1, 40) // instrument 1: 1, 4, 7 ... 40
	project(t, s, 3, 8, 1, 40)
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 34), "r", 5))
	must(t, s.Correct(id(7, 31), id(7, 40), "r", 5))
	must(t, s.Commit(4, 0))
	cases := map[string]struct {
		customer, instrument uint32
		before               uint64
		limit                int
		want                 []int
		more                 bool
	}{
		"newest":              {7, 1, 0, 5, []int{40, 37, -34, -31, 28}, true},
		"before one of it":    {7, 1, id(7, 37), 2, []int{-34, -31}, true},
		"before one of other": {7, 1, id(7, 36), 2, []int{-34, -31}, true},
		"exactly the rest":    {7, 1, id(7, 8), 3, []int{7, 4, 1}, false},
		"less than a page":    {7, 1, id(7, 8), 0, []int{7, 4, 1}, false},
		"before the oldest":   {7, 1, id(7, 1), 5, nil, false},
		"unused instrument":   {7, 5, 0, 5, nil, false},
		"nobody's":            {9, 1, 0, 5, nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, more, err := s.InstrumentExecutions(t.Context(), c.customer, c.instrument, c.before, c.limit)
			if got := numbersOf(page); err != nil || more != c.more || !slices.Equal(got, c.want) {
				t.Fatalf("%v, more %v, %v; want %v, %v", got, more, err, c.want, c.more)
			}
		})
	}
	t.Run("pages join", func(t *testing.T) {
		for _, size := range []int{1, 2, 3, 7, 13, 14, 15} {
			var list []history.Execution
			for before, more := uint64(0), true; more; {
				var page []history.Execution
				var err error
				page, more, err = s.InstrumentExecutions(t.Context(), 7, 1, before, size)
				must(t, err)
				list = append(list, page...)
				before = page[len(page)-1].ID
			}
			want := []int{40, 37, -34, -31, 28, 25, 22, 19, 16, 13, 10, 7, 4, 1}
			if got := numbersOf(list); !slices.Equal(got, want) {
				t.Fatalf("pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// TestInstrumentExecutionsVerify: a row whose instrument was altered is not just left out.
func TestInstrumentExecutionsVerify(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 40)
	alter(t, path, "UPDATE executions SET executions = CAST(executions || 'x' AS BLOB)")
	if _, _, err := s.InstrumentExecutions(t.Context(), 7, 1, 0, 10); !errors.Is(err, history.ErrDamaged) {
		t.Fatalf("%v, want ErrDamaged", err)
	}
}

func TestRangeExecutions(t *testing.T) {
	s := open(t, newPath(t))
	customers := []uint32{6, 7, 1 << 31, math.MaxUint32} // in the order of the answer
	for i, c := range customers {
		project(t, s, uint64(i)+1, c, 1, 40)
	}
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 13), "r", 5))
	must(t, s.Commit(5, 0))
	at := func(n uint32) int64 { return made(7, n).Time }
	every := func(numbers ...uint32) (ids []uint64) {
		for _, c := range customers {
			for _, n := range numbers {
				ids = append(ids, id(c, n))
			}
		}
		return ids
	}
	cases := map[string]struct {
		query history.RangeQuery
		want  []uint64
		more  bool
	}{
		"span":              {history.RangeQuery{Instrument: 1, From: at(10), To: at(16)}, every(10, 13), false},
		"one nanosecond":    {history.RangeQuery{Instrument: 1, From: at(13), To: at(13) + 1}, every(13), false},
		"empty span":        {history.RangeQuery{Instrument: 1, From: at(13), To: at(13)}, nil, false},
		"between":           {history.RangeQuery{Instrument: 1, From: at(11), To: at(13)}, nil, false},
		"wrong way round":   {history.RangeQuery{Instrument: 1, From: at(16), To: at(10)}, nil, false},
		"other instrument":  {history.RangeQuery{Instrument: 2, From: at(10), To: at(16)}, every(11, 14), false},
		"unused instrument": {history.RangeQuery{Instrument: 3, From: 0, To: math.MaxInt64}, nil, false},
		"first page":        {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Limit: 3}, every(10, 13)[:3], true},
		"after one":         {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Limit: 3, After: id(7, 10)}, every(10, 13)[3:6], true},
		"exactly the rest":  {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Limit: 3, After: id(1<<31, 10)}, every(10, 13)[5:], false},
		"after the last":    {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), After: id(math.MaxUint32, 13)}, nil, false},
		"after all ids":     {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), After: math.MaxUint64}, nil, false},
		"one customer":      {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Customer: 6}, every(10, 13)[:2], false},
		"its second page":   {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Customer: 1 << 31, After: id(1<<31, 10)}, every(10, 13)[5:6], false},
		"after its last":    {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Customer: 6, After: id(6, math.MaxUint32)}, nil, false},
		"nobody's":          {history.RangeQuery{Instrument: 1, From: at(10), To: at(16), Customer: 5}, nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, more, err := s.RangeExecutions(t.Context(), c.query)
			var got []uint64
			for _, e := range page {
				if e.Busted != (e.ID == id(7, 13)) {
					t.Fatalf("busted: %+v", e)
				}
				got = append(got, e.ID)
			}
			if err != nil || more != c.more || !slices.Equal(got, c.want) {
				t.Fatalf("%x, more %v, %v; want %x, %v", got, more, err, c.want, c.more)
			}
		})
	}
	t.Run("pages join", func(t *testing.T) {
		var got []uint64
		q := history.RangeQuery{Instrument: 1, To: math.MaxInt64, Limit: 5}
		for more := true; more; {
			var page []history.Execution
			var err error
			page, more, err = s.RangeExecutions(t.Context(), q)
			must(t, err)
			for _, e := range page {
				got = append(got, e.ID)
			}
			q.After = got[len(got)-1]
		}
		if want := every(1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40); !slices.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}

func TestRangeExecutionsDamaged(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 10)
	alter(t, path, "UPDATE executions SET blob_checksum = blob_checksum + 1")
	if _, _, err := s.RangeExecutions(t.Context(), history.RangeQuery{Instrument: 1, To: math.MaxInt64}); !errors.Is(err, history.ErrDamaged) {
		t.Fatalf("%v, want ErrDamaged", err)
	}
}
