package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A shared journal is a stream of a cluster that several processes have open at the same time.
// One of them leads: it alone writes. The others follow the stream, so that they can take over at
// once. The folder then has only mark and lock.
//
// Who takes over writes a fence first: a batch with one record, which the store takes only after the
// batch that was read last. From then on the writer before it is refused, since the store takes
// its batches only after the one that it knows. The number of the fence is the epoch of all
// batches that follow, which have it in a header. A batch with an older epoch is void: nothing that is
// acknowledged can be in it. It is skipped, and the chain goes on from the batch before it.

// EpochHeader is the header of a batch that has its epoch.
const EpochHeader = "Holdfast-Epoch"

const (
	sharedTimeout     = 300 * time.Millisecond // for an answer of a cluster that may be without a leader
	sharedPause       = 25 * time.Millisecond  // before a request is repeated
	sharedPoll        = 10 * time.Millisecond  // between two looks for more batches
	sharedPollSlow    = 50 * time.Millisecond
	sharedLeadPoll    = 5 * time.Millisecond // between two calls of Shared.Leads
	sharedInfoTimeout = 500 * time.Millisecond
	sharedBehind      = 10 * time.Second // so long may the leader lack batches after a restart
)

// Shared makes the journal a stream of a cluster that several processes have open. All fields but Node
// are required.
type Shared struct {
	// Connect returns a connection to this node's server; the journal closes it.
	Connect func(name string) (*nats.Conn, error)
	// Stream and Subject name the stream, which must exist: see StreamConfig.
	Stream, Subject string
	// Node is the name of this node.
	Node string
	// Fence is the record of a fence. Each Journal must have another one, so that no two of them
	// ever write the same fence. The package server makes it with desk.NewFence, which has Node.
	Fence []byte
	// Leads reports whether this node's JetStream leads the stream now. It must be cheap, and safe from
	// any goroutine.
	Leads func() bool
}

// sharing is what a shared journal has beside others.
type sharing struct {
	Shared

	publisher *streamPublisher
	epoch     atomic.Uint64 // 0: this process does not lead
	voids     atomic.Uint64
	lastVoid  atomic.Uint64 // number of the newest one that was counted
	repeated  atomic.Uint64
	adopted   atomic.Uint64
	opened    time.Time
	proven    atomic.Int64 // when the newest acknowledged batch was sent first, after opened; 0: none was
}

// errNotLeading means that another node leads the stream now.
var errNotLeading = errors.New("another node leads the stream")

// startShared attaches to the stream and reads from the last batch that is known to be good up to
// its end. It writes nothing.
func (j *Journal) startShared(ctx context.Context, o Options, m mark) error {
	if len(blockFiles(o.Dir)) > 0 {
		return fmt.Errorf("%w of a cluster: %s holds a journal of a server that runs alone; copy it into the cluster with \"holdfast cluster copy\", or choose another data folder", ErrForeign, o.Dir)
	}
	s := &sharing{Shared: *o.Shared, opened: time.Now()}
	j.dir, j.external, j.stream, j.shared = "stream "+s.Stream, true, s.Stream, s
	for conn, name := range map[**nats.Conn]string{&j.readConn: "reader", &j.writeConn: "writer"} {
		nc, err := s.Connect("holdfast journal " + name + " of " + s.Stream)
		if err != nil {
			return fmt.Errorf("journal: connect: %w", err)
		}
		*conn = nc
		if nc.MaxPayload() < MaxBatchBytes+maxStoreBytes {
			return fmt.Errorf("%w: the server allows messages of %d bytes, a batch may have %d", ErrRefused, nc.MaxPayload(), MaxBatchBytes+maxStoreBytes)
		}
	}
	info, err := j.awaitStream(ctx, max(m.batch, o.Checked.Batch))
	if err != nil {
		return err
	}
	if err := checkConfig(info.Config, StreamConfig(s.Stream, s.Subject, o.Replicas)); err != nil {
		return err
	}
	if err := j.setBase(info.Config); err != nil {
		return err
	}
	if err := j.checkExternal(info.State, m, o.Checked); err != nil {
		return err
	}
	return j.findEnd(ctx, info.State.LastSeq, m, o.Checked)
}

