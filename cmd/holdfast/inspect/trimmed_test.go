package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/cmd/holdfast/inspect"
)

// trimmed returns a data folder whose journal has several block files, without the first of
// them, and the number of its first batch.
func trimmed(t *testing.T) (data string, first uint64) {
	t.Helper()
	data = write(t, shippedSeed(t), nil)
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(data, "journal")})
	must(t, err)
	c := journal.NewCommitter(j, func() nothing { return nothing{} }, journal.CommitterOptions{OnFailure: func(err error) { t.Error(err) }})
	commit := c.Begin()
	prices := make([]desk.InstrumentPrice, 1000)
	for n := range 6000 {
		commit.Record(marketEvent(desk.MarketPriced, int64(n)+1, prices...))
	}
	c.End()
	must(t, c.Close(t.Context()))
	first, err = j.Trim(context.Background(), j.LastBatch())
	must(t, err)
	must(t, j.Close(t.Context()))
	if first == 1 {
		t.Fatal("nothing was trimmed")
	}
	return data, first
}

// TestTrimmedJournal verifies, measures and dumps a trimmed journal that has no checkpoint.
func TestTrimmedJournal(t *testing.T) {
	data, first := trimmed(t)
	s := shippedSeed(t)
	if _, err := inspect.Verify(t.Context(), data, s, unseen); !errors.Is(err, inspect.ErrNoStart) {
		t.Error(err)
	}
	m, err := inspect.Measure(t.Context(), data, unseen)
	must(t, err)
	if m.FirstBatch != first || m.Batches == 0 || m.MarketEvents != m.Records || !strings.Contains(m.String(), fmt.Sprintf("batch %d: those", first)) {
		t.Errorf("%v", m)
	}
	dumped := uint64(0)
	must(t, inspect.Dump(t.Context(), data, s, inspect.Query{From: 1, To: math.MaxUint64}, func(r inspect.Record) error {
		if r.Batch < first {
			t.Fatalf("batch %d was trimmed", r.Batch)
		}
		dumped++
		return nil
	}))
	if dumped != m.Records {
		t.Errorf("%d of %d records", dumped, m.Records)
	}
}
