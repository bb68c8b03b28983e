package history_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/history"
)

// content is everything that a history returns.
type content struct {
	executions []history.Execution
	orders     []history.Order
	audits     []history.Audit
	progress   uint64
}

func writeContent(t *testing.T) (path string, want content) {
	t.Helper()
	path = newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 300)
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 12), "mistaken price", 42))
	must(t, s.Commit(2, 0))
	must(t, s.Begin(t.Context()))
	for n := uint32(301); n <= 400; n++ {
		e := madeTrade(7, n)
		must(t, s.Insert(&e.Fill))
		o := madeOrder(7, n)
		must(t, s.PutOrder(&o))
	}
	must(t, s.Correct(id(7, 301), id(7, 400), "mistaken quantity", 43))
	for n := range uint64(40) {
		a := history.Audit{Number: n + 1, Time: int64(n), Customer: 7, Name: "Seven", Address: "192.0.2.7:1", Command: "deposit", Text: strings.Repeat("amount=1 ", 9), Result: "OK"}
		must(t, s.InsertAudit(&a))
	}
	must(t, s.Commit(3, 0))
	want, err := readContent(s)
	must(t, err)
	must(t, s.Close())
	return path, want
}

func readContent(s *history.Store) (c content, err error) {
	if c.executions, err = readAll(s, history.Query{Customer: 7}); err != nil {
		return c, err
	}
	if c.orders, err = s.OrderRows(context.Background(), 7); err != nil {
		return c, err
	}
	if c.audits, _, err = s.Audits(context.Background(), history.AuditQuery{}); err != nil {
		return c, err
	}
	c.progress, err = s.Progress(context.Background())
	return c, err
}

// openAndRead opens and reads the history like a starting server, and verifies the entire
// file.
func openAndRead(path string) (content, error) {
	s, err := history.Open(context.Background(), history.Options{Path: path})
	if err != nil {
		return content{}, err
	}
	defer s.Close()
	if err := errors.Join(s.Verify(context.Background()), s.Begin(context.Background()), s.Rollback()); err != nil {
		return content{}, err
	}
	return readContent(s)
}

// An altered byte is either found or has no effect.
func TestAlteredByte(t *testing.T) {
	path, want := writeContent(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	const header, step = 100, 199
	found, tried := 0, 0
	for at := range whole {
		if at > header && at%step != 0 {
			continue
		}
		tried++
		altered := bytes.Clone(whole)
		altered[at] ^= 0x55
		must(t, history.Remove(path))
		must(t, os.WriteFile(path, altered, 0o600))
		got, err := openAndRead(path)
		if err != nil {
			found++
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
	t.Logf("%d of %d bytes had an effect", found, tried)
}

func TestTruncated(t *testing.T) {
	path, want := writeContent(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	for _, size := range []int{15, 99, 100, 512, 4095, 4096, 4097, 8192, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		must(t, history.Remove(path))
		must(t, os.WriteFile(path, whole[:size], 0o600))
		got, err := openAndRead(path)
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%d of %d bytes: other content was served", size, len(whole))
		}
		if err != nil && !errors.Is(err, history.ErrDamaged) {
			t.Errorf("%d of %d bytes: %v, want ErrDamaged", size, len(whole), err)
		}
		if err == nil && size < len(whole)-4096 {
			t.Errorf("%d of %d bytes: not found", size, len(whole))
		}
	}
}

func TestRefusedAtOpen(t *testing.T) {
	script := func(text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
			must(t, err)
			must(t, sqlitex.ExecuteScript(conn, text, nil))
			must(t, conn.Close())
		}
	}
	ours := func(text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			must(t, open(t, path).Close())
			script(text)(t, path)
		}
	}
	copied := func(name string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			bytes, err := os.ReadFile("testdata/" + name)
			must(t, err)
			must(t, os.WriteFile(path, bytes, 0o600))
		}
	}
	cases := map[string]struct {
		make func(t *testing.T, path string)
		want error
		text string
	}{
		"text": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
		}, history.ErrDamaged, "not a database"},
		"database of another program":        {script("CREATE TABLE t (a); PRAGMA application_id = 1234; PRAGMA user_version = 1;"), history.ErrDamaged, "not a holdfast history"},
		"database without an id":             {script("CREATE TABLE t (a);"), history.ErrDamaged, "not a holdfast history"},
		"newer version":                      {ours("PRAGMA user_version = 6;"), history.ErrVersion, "the file has 6, this release reads 3 to 5"},
		"altered version":                    {ours("PRAGMA user_version = 0;"), history.ErrVersion, "the file has 0"},
		"first version":                      {copied("schema1.db"), history.ErrVersion, "the file has 1"},
		"second version":                     {copied("schema2.db"), history.ErrVersion, "the file has 2"},
		"table gone":                         {ours("DROP TABLE bust;"), history.ErrDamaged, "5 tables instead of 6"},
		"another table in its place":         {ours("DROP TABLE bust; CREATE TABLE bust (a);"), history.ErrDamaged, "bust"},
		"progress that is not written by us": {ours("INSERT INTO meta VALUES ('progress', '7', 0);"), history.ErrDamaged, "progress"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			c.make(t, path)
			s, err := history.Open(t.Context(), history.Options{Path: path})
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), path) {
				t.Fatalf("%v\nwant %v with %q and the path", err, c.want, c.text)
			}
			must(t, history.Remove(path))
			must(t, open(t, path).Close())
		})
	}
}

