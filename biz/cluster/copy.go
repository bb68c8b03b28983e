package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
)

// CopyConfig configures Copy. All fields but Progress are required.
type CopyConfig struct {
	// Node is the configuration of this node, of which Node, Peers, Listen, Secret, TLS, Data and Log count.
	Node Config
	// Journal is the folder of the journal of a server on its own that is stopped.
	Journal string
	// Replica returns the accounts of the seed before their first event, for a book: desk.NewReplica.
	Replica func(*desk.Book) (*desk.Replica, error)
	// Progress is called with how much is done; nil: it is not.
	Progress func(done, total int64)
}

// Copied is what Copy has written and compared.
type Copied struct {
	Streams   int               `json:"streams"`
	Records   uint64            `json:"records"` // of the server's journal
	Events    uint64            `json:"events"`  // of accounts
	StateHash [sha256.Size]byte `json:"-"`       // of all accounts, the same in the journal and in the streams
}

// Errors of Copy and TakePart.
var (
	// ErrNotNew means that the cluster has streams already.
	ErrNotNew = errors.New("cluster: the cluster has accounts already; a copy needs one whose nodes have empty data folders")
	// ErrCantCopy means that the journal can't be divided.
	ErrCantCopy = errors.New("cluster: the journal can't be copied")
	// ErrCopyDiffers means that the streams do not have what the journal has. They can't be used.
	ErrCopyDiffers = errors.New("cluster: the copy differs from the journal; report it")
)

// copyKey is in the metadata of stream 0 until a copy is complete: no node serves before.
const copyKey = "holdfast-copy"

