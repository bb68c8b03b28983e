package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// openings is the first byte of a record that defines customers.
const openings = 4

// grow adds about that many bytes to the journal of a stopped server that change nothing: it
// defines its customers again and again.
func grow(t *testing.T, dir string, size int) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	var definition []byte
	must(t, j.Replay(t.Context(), j.FirstBatch(), func(_ journal.Position, record []byte) error {
		if record[0] == openings {
			definition = bytes.Clone(record)
		}
		return nil
	}))
	if definition == nil {
		t.Fatal("no definition of customers")
	}
	c := journal.NewCommitter(j, func() held { return held{} }, journal.CommitterOptions{})
	for ; size > 0; size -= len(definition) {
		c.Begin().Record(definition)
		c.End()
	}
	must(t, c.Close(context.Background()))
	must(t, j.Close(context.Background()))
}

type held struct{}

func (held) Release()       {}
func (held) Abandon()       {}
func (held) SizeBytes() int { return 0 }

// tradedFolder returns the data folder of a stopped server with orders and one checkpoint.
func tradedFolder(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	shipped, err := seed.Default()
	must(t, err)
	started, err := start(t, dir, shipped)
	must(t, err)
	s := &earlyServer{Server: started, t: t, dir: dir}
	conn := s.login(holder)
	for n := range client.Quantity(20) {
		_, err := conn.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: keyOf("ALFA/600100"), Quantity: n + 1})
		must(t, err)
	}
	s.hasAll()
	must(t, s.Stop())
	return dir
}

// hasAll checks that the history has every execution.
func (s *earlyServer) hasAll() {
	s.t.Helper()
	for _, a := range s.Desk.Accounts() {
		allExecutions(s.t, s.Desk, a)
	}
}

// TestUnusableCheckpoints: of checkpoints that are damaged, or whose accounts are not those that
// were saved, the log says so; an older one is used, or the journal.
func TestUnusableCheckpoints(t *testing.T) {
	dir := tradedFolder(t)
	s := startEarly(t, dir, 2)
	older := s.Journal.LastBatch()
	_, err := s.login(holder).PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: keyOf("ALFA/600100"), Quantity: 7})
	must(t, err)
	state, newer := s.Desk.StateHash(), s.Journal.LastBatch()
	must(t, s.Stop())
	files, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*[0-9]"))
	must(t, err)
	if len(files) != 2 {
		t.Fatalf("checkpoints %v", files)
	}
	torn := func(t *testing.T, path string) { must(t, os.Truncate(path, 200)) }
	other := func(t *testing.T, path string) {
		c, unusable, err := checkpoint.Newest(filepath.Dir(path), batchOf(t, path)+1)
		must(t, errors.Join(append(unusable, err)...))
		w, err := checkpoint.Create(filepath.Dir(path), c.Point, c.Log)
		must(t, err)
		must(t, c.Sections(w.Add))
		_, err = w.Finish(checkpoint.End{Through: c.Through, Time: c.Time})
		must(t, err)
	}
	tornLog := func(t *testing.T, path string) { must(t, os.Truncate(path+".log", 10)) }
	otherLog := func(t *testing.T, path string) {
		content, err := os.ReadFile(path + ".log")
		must(t, err)
		content[len(content)/2] ^= 4
		must(t, os.WriteFile(path+".log", content, 0o600))
	}
	for name, tc := range map[string]struct {
		harm [2]func(*testing.T, string) // to the older one, to the newer one
		from uint64
	}{
		"none":            {[2]func(*testing.T, string){}, newer + 1},
		"newer torn":      {[2]func(*testing.T, string){nil, torn}, older + 1},
		"newer other":     {[2]func(*testing.T, string){nil, other}, older + 1},
		"newer log torn":  {[2]func(*testing.T, string){nil, tornLog}, older + 1},
		"newer log other": {[2]func(*testing.T, string){nil, otherLog}, older + 1},
		"both logs other": {[2]func(*testing.T, string){otherLog, otherLog}, 1},
		"both torn":       {[2]func(*testing.T, string){torn, torn}, 1},
		"both other":      {[2]func(*testing.T, string){other, other}, 1},
		"one of each":     {[2]func(*testing.T, string){torn, other}, 1},
		"older torn":      {[2]func(*testing.T, string){torn, nil}, newer + 1},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			must(t, os.CopyFS(copied, os.DirFS(dir)))
			for n, batch := range []uint64{older, newer} {
				if do := tc.harm[n]; do != nil {
					do(t, pathOf(copied, batch))
				}
			}
			s := startEarly(t, copied, 2)
			if s.from != tc.from || s.Desk.StateHash() != state {
				t.Errorf("started from batch %d, want %d, or with other accounts", s.from, tc.from)
			}
			s.hasAll()
			must(t, s.Stop())
		})
	}
}

