package history_test

import (
	"os"
	"testing"

	"holdfast/biz/history"
)

// TestOlderFile: the file is from a server whose orders had no placed quantity. They read as before, and
// stay without; an order that comes now has one.
func TestOlderFile(t *testing.T) {
	path := newPath(t)
	bytes, err := os.ReadFile("testdata/schema3.db")
	must(t, err)
	must(t, os.WriteFile(path, bytes, 0o600))
	const customer, resting = 100_010, 4
	for round := range 2 {
		s, err := history.Open(t.Context(), history.Options{Path: path})
		must(t, err)
		must(t, s.Verify(t.Context()))
		o, found, err := s.Order(t.Context(), id(customer, resting))
		if err != nil || !found || o.Quantity != 200+int64(round) || o.Filled != 40 || o.PlacedQuantity != 0 {
			t.Fatalf("%+v, %v, %v", o, found, err)
		}
		progress, err := s.Progress(t.Context())
		must(t, err)
		added := madeOrder(customer, uint32(100+round))
		o.Event++
		o.Quantity++
		must(t, s.Begin(t.Context()))
		must(t, s.PutOrder(&o))
		must(t, s.PutOrder(&added))
		must(t, s.Commit(progress+1, 0))
		got, found, err := s.Order(t.Context(), added.ID)
		if err != nil || !found || got != added {
			t.Fatalf("%+v, %v, %v\nwant %+v", got, found, err, added)
		}
		must(t, s.Close())
	}
}

// TestFileWithoutAudit: the file is from a server that recorded no commands of operators. It has what
// it had, and takes audits from now on.
func TestFileWithoutAudit(t *testing.T) {
	path := newPath(t)
	bytes, err := os.ReadFile("testdata/schema4.db")
	must(t, err)
	must(t, os.WriteFile(path, bytes, 0o600))
	const customer = 100_010
	for round := range uint64(2) {
		s, err := history.Open(t.Context(), history.Options{Path: path})
		must(t, err)
		must(t, s.Verify(t.Context()))
		resting, found, err := s.Order(t.Context(), id(customer, 2))
		if err != nil || !found || resting.PlacedQuantity != 200 || resting.Price != 95_000 {
			t.Fatalf("%+v, %v, %v", resting, found, err)
		}
		executions, _, err := s.Executions(t.Context(), history.Query{Customer: customer})
		if err != nil || len(executions) != 3 || !executions[2].Busted || executions[2].BustReason != "typo" {
			t.Fatalf("%+v, %v", executions, err)
		}
		list, more, err := s.Audits(t.Context(), history.AuditQuery{})
		if err != nil || more || len(list) != int(round) {
			t.Fatalf("%+v, %v, %v", list, more, err)
		}
		progress, err := s.Progress(t.Context())
		must(t, err)
		must(t, s.Begin(t.Context()))
		must(t, s.InsertAudit(&history.Audit{Number: 10 + round, Command: "deposit"}))
		must(t, s.Commit(progress+1, 0))
		must(t, s.Close())
	}
}
