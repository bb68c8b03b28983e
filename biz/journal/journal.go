package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A Journal is one open folder. Reading is safe from any goroutine; writing goes through
// its only Committer.
type Journal struct {
	dir       string // the folder, or the URL of an external journal
	folder    string // has mark and lock
	lock      *os.File
	mark      *markWriter
	watch     *watch
	blocks    blockList
	srv       *server.Server
	writeConn *nats.Conn // separate, so that commits do not wait for reads
	readConn  *nats.Conn
	publish   publishFunc
	chain     chain // Owner: Open, then the committer's goroutine
	tail      tail
	external  bool // the batches are on other servers
	stream    string
	shared    *sharing // nil: no other process has the journal open
	trouble   *trouble
	abort     chan struct{} // closed: the writer stops waiting
	giveUp    func()        // closes abort
	gaveUp    atomic.Bool   // GiveUp was called
	quit      chan struct{} // closed: readers end

	verifyRate int64      // Options.VerifyRate
	trimming   sync.Mutex // held by Trim
	mu         sync.Mutex
	committer  writer // nil until NewCommitter
	closed     bool
}

// A writer is the Committer of a journal.
type writer interface {
	Close(context.Context) error
	check()
}

// Open locks the folder, reads all of it and checks that everything acknowledged is there:
// no byte changed, nothing missing at the start, in the middle or at the end. With
// Options.Checked it reads only the files from the one with that batch on; VerifyOlder reads
// the others. Then it starts the store.
//
// With Options.URL the store is external; external.go says what Open checks then. With
// Options.Shared it is a stream of a cluster; shared.go describes it.
//
// Errors: ErrLocked, ErrForeign, ErrLazySync, a *DamageError, ErrTrimmed if Options.Checked was
// trimmed, or an error of the store.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o = o.withDefaults()
	dir, err := filepath.Abs(o.Dir) // the same path for a file, wherever it comes from
	if err == nil {
		o.Dir = dir
		err = os.MkdirAll(dir, 0o750)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: folder: %w", err)
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: o.Dir, folder: o.Dir, stream: streamName, lock: lock, verifyRate: o.VerifyRate, trouble: newTrouble(), abort: make(chan struct{}), quit: make(chan struct{})}
	j.giveUp = sync.OnceFunc(func() { close(j.abort) })
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
	switch {
	case o.Shared != nil:
		err = j.startShared(ctx, o, m)
	case o.URL != "":
		err = j.startExternal(ctx, o, m)
	default:
		err = j.startEmbedded(ctx, o, m, marked)
	}
	if err != nil {
		return err
	}
	if j.mark, err = openMark(o.Dir, mark{batch: j.LastBatch(), crc: j.chain.crc}); err != nil {
		return err
	}
	if j.watch, err = newWatch(o.Dir, j.external, j.lock, j.mark, &j.blocks); err != nil {
		return err
	}
	p, err := newStreamPublisher(j.writeConn, o, j.trouble, j.abort, j.fetch)
	if err != nil {
		return err
	}
	switch {
	case j.shared != nil:
		j.shared.use(p)
	case j.external:
		p.recheck, p.rechecked = func() error { return j.recheck(o) }, j.writeConn.Stats().Reconnects
	}
	j.publish = p.publish
	return nil
}

// startEmbedded starts a journal in this process: it checks all files, repairs the tail,
// sets the chain and starts the store.
func (j *Journal) startEmbedded(ctx context.Context, o Options, m mark, marked bool) error {
	if err := checkFolder(o.Dir); err != nil {
		return err
	}
	s := &scan{dir: o.Dir, mark: m, checked: o.Checked}
	if err := scanBlocks(ctx, s); err != nil {
		return err
	}
	last := s.end.batch - 1
	if !marked && last > 0 {
		return noMark(o.Dir)
	}
	if s.report.Torn > 0 {
		o.Log.Warn("journal: cut off an incomplete write, which was never acknowledged", "bytes", s.report.Torn, "last", last)
	}
	j.chain = s.end
	if err := errors.Join(removeLeftover(s), repairTail(s)); err != nil {
		return err
	}
	blocks := s.whole()
	if err := writeSummary(blocks, s.end.batch, s.lastTime); err != nil {
		o.Log.Warn("journal: the store will read all block files", "error", err)
		if err := scanBlocks(ctx, &scan{dir: o.Dir, mark: m}); err != nil { // before it cuts what is damaged
			return err
		}
	}
	j.blocks.set(s.base, blocks)
	return j.startStore(ctx, o, last)
}