// Copy divides the journal of a server on its own over the streams of a new cluster, which keeps the
// identity of its history, and compares the accounts. At least two other nodes must run TakePart meanwhile; it
// waits for them. Nodes do not serve a cluster whose copy is not complete. After an error, or the end of ctx,
// Copy removes the streams; if it can't, the next Copy does.
//
// Errors wrap ErrNotNew, ErrCantCopy, ErrCopyDiffers, or are those of Start and journal.Read.
func Copy(ctx context.Context, c CopyConfig) (*Copied, error) {
	if c.Progress == nil {
		c.Progress = func(int64, int64) {}
	}
	k := &copying{CopyConfig: c, book: desk.NewBook()}
	if err := k.readBook(ctx); err != nil {
		return nil, err
	}
	node, err := startCopyNode(&k.Node)
	if err != nil {
		return nil, err
	}
	defer node.close()
	k.copyNode = node
	k.layout = Layout{ID: k.book.History(), Streams: streamsPerNode * len(k.Node.Peers)}
	k.found.Streams = k.layout.Streams
	if err := k.makeStreams(ctx); err != nil {
		return nil, err
	}
	if err = k.run(ctx); err == nil {
		return &k.found, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, errors.Join(err, k.removeStreams(context.WithoutCancel(ctx)))
}

// copyNode is a node without venues and clients.
type copyNode struct {
	store *store
	js    jetstream.JetStream
	stop  func()
}

func startCopyNode(c *Config) (*copyNode, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.checkAlone(); err != nil {
		return nil, err
	}
	s, err := startStore(c)
	if err != nil {
		return nil, err
	}
	nc, err := s.connect("copy")
	if err != nil {
		s.close()
		return nil, err
	}
	n := &copyNode{store: s, stop: nc.Close}
	if n.js, err = jetstream.New(nc); err != nil {
		n.close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return n, nil
}

func (n *copyNode) close() {
	n.stop()
	n.store.close()
}

// isUnfinished returns whether stream 0 is there, and whether a copy into it is not complete. The error
// may pass by itself.
func (n *copyNode) isUnfinished(ctx context.Context) (exists, unfinished bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	s, err := n.js.Stream(ctx, StreamName(0))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	return true, s.CachedInfo().Config.Metadata[copyKey] != "", nil
}

// TakePart makes this process a node that only stores what Copy writes, until the copy is complete. Errors
// wrap ErrNotNew, or are those of Start and of the end of ctx.
func TakePart(ctx context.Context, c *Config) error {
	n, err := startCopyNode(c)
	if err != nil {
		return err
	}
	defer n.close()
	for seen := false; ; {
		exists, unfinished, err := n.isUnfinished(ctx)
		switch {
		case err != nil: // no leader yet
		case unfinished:
			seen = true
		case exists && seen:
			return nil
		case exists:
			return ErrNotNew
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(layoutPause):
		}
	}
}

// copying is a Copy in progress.
type copying struct {
	CopyConfig
	*copyNode

	layout  Layout
	book    *desk.Book    // of the journal
	before  *desk.Replica // accounts of the journal
	streams []*copyStream
	found   Copied
}

// The parts of the work, for Progress.
const (
	partBook = iota
	partCopy
	partCompare
	parts
)

// readBook reads the definitions in the journal, and checks that it can be copied.
func (c *copying) readBook(ctx context.Context) error {
	report, err := c.read(ctx, partBook, func(_ []byte, e *desk.Entry) error {
		if e.Fence != nil {
			return fmt.Errorf("%w: it is that of a node of a cluster", ErrCantCopy)
		}
		return c.book.Add(e)
	})
	switch {
	case err != nil:
		return err
	case report.First > 1:
		return fmt.Errorf("%w: it starts with batch %d, as older ones were trimmed (journal_keep), and what accounts had then is not in it. Restore a backup from before that, or start the cluster without these accounts",
			ErrCantCopy, report.First)
	case !c.book.Complete():
		return fmt.Errorf("%w: an earlier release wrote it. Start and stop the server once with this release", ErrCantCopy)
	}
	c.before, err = c.Replica(c.book)
	return err
}

// read calls each for every record of the journal.
func (c *copying) read(ctx context.Context, part int64, each func(record []byte, e *desk.Entry) error) (journal.Report, error) {
	return journal.Read(ctx, journal.ReadOptions{
		Dir:      c.Journal,
		Progress: func(done, total int64) { c.Progress(part*total+done, parts*total) },
		Each: func(b *journal.Batch) error {
			for number, record := range b.Records() {
				e, err := desk.DecodeEntry(record)
				if err == nil {
					err = each(record, &e)
				}
				if err != nil {
					return fmt.Errorf("batch %d, record %d: %w", b.Number, number, err)
				}
			}
			return ctx.Err()
		},
	})
}

// makeStreams makes all streams, once two other nodes are there. Those of a copy that was not completed
// are removed before.
func (c *copying) makeStreams(ctx context.Context) error {
	warned := time.Now()
	for {
		err := c.tryStreams(ctx)
		if err == nil || errors.Is(err, ErrNotNew) {
			return err
		}
		if time.Since(warned) > 10*time.Second {
			warned = time.Now()
			c.Node.Log.Warn("waiting for the other nodes: run \"holdfast cluster copy\" there, too, without --source", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cluster: nothing was copied: %w", context.Cause(ctx))
		case <-time.After(layoutPause):
		}
	}
}

func (c *copying) tryStreams(ctx context.Context) error {
	exists, unfinished, err := c.isUnfinished(ctx)
	switch {
	case err != nil:
		return err
	case exists && !unfinished:
		return ErrNotNew
	case exists:
		if err := c.removeStreams(ctx); err != nil {
			return err
		}
	}
	for n := range c.layout.Streams {
		metadata := c.layout.metadata()
		if n == 0 {
			metadata[copyKey] = "unfinished"
		}
		ctx, cancel := context.WithTimeout(ctx, apiTime)
		_, err := c.js.CreateStream(ctx, streamConfig(n, metadata))
		cancel()
		if err != nil {
			return fmt.Errorf("cluster: stream %s: %w", StreamName(n), err)
		}
	}
	return nil
}

// removeTime is how long the removal of all streams may take.
const removeTime = 10 * time.Second

// removeStreams removes what was made; stream 0, which says that it is not complete, is the last.
func (c *copying) removeStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	for n := c.layout.Streams - 1; n >= 0; n-- {
		if err := c.js.DeleteStream(ctx, StreamName(n)); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("cluster: remove stream %s: %w", StreamName(n), err)
		}
	}
	return nil
}

// run writes the streams, compares them, and lets nodes serve them.
func (c *copying) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(c.Node.Data, "copy-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer func() {
		for _, s := range c.streams {
			err = errors.Join(err, s.end())
		}
	}()
	for n := range c.layout.Streams {
		s, err := c.openStream(ctx, n, dir)
		if err != nil {
			return err
		}
		c.streams = append(c.streams, s)
	}
	if _, err := c.read(ctx, partCopy, func(record []byte, e *desk.Entry) error { return c.write(ctx, record, e) }); err != nil {
		return err
	}
	for _, s := range c.streams {
		if err := s.close(ctx); err != nil {
			return err
		}
	}
	if err := c.compare(ctx); err != nil {
		return err
	}
	return c.complete(ctx)
}

// write writes a record to the streams that need it.
func (c *copying) write(ctx context.Context, record []byte, e *desk.Entry) error {
	c.found.Records++
	c.found.Events += uint64(len(e.Events))
	switch {
	case len(e.Events) > 0:
		if err := c.before.Apply(e); err != nil {
			return err
		}
		return c.streams[c.layout.StreamOf(e.Events[0].Customer())].write(ctx, record)
	case e.Sequence != nil:
		return c.streams[c.layout.StreamOf(e.Sequence.Customer)].write(ctx, record)
	case e.Audit != nil:
		return c.streams[marketStream].write(ctx, record)
	}
	for _, s := range c.streams { // definitions, the market, the script
		if err := s.write(ctx, record); err != nil {
			return err
		}
	}
	return nil
}

