package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func durableFault() Fault {
	return Fault{
		Name: "durable", ID: "D2", Short: "writes, fsyncs and sends traced and put in order",
		How:     "every write, fsync and send of a server under load is traced and put in order",
		Promise: "a reply or push that shows an order leaves after the fsync that covers it has returned and the journal's mark names it",
		Needs:   []string{"strace"},
		Long:    Size{Rounds: 1, Size: 100_000}, Gate: Size{Rounds: 1, Size: 2000},
		Run: runDurable,
	}
}

const durableTraders = 16

// runDurable traces r.Size orders.
func runDurable(ctx context.Context, r *Run) error {
	pipe := filepath.Join(r.Scratch, "trace")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		return err
	}
	order := newOrderOfCalls(r)
	traced := make(chan error, 1)
	go func() { traced <- order.read(pipe) }()
	s, err := r.Start(ctx, ServerOptions{Prefix: traceFlags(pipe)})
	var took time.Duration
	traders := r.newTraders(durableTraders)
	if err == nil {
		took, err = r.tradeTraced(ctx, s.Addr, traders)
	}
	if s != nil {
		err = errors.Join(err, endTraced(ctx, s))
	}
	unblock(pipe) // strace may not have come to it
	if err := errors.Join(err, <-traced); err != nil {
		return err
	}
	return order.finish(traders, took)
}

// endTraced lets the server end by itself: strace, killed beside it, would not have
// written down the last calls.
func endTraced(ctx context.Context, s *Server) error {
	err := s.Terminate()
	if err == nil {
		_, err = s.WaitFor(ctx, patience)
	}
	return errors.Join(err, s.end())
}

// tradeTraced lets the traders make r.Size orders.
func (r *Run) tradeTraced(ctx context.Context, addr string, traders []*trader) (took time.Duration, err error) {
	if err := rememberAll(ctx, addr, traders); err != nil {
		return 0, err
	}
	for _, t := range traders {
		t.workers, t.limit = 16, max(1, r.Size/durableTraders)
	}
	begin := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tradeAll(ctx, addr, traders)
	}()
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(time.Second):
			r.Progress(countAll(traders).acked, r.Size, "orders")
		}
	}
	return time.Since(begin), ctx.Err()
}

// unblock lets a reader of a pipe that nobody writes to come to its end.
func unblock(pipe string) {
	if f, err := os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
		_ = f.Close()
	}
}

// orderOfCalls follows client order ids from the journal's file to the disk and to
// sockets.
type orderOfCalls struct {
	*Run
	written map[string][]orderName // by file: in it, and not synced
	under   map[int]written        // by thread: in a call that has not ended
	leaving map[int]leaving        // by thread: in a send that has not ended
	ends    map[string][]byte      // by socket: the last bytes sent, which may be part of an id
	synced  []orderName            // and not marked
	durable map[orderName]int      // synced and marked: how often each has left since
	lost    map[orderName]bool     // covered by an fsync that failed
	failed  chan struct{}          // closed when one of the journal's has failed
	faults  int                    // fsyncs that failed, of any file
	fsyncs  int
	shown   int // ids in what went to sockets
}

// orderName is the client order id of a trader: "100001/00000017".
type orderName [15]byte

// written is what a write puts into a file, or what an fsync of it covers.
type written struct {
	file  string
	names []orderName
	ends  []int // of each in what is written
}

// leaving is what a send is to send, behind the last bytes of the one before.
type leaving struct {
	socket string
	text   []byte
	old    int // bytes of the one before
}

func newOrderOfCalls(r *Run) *orderOfCalls {
	return &orderOfCalls{
		Run: r, written: make(map[string][]orderName), under: make(map[int]written), leaving: make(map[int]leaving),
		ends: make(map[string][]byte), durable: make(map[orderName]int), lost: make(map[orderName]bool), failed: make(chan struct{}),
	}
}

func (o *orderOfCalls) read(pipe string) error {
	f, err := os.Open(pipe)
	if err != nil {
		return err
	}
	defer f.Close()
	return readTrace(f, o.take)
}

// take puts one call in its place.
func (o *orderOfCalls) take(c *call) {
	if c.begins && (strings.HasPrefix(c.file, "socket:") || strings.HasPrefix(c.file, "TCP")) {
		o.send(c)
	}
	if l, found := o.leaving[c.thread]; found && c.ends {
		o.sent(l, c.result)
		delete(o.leaving, c.thread)
		return
	}
	switch c.name {
	case "pwrite64", "pwritev", "pwritev2", "write", "writev":
		o.write(c)
		o.mark(c)
	case "fsync", "fdatasync":
		o.sync(c)
	}
}

// isBlock tells whether a file is one that the journal keeps batches in.
func isBlock(file string) bool {
	return strings.HasSuffix(file, ".blk") && strings.Contains(file, "/journal/")
}

