package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// A window is the most that one request to the store returns. The store holds its lock
// while it collects a window, so the window also limits how long a commit waits for a
// reader.
const (
	windowBatches = 256
	windowBytes   = 1 << 20
)

// readTimeout is how long the store may take for the next batch of a window.
const readTimeout = 30 * time.Second

const getSubject = "$JS.API.DIRECT.GET."

// found is a batch as a reader finds it, not checked.
type found struct {
	number uint64
	time   int64  // Batch.Time
	epoch  uint64 // of its writer; 0 where writers have none
	msg    []byte
}

// A batchReader reads durable batches by number.
type batchReader interface {
	// window calls fn for the batches from number on, in order. It stops after batch last or
	// earlier; none at all means that the batch can't be read. fn must check the numbers.
	window(ctx context.Context, number, last uint64, fn func(found) error) error
	close()
}

// newReader returns the reader for where the batches are.
func (j *Journal) newReader() (batchReader, error) {
	if j.srv != nil {
		return newFileReader(j), nil
	}
	if j.shared != nil {
		return newSharedReader(j)
	}
	return j.newStoreReader(readTimeout)
}

// A storeReader is a batchReader that asks the store over one connection. Closing quit ends its
// waiting. Goroutine: any, one at a time.
type storeReader struct {
	nc      *nats.Conn
	get     string // subject of the requests
	sub     *nats.Subscription
	inbox   string
	in      chan *nats.Msg
	timer   *time.Timer
	timeout time.Duration // for the next batch of a window
	quit    <-chan struct{}
}

func (j *Journal) newStoreReader(timeout time.Duration) (*storeReader, error) {
	r := &storeReader{nc: j.readConn, get: getSubject + j.stream, inbox: j.readConn.NewInbox(), in: make(chan *nats.Msg, windowBatches+1), timeout: timeout, quit: j.quit}
	sub, err := r.nc.ChanSubscribe(r.inbox, r.in)
	if err != nil {
		return nil, fmt.Errorf("journal: read: %w", err)
	}
	r.sub = sub
	r.timer = time.NewTimer(timeout)
	return r, nil
}

func (r *storeReader) close() {
	r.timer.Stop()
	// An error means that the connection is already closed; then there is nothing to
	// unsubscribe.
	_ = r.sub.Unsubscribe()
}

// window stops where the store wants: it decides how many batches it sends at once. A batch that
// it can't read is missing or has number 0.
func (r *storeReader) window(ctx context.Context, number, last uint64, fn func(found) error) error {
	want := min(last-number+1, windowBatches)
	req := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, number, want, windowBytes)
	if err := r.nc.PublishRequest(r.get, r.inbox, req); err != nil {
		return fmt.Errorf("journal: read: %w", err)
	}
	for {
		m, err := r.next(ctx)
		if err != nil {
			return err
		}
		status := m.Header.Get("Status")
		switch status {
		case "":
		case "204", "404": // end of the window; nothing found
			return nil
		case statusNobody:
			return fmt.Errorf("%w: read: %s: %w", ErrRefused, status, errNoAnswer)
		default:
			return fmt.Errorf("%w: read: %s %s", ErrRefused, status, m.Header.Get("Description"))
		}
		got, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil { // it is missing if the headers are damaged
			got = 0
		}
		if err := fn(found{number: got, time: timeOf(m), epoch: epochOf(m), msg: m.Data}); err != nil {
			return err
		}
	}
}

// timeOf returns when the store wrote a batch, 0 if that is unknown.
func timeOf(m *nats.Msg) int64 {
	t, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return 0
	}
	return t.UnixNano()
}

// errNoAnswer means that no server has answered a read.
var errNoAnswer = errors.New("no server answers")

// one reads one batch. It has no msg if it can't be read.
func one(ctx context.Context, r batchReader, number uint64) (b found, err error) {
	err = r.window(ctx, number, number, func(there found) error {
		if there.number == number {
			b = there
		}
		return nil
	})
	return b, err
}

func (r *storeReader) next(ctx context.Context) (*nats.Msg, error) {
	r.timer.Reset(r.timeout)
	select {
	case m := <-r.in:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.quit:
		return nil, ErrClosed
	case <-r.timer.C:
		return nil, fmt.Errorf("%w: a read took longer than %v: %w", ErrUnacknowledged, r.timeout, errNoAnswer)
	}
}
