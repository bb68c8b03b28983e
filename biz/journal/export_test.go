package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"os"
	"runtime"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// For the black-box tests.

const Subject = subject

func ParseEntry(b []byte, number uint64) (size, body int, err error) { return parseEntry(b, number) }

// ParseMessage checks a batch and returns its records.
func ParseMessage(msg []byte) ([][]byte, error) {
	h, err := parseMessage(msg)
	if err != nil {
		return nil, err
	}
	b := Batch{First: h.first, Count: int(h.count), body: msg[headerBytes:]}
	var recs [][]byte
	for _, rec := range b.Records() {
		recs = append(recs, rec)
	}
	return recs, nil
}

// AppendMessage builds a batch.
func AppendMessage(dst []byte, prev uint32, first uint64, recs ...[]byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, headerBytes)...)
	for _, rec := range recs {
		dst = appendRecord(dst, rec)
	}
	sealHeader(dst[at:], prev, len(recs), first)
	return dst
}

// Reseal corrects the checksum of a batch.
func Reseal(msg []byte) []byte {
	if len(msg) < headerBytes {
		return msg
	}
	msg = bytes.Clone(msg)
	copy(msg, magic)
	binary.LittleEndian.PutUint32(msg[4:], crc32.Checksum(msg[8:], castagnoli))
	return msg
}

func AppendMark(dst []byte, batch uint64, crc uint32) []byte {
	return appendMark(dst, mark{batch: batch, crc: crc})
}

func ParseMark(src []byte) (batch uint64, crc uint32, err error) {
	m, err := parseMark(src)
	return m.batch, m.crc, err
}

func AppendTrimmed(dst []byte, p Point) []byte { return appendTrimmed(dst, p) }

func ParseTrimmed(src []byte) (Point, bool) { return parseTrimmed(src) }

// WriteMarks writes marks to a file until that fails or ctx ends.
func WriteMarks(ctx context.Context, f *os.File) error {
	w := newMarkWriter(f)
	defer w.close()
	for ctx.Err() == nil {
		if err := w.write(mark{batch: 1}); err != nil {
			return err
		}
		runtime.Gosched()
	}
	return ctx.Err()
}

// Publish writes a batch without the committer.
func (j *Journal) Publish(msg []byte, last uint64) error { return j.publish(msg, last) }

// Fetch reads a batch from the store without checks.
func (j *Journal) Fetch(number uint64) ([]byte, error) { return j.fetch(number) }

// StoreLast asks the store for its last batch.
func (j *Journal) StoreLast(ctx context.Context) (uint64, error) {
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return 0, err
	}
	st, err := js.Stream(ctx, j.stream)
	if err != nil {
		return 0, err
	}
	return st.CachedInfo().State.LastSeq, nil
}

// SetPublisher replaces the publish function by f, which may call the real one. The files
// are then not watched.
func (j *Journal) SetPublisher(f func(msg []byte, last uint64, real func([]byte, uint64) error) error) {
	j.watch.external, j.watch.fixed = true, nil
	real := j.publish
	j.publish = func(msg []byte, last uint64) error { return f(msg, last, real) }
}

// StopServer stops the store.
func (j *Journal) StopServer() { stopServer(j.srv) }

// ImpersonateStore removes the stream and calls serve for each published batch.
func (j *Journal) ImpersonateStore(serve func(m *nats.Msg)) error {
	return j.impersonate(subject, serve)
}

// ImpersonateReads removes the stream. Reads get no answer but are signalled.
func (j *Journal) ImpersonateReads(asked func()) error {
	return j.impersonate(getSubject+j.stream, func(*nats.Msg) { asked() })
}

func (j *Journal) impersonate(subject string, serve func(m *nats.Msg)) error {
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return err
	}
	if err := js.DeleteStream(context.Background(), j.stream); err != nil {
		return err
	}
	if _, err = j.readConn.Subscribe(subject, serve); err != nil {
		return err
	}
	return j.readConn.Flush()
}

// Answer sends text as the impersonated store.
func (j *Journal) Answer(reply, text string) error { return j.readConn.Publish(reply, []byte(text)) }

// ChecksumOf reads the CRC32C from a batch.
func ChecksumOf(msg []byte) uint32 {
	h, err := parseMessage(msg)
	if err != nil {
		panic(err)
	}
	return h.crc
}

// AdvanceTo marks batches as durable that were written without the committer.
func (j *Journal) AdvanceTo(last uint64) { j.tail.advance(last) }

// SyncsAlways reports whether the store calls fsync before it acknowledges.
func (j *Journal) SyncsAlways() bool {
	c := j.srv.JetStreamConfig()
	return c != nil && c.SyncAlways
}

// LogServerError logs as the server does.
func (j *Journal) LogServerError(text string) {
	serverLog{slog.New(slog.DiscardHandler), j.trouble}.Errorf("%s", text)
}

// ScanBlock scans the bytes of the only block of a folder.
func ScanBlock(block []byte, acknowledged uint64, each func(*Batch) error) (Report, error) {
	s := &scan{files: []string{"1.blk"}, end: startOfChain(), mark: mark{batch: acknowledged}, each: each}
	s.report.Acknowledged = acknowledged
	err := s.block(0, newBlockScan("1.blk", block))
	return s.report, err
}

// Look makes the next commit check all files first.
func Look[H Held](c *Committer[H]) { c.look.Store(true) }

// WatchOnce checks what a commit checks.
func (j *Journal) WatchOnce() error {
	if err := errors.Join(j.watch.same(&j.watch.newest), j.watch.unchangedTail(), j.watch.readTail()); err != nil {
		return err
	}
	return j.watch.pinned()
}