// TestTrimmedDataFolder: a server trims its journal while it runs, and starts again from its
// checkpoint. Without what was trimmed, nothing is made up: the start is refused.
func TestTrimmedDataFolder(t *testing.T) {
	dir := tradedFolder(t)
	before := t.TempDir()
	must(t, os.CopyFS(before, os.DirFS(filepath.Join(dir, "checkpoints"))))
	grow(t, dir, 24<<20)
	s := startEarly(t, dir, 2)
	s.hasAll()
	state := s.Desk.StateHash()
	must(t, s.Stop())
	trimming := startTrimming(t, dir)
	deadline := time.After(time.Minute)
	for n := 0; trimming.Journal.FirstBatch() == 1; n++ {
		select {
		case <-deadline:
			t.Fatal("nothing was trimmed")
		case <-time.After(10 * time.Millisecond):
			must(t, trimming.Desk.Halt(t.Context(), []ledger.InstrumentID{0}, n%2 == 0, time.Now().UnixNano())) // a new batch, for a new checkpoint
		}
	}
	must(t, trimming.Stop())
	again := startEarly(t, dir, 2)
	if again.Desk.StateHash() != state {
		t.Error("other accounts after the trim")
	}
	again.hasAll()
	must(t, again.Stop())

	for name, tc := range map[string]struct {
		harm func(dir string) error
		want error
	}{
		"no checkpoint": {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "checkpoints")) }, desk.ErrNoCheckpoint},
		"checkpoint from before the trim": {func(dir string) error {
			checkpoints := filepath.Join(dir, "checkpoints")
			return errors.Join(os.RemoveAll(checkpoints), os.CopyFS(checkpoints, os.DirFS(before)))
		}, journal.ErrTrimmed},
		"no history": {func(dir string) error { removeHistory(t, dir); return nil }, desk.ErrHistoryLacks},
		"history damaged": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "history.db"), []byte("this is no database"), 0o600)
		}, desk.ErrHistoryLacks},
		"history of another": {func(dir string) error {
			removeHistory(t, dir)
			return os.WriteFile(filepath.Join(dir, "history.db"), otherHistory(t), 0o600)
		}, desk.ErrHistoryLacks},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			must(t, os.CopyFS(copied, os.DirFS(dir)))
			must(t, tc.harm(copied))
			shipped, err := seed.Default()
			must(t, err)
			_, err = start(t, copied, shipped)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), "backup") || strings.Contains(err.Error(), "nil") {
				t.Errorf("started with %v", err)
			}
			if _, err := os.Stat(filepath.Join(copied, "history.db")); name == "no history" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the refused start has made a history: %v", err)
			}
		})
	}
}

// TestTornBatchOfACheckpoint: a batch that a checkpoint has was acknowledged. If the disk has lost a
// part of it, the start is refused, and what is left of it stays for a repair.
func TestTornBatchOfACheckpoint(t *testing.T) {
	dir := tradedFolder(t)
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	before, err := j.Point(t.Context(), j.LastBatch()-1)
	must(t, errors.Join(err, j.Close(t.Context())))
	mark := binary.LittleEndian.AppendUint64([]byte("HFM\x01"), before.Batch) // as after a power cut
	mark = binary.LittleEndian.AppendUint32(mark, before.Checksum)
	mark = binary.LittleEndian.AppendUint32(mark, crc32.Checksum(mark, crc32.MakeTable(crc32.Castagnoli)))
	must(t, os.WriteFile(filepath.Join(dir, "journal", "mark"), append(mark, 0, 0, 0, 0), 0o600))
	blocks, err := filepath.Glob(filepath.Join(dir, "journal", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	must(t, err)
	content, err := os.ReadFile(blocks[0])
	must(t, err)
	content = content[:len(content)-20]
	must(t, os.WriteFile(blocks[0], content, 0o600))
	shipped, err := seed.Default()
	must(t, err)
	if _, err := start(t, dir, shipped); !errors.Is(err, desk.ErrForeignCheckpoint) {
		t.Errorf("started with %v", err)
	}
	if now, err := os.ReadFile(blocks[0]); err != nil || !bytes.Equal(now, content) {
		t.Errorf("the journal was changed: %d bytes instead of %d, %v", len(now), len(content), err)
	}
}

// otherHistory returns the history of another server, with fewer batches than were written here
// and more than were trimmed.
func otherHistory(t *testing.T) []byte {
	t.Helper()
	dir := tradedFolder(t)
	grow(t, dir, 20<<20)
	s := startEarly(t, dir, 2)
	for s.Desk.HistoryBehind() > 0 {
		time.Sleep(time.Millisecond)
	}
	must(t, s.Stop())
	content, err := os.ReadFile(filepath.Join(dir, "history.db"))
	must(t, err)
	return content
}

// startTrimming starts a server that saves checkpoints and trims all the time.
func startTrimming(t *testing.T, dir string) *server.Server {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	s, err := server.Start(t.Context(), server.Config{
		Data: dir, Seed: shipped, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
		Desk: desk.Config{CheckpointInterval: time.Millisecond, Keep: desk.Retention{Bytes: 1}},
	})
	must(t, err)
	return s
}

func pathOf(dir string, batch uint64) string {
	return filepath.Join(dir, "checkpoints", strconv.FormatUint(batch, 10))
}

func batchOf(t *testing.T, path string) uint64 {
	t.Helper()
	batch, err := strconv.ParseUint(filepath.Base(path), 10, 64)
	must(t, err)
	return batch
}
