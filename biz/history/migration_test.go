package history_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/history"
)

// oldRows is how many executions testdata/schema1.db has of each of the customers 7, 8 and 9:
// those of made. Executions 12 and 13 of customer 7 are busted. The last release with schema
// version 1 has written it.
const oldRows = 40

// oldCopy returns the path of a copy of testdata/schema1.db.
func oldCopy(t *testing.T) string {
	t.Helper()
	old, err := os.ReadFile("testdata/schema1.db")
	must(t, err)
	path := newPath(t)
	must(t, os.WriteFile(path, old, 0o600))
	return path
}

// oldContent is what is in testdata/schema1.db of customer 7.
func oldContent() content {
	want := content{states: map[uint32]string{7: "seven", 8: "eight"}, from: 2, progress: 2}
	for n := uint32(oldRows); n > 0; n-- {
		e := made(7, n)
		switch n {
		case 12:
			e.Busted, e.BustReason, e.BustTime = true, "mistaken price", 42
		case 13:
			e.Busted, e.BustTime = true, 43
		}
		want.executions = append(want.executions, e)
	}
	return want
}

func TestMigration(t *testing.T) {
	path := oldCopy(t)
	var log bytes.Buffer
	for range 2 {
		s, err := history.Open(t.Context(), history.Options{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		must(t, err)
		must(t, s.Close())
	}
	if n := strings.Count(log.String(), "history brought to the new schema"); n != 1 {
		t.Errorf("%d migrations in 2 starts:\n%s", n, &log)
	}
	got, err := openAndRead(path)
	if want := oldContent(); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v\nwant %+v", got, err, want)
	}
	if got, want := schemaOf(t, path), schemaOf(t, emptyFile(t)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}

	s := open(t, path)
	if sum, ok, err := s.Checksum(t.Context()); sum != 22 || !ok || err != nil {
		t.Errorf("checksum %d, %v, %v", sum, ok, err)
	}
	must(t, s.Begin(t.Context()))
	e, o := madeTrade(7, oldRows+1), madeOrder(7, oldRows+1)
	must(t, s.Insert(&e.Fill))
	must(t, s.PutOrder(&o))
	must(t, s.Bust(id(7, 1), "r", 44))
	must(t, s.Correct(id(7, 2), e.ID, "r", 45))
	must(t, s.Commit(3, 0))
	list := all(t, s, history.Query{Customer: 7})
	if len(list) != oldRows+1 || list[0] != e || list[oldRows].BustTime != 44 || list[oldRows-1].CorrectedBy != e.ID {
		t.Errorf("%+v after new rows", list)
	}
	if got, ok, err := s.Order(t.Context(), o.ID); got != o || !ok || err != nil {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	must(t, s.Verify(t.Context()))
}

func emptyFile(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	must(t, open(t, path).Close())
	return path
}

// schemaOf returns all columns of all tables and views, and the numbers in the header.
func schemaOf(t *testing.T, path string) string {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	must(t, err)
	defer conn.Close()
	var text strings.Builder
	for _, query := range []string{
		"SELECT s.type, s.name, c.name, c.type, c.[notnull], c.dflt_value, c.pk FROM sqlite_schema AS s, pragma_table_info(s.name) AS c ORDER BY s.name, c.cid",
		"SELECT name, strict, wr FROM pragma_table_list ORDER BY name",
		"SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name",
		"PRAGMA application_id",
		"PRAGMA user_version",
	} {
		must(t, sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(row *sqlite.Stmt) error {
			for i := range row.ColumnCount() {
				text.WriteString(row.ColumnText(i) + " ")
			}
			text.WriteByte('\n')
			return nil
		}}))
	}
	return text.String()
}

// A byte that was altered before the migration is either found, at once or by a read, or has no
// effect.
func TestMigrationOfAlteredByte(t *testing.T) {
	whole, err := os.ReadFile("testdata/schema1.db")
	must(t, err)
	path, want := newPath(t), oldContent()
	const header, step = 100, 97
	found := 0
	for at := range whole {
		if at > header && at%step != 0 {
			continue
		}
		altered := bytes.Clone(whole)
		altered[at] ^= 0x55
		must(t, history.Remove(path))
		must(t, os.WriteFile(path, altered, 0o600))
		got, err := openAndRead(path)
		if err != nil {
			found++
			if at == 18 && sqlite.ErrCode(err) == sqlite.ResultReadOnly {
				continue // this byte says that a newer SQLite must write the file
			}
			if !errors.Is(err, history.ErrDamaged) && !errors.Is(err, history.ErrVersion) {
				t.Errorf("byte %d: %v, want ErrDamaged", at, err)
			}
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d: altered content was served", at)
		}
	}
	if found == 0 {
		t.Fatal("no damage was found")
	}
}

// A value that was altered before the migration is found after it.
func TestMigrationOfAlteredRow(t *testing.T) {
	for name, text := range map[string]string{
		"price":          "UPDATE execution SET price = price + 1 WHERE id & 4294967295 = 5",
		"time of a bust": "UPDATE bust SET time = time + 1",
	} {
		t.Run(name, func(t *testing.T) {
			path := oldCopy(t)
			alter(t, path, text)
			s := open(t, path)
			if _, _, err := s.Executions(t.Context(), history.Query{Customer: 7}); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("Executions: %v, want ErrDamaged", err)
			}
			if err := s.Verify(t.Context()); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("Verify: %v, want ErrDamaged", err)
			}
		})
	}
}

// A migration that fails at its end changes nothing.
func TestMigrationUndone(t *testing.T) {
	path := oldCopy(t)
	alter(t, path, "DROP VIEW executions; CREATE TABLE orders (a);")
	before := schemaOf(t, path)
	if s, err := history.Open(t.Context(), history.Options{Path: path}); !errors.Is(err, history.ErrDamaged) {
		_ = s.Close()
		t.Fatalf("%v, want ErrDamaged", err)
	}
	if after := schemaOf(t, path); after != before {
		t.Errorf("%s\nwant\n%s", after, before)
	}
}
