package inspect_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unseen(int64, int64) {}

func shippedSeed(t *testing.T) *seed.Seed {
	t.Helper()
	s, err := seed.Default()
	must(t, err)
	return s
}

// The records of a journal that these tests write start with these bytes.
const (
	genesisRecord  = 1
	eventsRecord   = 6
	marketRecord   = 7
	scriptRecord   = 8
	sequenceRecord = 10
	fenceRecord    = 11
)

// genesis is the first record of a journal.
func genesis(s *seed.Seed) []byte { return append([]byte{genesisRecord}, s.SHA256[:]...) }

// marketEvent is the record of an event of the market.
func marketEvent(kind desk.MarketEventKind, time int64, prices ...desk.InstrumentPrice) []byte {
	record := binary.BigEndian.AppendUint64([]byte{marketRecord, byte(kind)}, uint64(time))
	for _, p := range prices {
		record = binary.AppendUvarint(binary.AppendUvarint(record, uint64(p.Instrument)), uint64(p.Price))
	}
	return record
}

// scriptPosition is the record of how far a script has come.
func scriptPosition(done uint64, time int64) []byte {
	record := append([]byte{scriptRecord, 0xff}, make([]byte, 31)...)
	return binary.AppendVarint(binary.AppendUvarint(record, done), time)
}

// sequenceMark is the record of a change of a customer's message numbers.
func sequenceMark(customer uint64, name string, reset byte, numbers []uint64, by int64, kept uint64, at int64, message string) []byte {
	record := binary.AppendUvarint(binary.AppendUvarint([]byte{sequenceRecord}, customer), uint64(len(name)))
	record = append(append(record, name...), reset)
	for _, n := range numbers { // in, out, first event of the offset
		record = binary.AppendUvarint(record, n)
	}
	record = binary.AppendVarint(binary.AppendUvarint(binary.AppendVarint(record, by), kept), at)
	return append(binary.AppendUvarint(record, uint64(len(message))), message...)
}

// fence is the record of a node that has taken over.
func fence(node string) []byte {
	return append(append([]byte{fenceRecord}, make([]byte, 8)...), node...)
}

// write makes a data folder with these records after the genesis.
func write(t *testing.T, s *seed.Seed, records [][]byte) (data string) {
	t.Helper()
	data = t.TempDir()
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(data, "journal")})
	must(t, err)
	c := journal.NewCommitter(j, func() nothing { return nothing{} }, journal.CommitterOptions{OnFailure: func(err error) { t.Error(err) }})
	commit := c.Begin()
	for _, record := range slices.Concat([][]byte{genesis(s)}, records) {
		commit.Record(record)
	}
	c.End()
	must(t, c.Close(t.Context()))
	must(t, j.Close(t.Context()))
	return data
}

// nothing waits for a commit.
type nothing struct{}

func (nothing) Release()       {}
func (nothing) Abandon()       {}
func (nothing) SizeBytes() int { return 0 }

// eventsOf returns the events of a record; it must have some.
func eventsOf(t *testing.T, record []byte) []ledger.Event {
	t.Helper()
	e, err := desk.DecodeEntry(record)
	must(t, err)
	return e.Events
}

// altered returns the records with the events of one of them changed.
func altered(t *testing.T, records [][]byte, n int, change func([]ledger.Event)) [][]byte {
	t.Helper()
	events := eventsOf(t, records[n])
	change(events)
	record := []byte{eventsRecord}
	for i := range events {
		record = ledger.AppendEvent(record, &events[i])
	}
	if bytes.Equal(record, records[n]) {
		t.Fatalf("record %d is as before", n)
	}
	records = slices.Clone(records)
	records[n] = record
	return records
}

// unpacked unpacks a data folder of an earlier server.
func unpacked(t *testing.T, name string) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	file, err := os.Open(filepath.Join("..", "..", "..", "biz", "server", "testdata", name))
	must(t, err)
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	must(t, err)
	for r := tar.NewReader(zipped); ; {
		entry, err := r.Next()
		if errors.Is(err, io.EOF) {
			return data
		}
		must(t, err)
		path := filepath.Join(data, filepath.FromSlash(entry.Name))
		if entry.FileInfo().IsDir() {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, os.WriteFile(path, content, 0o600))
	}
}