// awaitStream returns the state of the stream once it has batch last and its start is known: it may lack
// both for some seconds after its servers have started. Without a leader there is no answer.
func (j *Journal) awaitStream(ctx context.Context, last uint64) (*jetstream.StreamInfo, error) {
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	first := time.Time{} // answer
	for {
		info, err := streamInfo(ctx, js, j.stream)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrConnectionClosed):
			return nil, fmt.Errorf("journal: stream %s: %w", j.stream, err)
		case err == nil && first.IsZero():
			first = time.Now()
		}
		if err == nil && (info.State.LastSeq >= last && j.startsRight(info) || time.Since(first) > sharedBehind) {
			return info, nil
		}
		if err := j.pause(ctx, sharedPause); err != nil {
			return nil, fmt.Errorf("journal: stream %s: %w", j.stream, err)
		}
	}
}

// startsRight reports whether the stream starts where its metadata say, or earlier. After a trim, a new
// leader may know them later than what was removed.
func (j *Journal) startsRight(info *jetstream.StreamInfo) bool {
	base, err := j.baseIn(info.Config)
	return err != nil || info.State.Msgs == 0 || info.State.FirstSeq <= base.Batch+1
}

func streamInfo(ctx context.Context, js jetstream.JetStream, name string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, sharedInfoTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}

// readToEnd reads from a batch that is not void up to the last one. Only so it knows which are void.
func (j *Journal) readToEnd(ctx context.Context, r batchReader, from chain, last uint64) error {
	w := &walk{j: j, r: r, chain: from}
	good := from.batch - 1
	err := w.to(ctx, last, func(b *Batch) error {
		good = b.Number
		return nil
	})
	if err != nil {
		return err
	}
	j.chain = w.chain
	j.tail.advance(good)
	return nil
}