// compare reads the streams, and compares definitions and accounts with those of the journal.
func (c *copying) compare(ctx context.Context) error {
	after, err := c.Replica(c.book)
	if err != nil {
		return err
	}
	events := uint64(0)
	for n, s := range c.streams {
		book := desk.NewBook()
		if err := s.journal.Replay(ctx, 1, func(_ journal.Position, record []byte) error {
			e, err := desk.DecodeEntry(record)
			if err == nil {
				err = book.Add(&e)
			}
			if err == nil {
				err = after.Apply(&e)
			}
			if len(e.Events) > 0 && c.layout.StreamOf(e.Events[0].Customer()) != n {
				err = errors.Join(err, fmt.Errorf("customer %d is not one of this stream", e.Events[0].Customer()))
			}
			events += uint64(len(e.Events))
			return err
		}); err != nil {
			return fmt.Errorf("%w: stream %s: %w", ErrCopyDiffers, s.name, err)
		}
		if !reflect.DeepEqual(book, c.book) {
			return fmt.Errorf("%w: stream %s has other instruments or customers", ErrCopyDiffers, s.name)
		}
		c.Progress(int64(partCompare*c.layout.Streams+n+1), int64(parts*c.layout.Streams))
	}
	c.found.StateHash = after.StateHash()
	if hash := c.before.StateHash(); hash != c.found.StateHash || events != c.found.Events {
		return fmt.Errorf("%w: the state of the accounts has the hash %x after %d events, and %x after %d in the streams", ErrCopyDiffers, hash, c.found.Events, c.found.StateHash, events)
	}
	return nil
}

// complete waits until all nodes have everything, and lets them serve.
func (c *copying) complete(ctx context.Context) error {
	for n := range c.layout.Streams {
		for !c.isCurrent(ctx, StreamName(n)) {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(layoutPause):
			}
		}
	}
	for {
		_, unfinished, err := c.isUnfinished(ctx)
		if err == nil && !unfinished {
			return nil
		}
		update, cancel := context.WithTimeout(ctx, apiTime)
		_, _ = c.js.UpdateStream(update, streamConfig(0, c.layout.metadata())) // looked at again
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (c *copying) isCurrent(ctx context.Context, stream string) bool {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return false
	}
	copies := copiesIn(s.CachedInfo().Cluster)
	for _, k := range copies {
		if !k.Current || k.Lag > 0 {
			return false
		}
	}
	return len(copies) == Replicas
}

// copyStream is one stream of a Copy.
type copyStream struct {
	name      string
	journal   *journal.Journal
	committer *journal.Committer[nothing]
	closed    bool
	stop      func() bool
}

// nothing is what waits for a commit of a Copy.
type nothing struct{}

// Release implements journal.Held.
func (nothing) Release() {}

// Abandon implements journal.Held.
func (nothing) Abandon() {}

// SizeBytes implements journal.Held.
func (nothing) SizeBytes() int { return 0 }

// copyOpenBytes is how much of a stream waits to be written at most.
const copyOpenBytes = 4 << 20

func (c *copying) openStream(ctx context.Context, n int, dir string) (*copyStream, error) {
	s := &copyStream{name: StreamName(n)}
	var err error
	if s.journal, err = journal.Open(ctx, journal.Options{Dir: filepath.Join(dir, s.name), Replicas: Replicas, Log: c.Node.Log, Shared: &journal.Shared{
		Connect: c.store.connect, Stream: s.name, Subject: subjectOf(n), Node: c.Node.Node, Fence: desk.NewFence(c.Node.Node),
		Leads: func() bool { return true }, // nobody else writes: the fence would be refused otherwise
	}}); err != nil {
		return nil, fmt.Errorf("cluster: stream %s: %w", s.name, err)
	}
	s.stop = context.AfterFunc(ctx, s.journal.GiveUp)
	if err := s.journal.Lead(ctx, 1, func(*journal.Batch) error { return nil }); err != nil {
		s.stop()
		return nil, errors.Join(fmt.Errorf("cluster: stream %s: %w", s.name, err), s.journal.Close(context.WithoutCancel(ctx)))
	}
	s.committer = journal.NewCommitter(s.journal, func() nothing { return nothing{} }, journal.CommitterOptions{MaxOpenBytes: copyOpenBytes})
	return s, nil
}

// write adds a record, when there is space.
func (s *copyStream) write(ctx context.Context, record []byte) error {
	for !s.committer.Accepts() && s.committer.Failed() == nil {
		wait(ctx, time.Millisecond)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := s.committer.Failed(); err != nil {
		return fmt.Errorf("cluster: stream %s: %w", s.name, err)
	}
	s.committer.Begin().Record(record)
	s.committer.End()
	return nil
}

// close makes everything durable.
func (s *copyStream) close(ctx context.Context) error {
	s.closed = true
	if err := s.committer.Close(ctx); err != nil {
		return fmt.Errorf("cluster: stream %s: %w", s.name, err)
	}
	return nil
}

// end closes the journal. What was not made durable before is abandoned.
func (s *copyStream) end() error {
	if !s.closed {
		s.journal.GiveUp()
		_ = s.close(context.Background()) // it ends at once
	}
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return s.journal.Close(ctx)
}
