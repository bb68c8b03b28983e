package server_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

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
// `holdfast journal verify`.
func TestDataOfEarlierServers(t *testing.T) {
	for name, state := range map[string]string{
		"73e8446-stopped": "55b3d966c040e813ee7a7ab5532c6110e7dd98f9a156d1aa43006f712ba56952",
		"73e8446-killed":  "99bca3a943a55c419bf7fd6da5ebd6a720b4790793f92c4ea8248198f1168f1d",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, filepath.Join("testdata", name+".tar.gz"), dir)
			shipped, err := seed.Default()
			must(t, err)
			s, err := server.Start(t.Context(), server.Config{
				Data: dir, Seed: shipped, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
			})
			must(t, err)
			hash := s.Desk.StateHash()
			if got := hex.EncodeToString(hash[:]); got != state {
				t.Errorf("state %s, want %s", got, state)
			}
			for _, a := range s.Desk.Accounts() {
				allExecutions(t, s.Desk, a)
			}
			must(t, s.Stop())
		})
	}
}

// allExecutions checks that the history, read in pages, has every execution of an account.
func allExecutions(t *testing.T, d *desk.Desk, a *desk.Account) {
	t.Helper()
	var last uint32
	a.View(func(l *ledger.Account) { last = l.LastExecution() })
	seen := uint32(0)
	for query, more := (desk.Query{Limit: 2}), true; more; {
		page, further, err := d.Executions(t.Context(), a, query)
		must(t, err)
		for _, x := range page {
			if seen++; x.ID != ledger.NewExecutionID(a.Customer(), last+1-seen) {
				t.Fatalf("customer %d: execution %s as the newest but %d of %d", a.Customer(), x.ID, seen-1, last)
			}
			query.Before = x.ID
		}
		more = further
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