// Lead makes this process the one that writes to a shared journal. It calls fn for each batch from
// number from on that is not void, in order, and follows the stream until Shared.Leads returns true.
// Then it writes a fence, calls fn for what came before it and for the fence, and returns: from then
// on commits are allowed. If Shared.Leads returns false meanwhile, it goes back to following. LastBatch
// is the last batch for which fn was called, so that Follow has them, too.
//
// Errors are those of Replay, ErrGivenUp, and ErrRefused if the store refuses the fence. After an error Lead may
// be called again. Goroutine: one at a time, and none while there is a Committer.
func (j *Journal) Lead(ctx context.Context, from uint64, fn func(b *Batch) error) error {
	if j.shared == nil {
		panic("journal: Lead without Options.Shared")
	}
	w, err := j.walk(ctx, from)
	if err != nil {
		return err
	}
	defer w.close()
	w.r.(*sharedReader).patience = 0 // at the end of the stream it is usual that nothing comes
	l := &leading{Journal: j, walk: w, fn: fn}
	for led := false; !led; {
		if err := l.follow(ctx); err != nil {
			return err
		}
		if led, err = l.fence(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leading is a call of Lead.
type leading struct {
	*Journal

	walk *walk
	fn   func(*Batch) error
	good uint64 // the last batch for which fn was called
}

// follow reads the stream until this node leads it.
func (l *leading) follow(ctx context.Context) error {
	for wait := sharedPoll; !l.shared.Leads(); {
		more, err := l.more(ctx)
		if err != nil {
			return err
		}
		if more {
			wait = sharedPoll
			continue
		}
		for end := time.Now().Add(wait); time.Now().Before(end) && !l.shared.Leads(); {
			if err := l.pause(ctx, sharedLeadPoll); err != nil {
				return err
			}
		}
		wait = min(wait+sharedPoll, sharedPollSlow)
	}
	return nil
}

// more reads the next batches, if there are any.
func (l *leading) more(ctx context.Context) (more bool, err error) {
	if err := l.mayLead(ctx); err != nil {
		return false, err
	}
	w := l.walk
	before := w.next()
	err = w.r.window(ctx, before, math.MaxUint64, func(b found) error {
		return w.take(&b, func(b *Batch) error {
			l.good = b.Number
			return l.fn(b)
		})
	})
	if l.good > l.LastBatch() {
		l.tail.advance(l.good)
		if unmarked := l.mark.write(mark{batch: l.good, crc: w.chain.crc}); err == nil {
			err = unmarked
		}
	}
	return w.next() > before, closedOr(err)
}

// mayLead returns why Lead must end, or nil.
func (l *leading) mayLead(ctx context.Context) error {
	if l.gaveUp.Load() {
		return ErrGivenUp
	}
	return l.open(ctx)
}

// fence reads the stream to its end and writes the fence there. It returns false if this node does
// not lead any more.
func (l *leading) fence(ctx context.Context) (led bool, err error) {
	p := l.shared.publisher
	p.goOn = func() error {
		if err := l.mayLead(ctx); err != nil {
			return err
		}
		if !l.shared.Leads() {
			return errNotLeading
		}
		return nil
	}
	defer func() { p.goOn = nil }()
	for {
		more, err := l.more(ctx)
		switch {
		case err != nil:
			return false, err
		case more:
			continue
		}
		end := &l.walk.chain
		number := end.batch
		msg := appendRecord(make([]byte, headerBytes, headerBytes+maxPrefixBytes+len(l.shared.Fence)), l.shared.Fence)
		sealHeader(msg, end.crc, 1, end.record)
		p.epoch[0] = strconv.FormatUint(number, 10)
		switch err = p.publish(msg, number-1); {
		case errors.Is(err, errNotLeading):
			return false, nil
		case errors.Is(err, ErrFenced): // more has come
			continue
		case err != nil:
			return false, closedOr(err)
		}
		return l.reached(ctx, number)
	}
}

// reached reads the fence, once this node has it. Then this process leads.
func (l *leading) reached(ctx context.Context, fence uint64) (led bool, err error) {
	for l.walk.next() <= fence {
		more, err := l.more(ctx)
		if err != nil {
			return false, err
		}
		if more {
			continue
		}
		if !l.shared.Leads() {
			return false, nil
		}
		if err := l.pause(ctx, sharedLeadPoll); err != nil {
			return false, err
		}
	}
	if l.walk.next() != fence+1 { // another node was faster
		return false, nil
	}
	l.chain = l.walk.chain
	l.shared.epoch.Store(fence)
	return true, nil
}

// mayWrite returns why nothing may be written, or nil.
func (j *Journal) mayWrite() error {
	switch {
	case j.gaveUp.Load():
		return ErrGivenUp
	case j.shared != nil && j.shared.epoch.Load() == 0:
		return fmt.Errorf("%w: Lead has not returned", ErrFenced)
	}
	return nil
}

// GiveUp makes all commits fail from now on, and ends Lead. It is for a process that does not lead the
// stream any more, or that must stop at once. The outcome of a commit that is on its way is unknown.
// It does not wait. Goroutine: any.
func (j *Journal) GiveUp() {
	j.gaveUp.Store(true)
	j.giveUp()
	j.mu.Lock()
	c := j.committer
	j.mu.Unlock()
	if c != nil {
		c.check()
	}
}

// Leads reports whether this node leads the stream now, false without Options.Shared. Goroutine: any.
func (j *Journal) Leads() bool { return j.shared != nil && j.shared.Leads() }

// Shared reports whether the journal was opened with Options.Shared.
func (j *Journal) Shared() bool { return j.shared != nil }

// Epoch returns the number of this process's fence, 0 before Lead has returned. Goroutine: any.
func (j *Journal) Epoch() uint64 {
	if j.shared == nil {
		return 0
	}
	return j.shared.epoch.Load()
}

// Proven returns how long ago the newest acknowledged batch was sent: at that moment no other process
// had taken over. It is the longest duration if no batch was acknowledged. Goroutine: any.
func (j *Journal) Proven() time.Duration {
	if j.shared == nil || j.shared.proven.Load() == 0 {
		return math.MaxInt64
	}
	return time.Since(j.shared.opened) - time.Duration(j.shared.proven.Load())
}

// SharedStats counts what happened in a shared journal since Open.
type SharedStats struct {
	Voids    uint64 // void batches that were skipped
	Repeated uint64 // batches that were sent again, since no answer came
	Adopted  uint64 // batches that turned out to be stored by an earlier attempt
}

// SharedStats returns the counters; they are 0 without Options.Shared. Goroutine: any.
func (j *Journal) SharedStats() SharedStats {
	s := j.shared
	if s == nil {
		return SharedStats{}
	}
	return SharedStats{Voids: s.voids.Load(), Repeated: s.repeated.Load(), Adopted: s.adopted.Load()}
}

// Voids returns how many void batches were skipped since Open. Goroutine: any.
func (j *Journal) Voids() uint64 { return j.SharedStats().Voids }

// countVoid counts a void batch that no reader has met before.
func (j *Journal) countVoid(number uint64) {
	for {
		last := j.shared.lastVoid.Load()
		if number <= last {
			return
		}
		if j.shared.lastVoid.CompareAndSwap(last, number) {
			j.shared.voids.Add(1)
			return
		}
	}
}

// use makes p publish as a shared journal demands: it repeats without end.
func (s *sharing) use(p *streamPublisher) {
	s.publisher = p
	p.shared, p.timeout, p.nobodyPause = s, sharedTimeout, sharedPause
	p.msg.Subject = s.Subject
	p.epoch = []string{""}
	p.msg.Header[EpochHeader] = p.epoch
}

// acknowledged notes that a batch is stored which was sent first at that time.
func (s *sharing) acknowledged(sent time.Time) { s.proven.Store(int64(max(sent.Sub(s.opened), 1))) }

// epochOf returns the epoch of a batch, 0 if it has none.
func epochOf(m *nats.Msg) uint64 {
	epoch, err := strconv.ParseUint(m.Header.Get(EpochHeader), 10, 64)
	if err != nil {
		return 0
	}
	return epoch
}

// A sharedReader is a batchReader of a shared journal. A node may lack the newest batches for a while,
// and for some time no server answers: then it asks again.
type sharedReader struct {
	j        *Journal
	r        *storeReader
	patience time.Duration // how long answers may lack the first batch; 0: it asks only once
}

func newSharedReader(j *Journal) (*sharedReader, error) {
	r, err := j.newStoreReader(sharedTimeout)
	if err != nil {
		return nil, err
	}
	return &sharedReader{j: j, r: r, patience: readTimeout}, nil
}

func (r *sharedReader) close() { r.r.close() }

func (r *sharedReader) window(ctx context.Context, number, last uint64, fn func(found) error) error {
	for start := time.Now(); ; {
		n := 0
		err := r.r.window(ctx, number, last, func(b found) error {
			n++
			return fn(b)
		})
		silent := errors.Is(err, errNoAnswer) || errors.Is(err, nats.ErrReconnectBufExceeded)
		if silent { // a late answer must not get into the next window
			r.r.close()
			var fresh *storeReader
			if fresh, err = r.j.newStoreReader(sharedTimeout); err != nil {
				return err
			}
			r.r = fresh
		}
		if err != nil || n > 0 || r.patience == 0 || !silent && time.Since(start) > r.patience {
			return err
		}
		if err := r.j.pause(ctx, sharedPoll); err != nil {
			return err
		}
	}
}
