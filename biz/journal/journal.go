package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A Journal is one open folder. Reading is safe from any goroutine; writing
// goes through its one Committer.
type Journal struct {
	dir       string
	lock      *os.File
	mark      *markWriter
	srv       *server.Server
	writeConn *nats.Conn // separate, so that a commit does not queue behind a read
	readConn  *nats.Conn
	publisher publisher
	chain     chain // Owner: Open, then the committer's goroutine
	tail      tail
	trouble   *trouble
	abort     chan struct{} // closed: the writer gives up
	quit      chan struct{} // closed: readers end

	mu        sync.Mutex
	committer interface{ Close(context.Context) error } // nil until NewCommitter
	closed    bool
	aborted   bool
}

// Open takes the folder, reads all of it and checks that it holds what was
// acknowledged: every byte unharmed, nothing missing at the start, inside or at
// the end. Then it starts the store.
//
// With Options.URL the store is outside; external.go says what is checked.
//
// Errors: ErrLocked, ErrForeign, ErrLazySync, a *DamageError, or what the store says.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("journal: folder: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: o.Dir, lock: lock, trouble: newTrouble(), abort: make(chan struct{}), quit: make(chan struct{})}
	if err := j.start(ctx, o); err != nil {
		return nil, errors.Join(err, j.stop())
	}
	return j, nil
}

func (j *Journal) start(ctx context.Context, o Options) error {
	m, marked, err := readMark(o.Dir)
	if err != nil {
		return err
	}
	if o.URL != "" {
		err = j.startExternal(ctx, o, m)
	} else {
		err = j.startEmbedded(ctx, o, m, marked)
	}
	if err != nil {
		return err
	}
	if j.mark, err = openMark(o.Dir, mark{batch: j.chain.batch - 1, crc: j.chain.crc}); err != nil {
		return err
	}
	p, err := newStreamPublisher(j.writeConn, o, j.trouble, j.abort, j.stored)
	if err != nil {
		return err
	}
	if o.URL != "" {
		p.recheck, p.rechecked = func() error { return j.recheck(o) }, j.writeConn.Stats().Reconnects
	}
	j.publisher = p
	return nil
}

// startEmbedded is start for a journal in this process.
func (j *Journal) startEmbedded(ctx context.Context, o Options, m mark, marked bool) error {
	last, err := j.check(ctx, o, m, marked)
	if err != nil {
		return err
	}
	return j.startStore(ctx, o, last)
}

// check reads all that is in the folder, sets where the chain goes on and returns
// the number of the last batch.
func (j *Journal) check(ctx context.Context, o Options, m mark, marked bool) (last uint64, err error) {
	if err := checkFolder(o.Dir); err != nil {
		return 0, err
	}
	s := &scan{dir: o.Dir, mark: m}
	if err := scanBlocks(ctx, s); err != nil {
		return 0, err
	}
	last = s.end.batch - 1
	if !marked && last > 0 {
		return 0, &DamageError{Dir: o.Dir, File: markFile, What: "missing, but the store is not empty"}
	}
	if s.torn > 0 {
		o.Log.Warn("journal: cut a torn write behind the last acknowledged batch", "bytes", s.torn, "last", last)
	}
	j.chain = s.end
	return last, settleTail(s)
}

// startStore starts the server and opens the stream, which must end with batch
// last.
func (j *Journal) startStore(ctx context.Context, o Options, last uint64) (err error) {
	if j.srv, err = startServer(o, j.trouble); err != nil {
		return err
	}
	if j.writeConn, err = connect(j.srv, "journal writer", o.Log); err != nil {
		return err
	}
	if j.readConn, err = connect(j.srv, "journal reader", o.Log); err != nil {
		return err
	}
	if err := openStream(ctx, j.readConn, o.Dir, last); err != nil {
		return err
	}
	j.tail.advance(last)
	return nil
}

// LastBatch is the number of the last durable batch, 0 if there is none.
func (j *Journal) LastBatch() uint64 { return j.tail.number() }

// commit writes the segments of d, one after the other. It returns when the
// last one is on the disk. Goroutine: the committer's.
func (j *Journal) commit(d *draft) error {
	for i := range d.filled() {
		s := &d.segments[i]
		crc := sealHeader(s.buf, j.chain.crc, s.count, j.chain.record)
		if err := j.publisher.publish(s.buf, j.chain.batch-1); err != nil {
			return err
		}
		j.chain = chain{batch: j.chain.batch + 1, record: j.chain.record + uint64(s.count), crc: crc}
	}
	last := j.chain.batch - 1
	if err := j.mark.write(mark{batch: last, crc: j.chain.crc}); err != nil {
		return fmt.Errorf("journal: mark: %w", err)
	}
	j.tail.advance(last)
	return nil
}

// stored fetches one batch that is in the stream.
func (j *Journal) stored(number uint64) (msg []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	r, err := newReader(j.readConn, j.quit)
	if err != nil {
		return nil, err
	}
	defer r.close()
	err = r.window(ctx, number, number, func(_ uint64, m []byte) error {
		msg = m
		return nil
	})
	return msg, err
}

// Close commits what is waiting, stops the store and gives the folder back.
// Readers end with ErrClosed. If ctx ends first, what is still waiting is
// abandoned. A second Close does nothing.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	c, closed := j.committer, j.closed
	j.closed = true
	j.mu.Unlock()
	if closed {
		return nil
	}
	var err error
	if c != nil {
		err = c.Close(ctx)
	}
	return errors.Join(err, j.stop())
}

// giveUp makes a write that waits for the store return with an error.
func (j *Journal) giveUp() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.aborted {
		j.aborted = true
		close(j.abort)
	}
}

// stop undoes as much of start as was done, in the other direction.
func (j *Journal) stop() error {
	j.tail.close()
	close(j.quit)
	for _, nc := range []*nats.Conn{j.writeConn, j.readConn} {
		if nc != nil {
			nc.Close()
		}
	}
	if j.srv != nil {
		stopServer(j.srv)
	}
	var err error
	if j.mark != nil {
		err = j.mark.close()
	}
	return errors.Join(err, j.lock.Close())
}

// closedOr is ErrClosed if err comes from the closing of the journal, else err.
func closedOr(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) {
		return ErrClosed
	}
	return err
}

// damageIn is the error for what is wrong with a batch.
func damageIn(dir string, batch uint64, what error) error {
	return &DamageError{Dir: dir, File: blockOf(dir, batch), Batch: batch, What: what.Error()}
}