// write notes what a file of the journal has when the call has ended: as much as
// the call says.
func (o *orderOfCalls) write(c *call) {
	if c.begins && isBlock(c.file) {
		names, ends := orderNames(c.content)
		o.under[c.thread] = written{c.file, names, ends}
		if c.unreadable {
			o.Broken("a write is too long for the trace")
		}
	}
	w, found := o.under[c.thread]
	if !c.ends || !found || !isBlock(w.file) {
		return
	}
	delete(o.under, c.thread)
	for i, name := range w.names {
		if w.ends[i] <= c.result {
			o.written[w.file] = append(o.written[w.file], name)
		}
	}
}

// isMark tells whether a file is the one that says how far the journal is
// acknowledged.
func isMark(file string) bool { return strings.HasSuffix(file, "/journal/mark") }

// mark makes durable what was synced when the call began: after a kill damage in
// what is not marked is taken for a write that did not come to its end.
func (o *orderOfCalls) mark(c *call) {
	if c.begins && isMark(c.file) {
		o.under[c.thread] = written{file: c.file, names: o.synced}
		o.synced = nil
	}
	w, found := o.under[c.thread]
	if !c.ends || !found || !isMark(w.file) {
		return
	}
	delete(o.under, c.thread)
	if c.result <= 0 {
		return
	}
	for _, name := range w.names {
		o.durable[name] += 0 // in the map from here on
	}
}

// sync notes as synced what had been written when the call began, or as lost where
// the call fails: the system may have dropped it, and a later call says nothing of it.
func (o *orderOfCalls) sync(c *call) {
	if c.begins {
		o.under[c.thread] = written{file: c.file, names: o.written[c.file]}
		delete(o.written, c.file)
	}
	w, found := o.under[c.thread]
	if !c.ends || !found {
		return
	}
	delete(o.under, c.thread)
	if c.result != 0 {
		o.fail(w)
		return
	}
	if len(w.names) > 0 {
		o.fsyncs++
	}
	o.synced = append(o.synced, w.names...)
}

func (o *orderOfCalls) fail(w written) {
	o.faults++
	for _, name := range w.names {
		o.lost[name] = true
	}
	if !isBlock(w.file) {
		return
	}
	select {
	case <-o.failed:
	default:
		close(o.failed)
	}
}

// send checks that all orders in what is about to leave are durable, also one
// whose id began in the send before.
func (o *orderOfCalls) send(c *call) {
	if c.unreadable {
		o.Broken("a send is too long for the trace")
	}
	last := o.ends[c.file]
	l := leaving{socket: c.file, text: append(bytes.Clone(last), c.content...), old: len(last)}
	o.leaving[c.thread] = l
	names, _ := orderNames(l.text)
	for _, name := range names {
		if o.lost[name] {
			o.Broken("%s left on a socket although the fsync that covers it has failed", name[:])
		} else if _, ok := o.durable[name]; !ok {
			o.Broken("%s left on a socket before an fsync that covers it had returned and the mark was written", name[:])
		}
	}
}

// sent counts the orders in what has left: so many bytes, below 0 for none.
func (o *orderOfCalls) sent(l leaving, result int) {
	text := l.text[:min(len(l.text), l.old+max(0, result))]
	names, _ := orderNames(text)
	for _, name := range names {
		o.shown++
		if times, ok := o.durable[name]; ok && !o.lost[name] {
			o.durable[name] = times + 1
		}
	}
	o.ends[l.socket] = text[max(0, len(text)-len(orderName{})+1):]
}

// orderNames finds the client order ids of traders in bytes, and where each ends.
func orderNames(content []byte) (names []orderName, ends []int) {
	for at := 0; ; at++ {
		i := bytes.IndexByte(content[at:], '/')
		if i < 0 {
			return names, ends
		}
		at += i
		if at >= 6 && len(content) >= at+9 && digits(content[at-6:at]) && digits(content[at+1:at+9]) {
			names, ends = append(names, orderName(content[at-6:at+9])), append(ends, at+9)
		}
	}
}

func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// timesShown is how often an order that is acknowledged leaves at least: in the
// reply, and in the push of the execution.
const timesShown = 2

// finish gives the figures. Every order that a trader was told of must have been
// seen as often as it left, each by its id: else the trace has holes.
func (o *orderOfCalls) finish(traders []*trader, took time.Duration) error {
	acked, unseen := 0, 0
	for _, t := range traders {
		for _, name := range t.ledger.acknowledged() {
			acked++
			if o.durable[name] < timesShown {
				unseen++
			}
		}
	}
	o.Figure("orders acknowledged", acked, "")
	o.Figure("seen durable, then in reply and push", acked-unseen, "")
	o.Figure("fsyncs that covered them", o.fsyncs, "")
	o.Figure("times an order went out", o.shown, "")
	o.Figure("orders traced", float64(acked)/took.Seconds(), "a second")
	if acked < o.Size/2 || unseen > 0 && o.Breaches() == 0 {
		return fmt.Errorf("%w: %d orders of %d, %d not seen on sockets", ErrTooLittle, acked, o.Size, unseen)
	}
	return nil
}

// acknowledged lists the orders that the customer was told are executed.
func (l *ledger) acknowledged() (names []orderName) {
	for n, number := range l.filled {
		if number != 0 && number != refusedOrder && l.entries[number].acked {
			names = append(names, orderName(fmt.Appendf(nil, "%d/%08d", l.customer, n)))
		}
	}
	return names
}