// startStore starts the server and opens the stream. The stream must end with batch last.
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
	info, err := openStream(ctx, j.readConn, StreamConfig(streamName, subject, 1))
	switch {
	case err != nil:
		return err
	case info.State.LastSeq != last || info.State.Msgs != last+1-j.FirstBatch() || last > 0 && info.State.FirstSeq != j.FirstBatch():
		return &DamageError{Dir: o.Dir, What: fmt.Sprintf("the store has %d batches, from number %d to %d; the files have them from %d to %d",
			info.State.Msgs, info.State.FirstSeq, info.State.LastSeq, j.FirstBatch(), last)}
	}
	j.tail.advance(last)
	return nil
}

// LastBatch returns the number of the last durable batch, 0 if there is no batch.
func (j *Journal) LastBatch() uint64 { return j.tail.number() }

// store writes the segments of d in order. It returns when the last one is on the disk,
// in files that the next Open finds.
// Goroutine: the committer's.
func (j *Journal) store(d *draft) error {
	if err := j.mayWrite(); err != nil {
		return err
	}
	for i := range d.batches() {
		s := &d.segments[i]
		crc := sealHeader(s.buf, j.chain.crc, s.count, j.chain.record)
		if err := j.publish(s.buf, j.chain.batch-1); err != nil {
			return err
		}
		if err := j.watch.grown(len(s.buf)); err != nil {
			return err
		}
		j.chain = chain{batch: j.chain.batch + 1, record: j.chain.record + uint64(s.count), crc: crc, epoch: j.chain.epoch}
	}
	if err := j.watch.pinned(); err != nil {
		return err
	}
	last := j.chain.batch - 1
	if err := j.mark.write(mark{batch: last, crc: j.chain.crc}); err != nil {
		return fmt.Errorf("journal: mark: %w", err)
	}
	j.tail.advance(last)
	return nil
}

// fetch reads one batch from the stream.
func (j *Journal) fetch(number uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	timeout := readTimeout
	if j.shared != nil {
		timeout = sharedTimeout
	}
	r, err := j.newStoreReader(timeout)
	if err != nil {
		return nil, err
	}
	defer r.close()
	b, err := one(ctx, r, number)
	return b.msg, err
}

// Close commits what is waiting, stops the store and unlocks the folder. Readers end with
// ErrClosed. If ctx ends first, Close abandons what is still waiting. A second Close does
// nothing.
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

// stop undoes what start has done so far, in reverse order.
func (j *Journal) stop() error {
	j.tail.close()
	close(j.quit)
	for _, nc := range []*nats.Conn{j.writeConn, j.readConn} {
		if nc != nil {
			nc.Close()
		}
	}
	j.trimming.Lock() // a Trim has ended, and no other one begins
	defer j.trimming.Unlock()
	if j.srv != nil {
		stopServer(j.srv)
	}
	var err error
	if j.watch != nil {
		err = j.watch.close()
	}
	if j.mark != nil {
		err = errors.Join(err, j.mark.close())
	}
	return errors.Join(err, j.lock.Close())
}

// closedOr returns ErrClosed if err is due to Close, else err.
func closedOr(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) {
		return ErrClosed
	}
	return err
}

// damageIn returns the error for a wrong batch.
func damageIn(dir string, batch uint64, what error) error {
	return &DamageError{Dir: dir, File: blockOf(dir, batch), Batch: batch, What: what.Error()}
}

// damageAt returns the error for what is wrong at a place in a file.
func damageAt(dir, path string, batch uint64, at int64, wrong error) error {
	return &DamageError{Dir: dir, File: relative(dir, path), Batch: batch, What: fmt.Sprintf("from byte %d on: %v", at, wrong)}
}
