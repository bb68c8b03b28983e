package main_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parquet-go/parquet-go"

	"holdfast/biz/client"
	main "holdfast/cmd/holdfast"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestExport exports from a running server, and the same from the folder once it has stopped.
func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	c := loggedIn(t, server.addr, 100001)
	order(t, c, client.Order{Side: client.Buy, Quantity: 200})
	order(t, c, client.Order{Side: client.Buy, Quantity: 100, Price: 1_0000})
	order(t, loggedIn(t, server.addr, 100002), client.Order{Side: client.Buy, Quantity: 300})
	out := t.TempDir()
	file := func(name string) string { return filepath.Join(out, name) }
	for _, from := range []struct {
		name string
		args []string
		stop bool
	}{{"server", []string{"--addr", server.addr}, false}, {"folder", []string{"--data", dir}, true}} {
		if from.stop {
			server.stop()
		}
		export := func(args ...string) (int, string, string) {
			return run(t, append(append([]string{"export"}, args...), from.args...)...)
		}
		code, stdout, stderr := export("executions", "--customer", "100001")
		if code != 0 || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "100001-1,100001-1,100001,,buy,ALFA,600100,200,") || stderr != "  exported: 1 execution\n" {
			t.Errorf("%s: code %d, %q, %q", from.name, code, stdout, stderr)
		}
		code, stdout, _ = export("orders", "--customer", "100001", "--status", "working", "--format", "jsonl")
		if code != 0 || strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, `"status":"ORDER_STATUS_NEW"`) {
			t.Errorf("%s: code %d, %q", from.name, code, stdout)
		}
		code, stdout, stderr = export("executions", "--all-customers", "--format", "parquet", "--out", file(from.name+".parquet"))
		if code != 0 || stdout != "  exported: 2 executions to "+file(from.name+".parquet")+"\n" {
			t.Errorf("%s: code %d, %q, %q", from.name, code, stdout, stderr)
		}
		text, err := os.ReadFile(file(from.name + ".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text))); err != nil || f.NumRows() != 2 {
			t.Errorf("%s: %v", from.name, err)
		}
		code, _, _ = export("positions", "--all-customers", "--instrument", "ALFA/600100", "--out", file(from.name+".csv"))
		if code != 0 {
			t.Errorf("%s: positions: code %d", from.name, code)
		}
		code, _, stderr = export("positions", "--all-customers", "--out", file(from.name+".csv"))
		if code != 1 || !strings.Contains(stderr, "exists; add --force to replace it") {
			t.Errorf("%s: an existing file: code %d, %q", from.name, code, stderr)
		}
		if code, _, _ = export("positions", "--all-customers", "--force", "--out", file(from.name+".csv")); code != 0 {
			t.Errorf("%s: --force: code %d", from.name, code)
		}
		if code, _, stderr = export("orders", "--all-customers", "--out", "/dev/full"); code != 1 || !strings.Contains(stderr, "/dev/full: no space left on the device") {
			t.Errorf("%s: a full disk: code %d, %q", from.name, code, stderr)
		}
		if code, _, stderr = export("executions", "--customer", "100001", "--instrument", "ALFA/1"); code != 1 || !strings.Contains(stderr, "unknown instrument") {
			t.Errorf("%s: an unknown instrument: code %d, %q", from.name, code, stderr)
		}
	}
	for _, suffix := range []string{".parquet", ".csv"} { // the same rows from both
		a, _ := os.ReadFile(file("server" + suffix))
		b, _ := os.ReadFile(file("folder" + suffix))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d bytes from the server, other %d from the folder", suffix, len(a), len(b))
		}
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 4 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestExportUsage: mistakes on the command line are found before anything starts.
func TestExportUsage(t *testing.T) {
	for args, want := range map[string]string{
		"executions": "name one --customer, or --all-customers",
		"executions --customer 100001 --all-customers":                                       "name one --customer, or --all-customers",
		"executions --customer 100001 --from 2026-01-05T00:00:00Z --to 2026-01-05T00:00:00Z": "--from must be before --to",
		"executions --customer 100001 --status open":                                         "--status wants one of standing, busted",
		"orders --customer 100001 --status filled,open":                                      "--status wants some of working, new",
		"orders --customer 100001 --side up":                                                 "--side wants one of buy, sell",
		"positions --customer 100001 --format xml":                                           "--format wants one of csv, jsonl, parquet",
		"positions --customer 100001 --data x --operator 900001":                             "--operator is for a running server",
		"positions --customer 100001 --data x --history-url mysql://h/d":                     "--history-url wants a URL",
		"positions --customer 100001 --seed-file x":                                          "--seed-file and --history-url need --data",
	} {
		code, stdout, stderr := run(t, append([]string{"export"}, strings.Fields(args)...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	code, _, stderr := run(t, "export", "positions", "--all-customers", "--out", filepath.Join(t.TempDir(), "none", "x.csv"))
	if code != 1 || !strings.HasSuffix(stderr, "create it, or choose another path\n") {
		t.Errorf("a file in no folder: code %d, %q", code, stderr)
	}
	if code, _, stderr := run(t, "export", "positions", "--all-customers", "--data", t.TempDir()); code != 1 || !strings.Contains(stderr, "no server has stored anything there") {
		t.Errorf("an empty folder: code %d, %q", code, stderr)
	}
}

// TestExportExternalJournal: without a journal in the folder it says what to do, and makes none.
func TestExportExternalJournal(t *testing.T) {
	dir := traded(t)
	if err := os.RemoveAll(filepath.Join(dir, "journal", "jetstream")); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "export", "executions", "--all-customers", "--data", dir)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "on external servers (journal_url), not in the folder: start the server and export from it, with --addr") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "journal", "jetstream")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a new journal: %v", err)
	}
}

// TestExportInterrupted: Ctrl-C between two pages leaves no half file, and an earlier file as it was.
func TestExportInterrupted(t *testing.T) {
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		ctx, cancel := context.WithCancel(t.Context())
		var pages atomic.Int32
		addr := badAcker(t, func(m codec.Message) []byte {
			switch m.Command {
			case codec.CommandLogin:
				return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{Customer: 100001}})
			case codec.CommandHistory:
				if pages.Add(1) > 1 {
					cancel()
					return nil
				}
				reply := &pb.HistoryReply{More: true}
				for n := range uint64(1000) {
					reply.Executions = append(reply.Executions, &pb.Execution{
						ExecutionId: 100001<<32 | (1001 - n), OrderId: 100001<<32 | (1001 - n), Customer: 100001, Market: "ALFA", Code: "600100", Side: pb.Side_SIDE_BUY, Quantity: 1, Price: 1,
					})
				}
				return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, reply)
			}
			return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil)
		})
		dir := t.TempDir()
		out := filepath.Join(dir, "executions")
		if err := os.WriteFile(out, []byte("earlier"), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		p := &main.Program{Args: []string{"export", "executions", "--addr", addr, "--customer", "100001", "--format", format, "--out", out, "--force"}, Stdout: &stdout, Stderr: &stderr}
		if code := p.Run(ctx); code != 130 || stdout.String() != "" || stderr.String() != "" || pages.Load() != 2 {
			t.Errorf("%s: code %d after %d pages, %q, %q", format, code, pages.Load(), &stdout, &stderr)
		}
		if text, err := os.ReadFile(out); err != nil || string(text) != "earlier" {
			t.Errorf("%s: the file has %q, %v", format, text, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: left %v, %v", format, left, err)
		}
		cancel()
	}
}