// Damage that happens while the store is open is reported by the query that reads it, and
// by Verify.
func TestAlteredRow(t *testing.T) {
	cases := map[string]string{
		"blob":             "UPDATE executions SET executions = CAST(substr(executions, 1, 20) || 'x' || substr(executions, 22) AS BLOB)",
		"longer blob":      "UPDATE executions SET executions = CAST(executions || 'x' AS BLOB)",
		"no blob":          "UPDATE executions SET executions = x''",
		"key":              "UPDATE executions SET first = first + 1",
		"key of another":   "UPDATE executions SET first = first + 1 << 32",
		"last":             "UPDATE executions SET last = last + 1",
		"last too small":   "UPDATE executions SET last = last - 1",
		"previous":         "UPDATE executions SET previous = 1",
		"previous large":   "UPDATE executions SET previous = previous + (1 << 32)",
		"lowest time":      "UPDATE executions SET time_from = time_from - 1",
		"highest time":     "UPDATE executions SET time_to = time_to + 1",
		"checksum":         "UPDATE executions SET checksum = checksum + 1",
		"large checksum":   "UPDATE executions SET blob_checksum = blob_checksum + (1 << 32)",
		"reason":           "UPDATE bust SET reason = 'other'",
		"time of the bust": "UPDATE bust SET time = 0",
		"other one busted": "UPDATE bust SET execution = execution + 2 WHERE corrected_by IS NULL",
		"corrected by":     "UPDATE bust SET corrected_by = corrected_by + 1 WHERE corrected_by IS NOT NULL",
		"only busted":      "UPDATE bust SET corrected_by = NULL",
		"bust corrected":   "UPDATE bust SET corrected_by = 1 WHERE corrected_by IS NULL",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			project(t, s, 1, 7, 1, 10)
			must(t, s.Begin(t.Context()))
			must(t, s.Bust(id(7, 3), "r", 9))
			e := madeTrade(7, 11)
			must(t, s.Insert(&e.Fill))
			must(t, s.Correct(id(7, 4), e.ID, "r", 9))
			must(t, s.Commit(2, 0))
			must(t, s.Verify(t.Context()))

			alter(t, path, text)
			if _, _, err := s.Executions(t.Context(), history.Query{Customer: 7}); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("Executions: %v, want ErrDamaged", err)
			}
			if err := s.Verify(t.Context()); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("Verify: %v, want ErrDamaged", err)
			}
		})
	}
}

// TestMissingRows: executions that are gone are noticed by what is before and after them, and
// by their busts.
func TestMissingRows(t *testing.T) {
	for name, text := range map[string]string{
		"first chunk":      "DELETE FROM executions WHERE first = (SELECT min(first) FROM executions)",
		"chunk in between": "DELETE FROM executions WHERE previous > 300 AND previous < 500",
		"busted chunk":     "DELETE FROM executions WHERE first = (SELECT max(first) FROM executions)",
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			project(t, s, 1, 7, 1, 1000)
			must(t, s.Begin(t.Context()))
			must(t, s.Bust(id(7, 1000), "r", 9))
			must(t, s.Commit(2, 0))
			must(t, s.Verify(t.Context()))
			alter(t, path, text)
			if _, err := readAll(s, history.Query{Customer: 7}); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("newest first: %v, want ErrDamaged", err)
			}
			err := s.EachExecution(t.Context(), 7, func(*history.Execution) error { return nil })
			if !errors.Is(err, history.ErrDamaged) && name != "first chunk" {
				t.Errorf("oldest first: %v, want ErrDamaged", err)
			}
		})
	}
}

// A missing newest chunk, which leaves no trace in the others, is found when the customer has the
// next execution.
func TestMissingNewestChunk(t *testing.T) {
	for name, chunks := range map[string]string{"newest": "first = (SELECT max(first) FROM executions)", "all": "true"} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			project(t, s, 1, 7, 1, 500)
			must(t, s.Close())
			alter(t, path, "DELETE FROM executions WHERE "+chunks)
			s = open(t, path)
			must(t, s.Begin(t.Context()))
			e := made(7, 501)
			must(t, s.Insert(&e.Fill))
			if err := s.Commit(2, 0); !errors.Is(err, history.ErrDamaged) {
				t.Fatalf("%v, want ErrDamaged", err)
			}
			must(t, s.Close())
			if _, err := history.Open(t.Context(), history.Options{Path: path}); !errors.Is(err, history.ErrDamaged) {
				t.Fatalf("%v at the next start, want ErrDamaged", err)
			}
		})
	}
}

// TestLengthenedClientOrderID: more bytes than a client order id can have are not cut off.
func TestLengthenedClientOrderID(t *testing.T) {
	for _, table := range []string{"orders"} {
		t.Run(table, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			must(t, s.Begin(t.Context()))
			e, o := made(7, 1), madeOrder(7, 1)
			copy(e.ClientOrderID[:], strings.Repeat("x", history.ClientOrderIDSize))
			o.ClientOrderID = e.ClientOrderID
			must(t, s.Insert(&e.Fill))
			must(t, s.PutOrder(&o))
			must(t, s.Commit(1, 0))
			must(t, s.Verify(t.Context()))
			alter(t, path, "UPDATE "+table+" SET client_order_id = CAST(client_order_id || 'y' AS BLOB)")
			if err := s.Verify(t.Context()); !errors.Is(err, history.ErrDamaged) {
				t.Fatalf("%v, want ErrDamaged", err)
			}
		})
	}
}

// alter changes the file like a failing disk: without new checksums.
func alter(t *testing.T, path, script string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.ExecuteScript(conn, script, nil))
	must(t, conn.Close())
}
