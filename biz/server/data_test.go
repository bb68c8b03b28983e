package server_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// TestDataOfEarlierServers starts on data folders of earlier servers: accounts and history
// are the same as there. Each folder was written by the server of the revision in its name,
// with the shipped seed and `holdfast scenario`; the hashes are from its
// `holdfast journal verify`. Those of a819a6c were written by orders and busts of three
// customers, the killed one after a restart. From then on the seed file may change.
func TestDataOfEarlierServers(t *testing.T) {
	for name, state := range map[string]string{
		"73e8446-stopped": "55b3d966c040e813ee7a7ab5532c6110e7dd98f9a156d1aa43006f712ba56952",
		"73e8446-killed":  "99bca3a943a55c419bf7fd6da5ebd6a720b4790793f92c4ea8248198f1168f1d",
		"b799a68-stopped": "45baccdf5a2c0716fda891cdb35f6c0c330093576c5a4e3f6e5fea4f974bf93f",
		"b799a68-killed":  "ca77aef92bd2eace342fd0edf7bacc1fca4e66f14d93101c7165c9d73edd8795",
		"a819a6c-stopped": "0c01e7ed815064be3b4e81c17c8189d72e517afaf9672b69363c2aa9ab71c655",
		"a819a6c-killed":  "05432514bc7330649d36cea58a90b408b6bb29303ecef7cd9ea09b7dfaf7da51",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, filepath.Join("testdata", name+".tar.gz"), dir)
			shipped, err := seed.Default()
			must(t, err)
			renamed := renamedSeed(t)
			if !strings.HasPrefix(name, "a819a6c") { // the others have no instruments and customers in the journal
				if _, err := start(t, dir, renamed); !errors.Is(err, desk.ErrForeignData) || !strings.Contains(err.Error(), hex.EncodeToString(shipped.SHA256[:])) {
					t.Errorf("the first start with a changed seed: %v", err)
				}
			}
			for _, with := range []*seed.Seed{shipped, renamed, shipped} {
				s, err := start(t, dir, with)
				must(t, err)
				if got := earlyHash(t, s.Desk); got != state {
					t.Errorf("state %s, want %s", got, state)
				}
				for _, a := range s.Desk.Accounts() {
					allExecutions(t, s.Desk, a)
				}
				must(t, s.Stop())
			}
		})
	}
}

// TestHistoryOfAnotherJournalIsRebuilt copies the history of another data folder into one: the
// server must not believe it.
func TestHistoryOfAnotherJournalIsRebuilt(t *testing.T) {
	const state = "45baccdf5a2c0716fda891cdb35f6c0c330093576c5a4e3f6e5fea4f974bf93f" // as above
	dir, other := t.TempDir(), t.TempDir()
	unpack(t, filepath.Join("testdata", "b799a68-stopped.tar.gz"), dir)
	unpack(t, filepath.Join("testdata", "73e8446-stopped.tar.gz"), other)
	shipped, err := seed.Default()
	must(t, err)
	s, err := start(t, other, shipped)
	must(t, err)
	for s.Desk.HistoryBehind() > 0 { // until it says which journal it is from
		time.Sleep(time.Millisecond)
	}
	must(t, s.Stop())
	must(t, os.Rename(filepath.Join(other, "history.db"), filepath.Join(dir, "history.db")))
	s, err = start(t, dir, shipped)
	must(t, err)
	if got := earlyHash(t, s.Desk); got != state {
		t.Errorf("state %s, want %s", got, state)
	}
	for _, a := range s.Desk.Accounts() {
		allExecutions(t, s.Desk, a)
	}
	must(t, s.Stop())
}

func start(t *testing.T, dir string, with *seed.Seed) (*server.Server, error) {
	return server.Start(t.Context(), server.Config{
		Data: dir, Seed: with, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
	})
}

// renamedSeed returns the shipped seed with another name of an instrument.
func renamedSeed(t *testing.T) *seed.Seed {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "seed", "default.json"))
	must(t, err)
	s, err := seed.Parse("renamed.json", bytes.Replace(content, []byte("Northern Tin"), []byte("Southern Tin"), 1))
	must(t, err)
	return s
}

// TestNewHistoryFile: with the file in the data folder, one start makes a new identity of the history.
func TestNewHistoryFile(t *testing.T) {
	dir := t.TempDir()
	shipped, err := seed.Default()
	must(t, err)
	id := func() desk.HistoryID {
		s, err := start(t, dir, shipped)
		must(t, err)
		must(t, s.Stop())
		return s.Desk.HistoryID()
	}
	first := id()
	if id() != first {
		t.Error("a restart has another identity")
	}
	must(t, os.WriteFile(filepath.Join(dir, server.NewHistoryFile), nil, 0o600))
	second := id()
	if second == first || second == (desk.HistoryID{}) {
		t.Errorf("%x with the file, %x before", second, first)
	}
	if _, err := os.Stat(filepath.Join(dir, server.NewHistoryFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if id() != second {
		t.Error("the start after it has another identity")
	}
}

// allExecutions checks that the history, read in pages, has every execution of an account.
func allExecutions(t *testing.T, d *desk.Desk, a *desk.Account) {
	t.Helper()
	var last uint32
	a.View(func(l *ledger.Account) { last = l.LastExecution() })
	seen := uint32(0)
	for query, more := (desk.Query{Limit: 2}), true; more; more = query.Before != 0 {
		page, next, err := d.Executions(t.Context(), a, query)
		must(t, err)
		for _, x := range page {
			if seen++; x.ID != ledger.NewExecutionID(a.Customer(), last+1-seen) {
				t.Fatalf("customer %d: execution %s as the newest but %d of %d", a.Customer(), x.ID, seen-1, last)
			}
		}
		query.Before = next
	}
	if seen != last {
		t.Errorf("customer %d: %d executions of %d", a.Customer(), seen, last)
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	file, err := os.Open(archive)
	must(t, err)
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	must(t, err)
	for r := tar.NewReader(zipped); ; {
		entry, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(t, err)
		path := filepath.Join(dir, filepath.FromSlash(entry.Name))
		if entry.FileInfo().IsDir() {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, os.WriteFile(path, content, 0o600))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
