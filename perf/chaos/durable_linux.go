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
		How:     "every write, fsync and send of a server under load is traced, and their order is checked",
		Promise: "a reply or push that shows an order is sent only after the fsync that covers it has returned and the journal's mark includes it",
		Needs:   []string{"strace"},
		Long:    Size{Rounds: 1, Size: 100_000}, Gate: Size{Rounds: 1, Size: 2000},
		SizeHelp: "orders",
		Run:      runDurable,
	}
}

const durableTraders = 16

// runDurable traces r.Size orders.
func runDurable(ctx context.Context, r *Run) error {
	order, traders := newOrderOfCalls(r), r.newTraders(durableTraders)
	var took time.Duration
	order.trace(ctx, ServerOptions{}, r.Scratch, nil, func(s *Server, err error) {
		check(err)
		took = r.tradeTraced(ctx, s.Addr, traders)
		check(s.Terminate()) // after a kill, strace would not have written the last calls
		must(s.WaitFor(ctx, patience))
	})
	return order.finish(traders, took)
}

// trace starts a server under strace, with additional strace flags, and calls use with
// the results of Start. Then it kills the server and reads the rest of the trace. folder
// is for the pipe.
func (o *orderOfCalls) trace(ctx context.Context, so ServerOptions, folder string, flags []string, use func(*Server, error)) {
	pipe := filepath.Join(folder, "trace")
	check(unix.Mkfifo(pipe, 0o600))
	traced := make(chan error, 1)
	go func() { traced <- o.read(pipe) }()
	so.Prefix = traceFlags(pipe, flags...)
	s, err := o.Start(ctx, so)
	all := []error{catch(func() { use(s, err) })}
	if s != nil {
		all = append(all, s.KillGroup())
	}
	unblock(pipe) // strace may not have opened it
	check(errors.Join(append(all, <-traced)...))
}

// tradeTraced runs the traders until they placed r.Size orders.
func (r *Run) tradeTraced(ctx context.Context, addr string, traders []*trader) (took time.Duration) {
	rememberAll(ctx, addr, traders)
	for _, t := range traders {
		t.workers, t.limit = 16, max(1, r.Size/durableTraders)
	}
	start := time.Now()
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
	check(ctx.Err())
	return time.Since(start)
}

// unblock ends the reader of a pipe that has no writer.
func unblock(pipe string) {
	if f, err := os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
		_ = f.Close()
	}
}

// orderOfCalls follows client order ids from the journal's files to the disk and the
// sockets.
type orderOfCalls struct {
	*Run
	written map[string][]orderName // by file: written and not synced
	under   map[int]written        // by thread: in a running call
	leaving map[int]leaving        // by thread: in a running send
	ends    map[string][]byte      // by socket: the last bytes sent, which may be part of an id
	synced  []orderName            // synced and not marked
	durable map[orderName]int      // synced and marked: how often each was sent since
	lost    map[orderName]bool     // covered by a failed fsync
	failed  chan struct{}          // closed when an fsync of the journal has failed
	faults  int                    // failed fsyncs, of any file
	fsyncs  int
	shown   int // number of ids sent to sockets
}

// orderName is the client order id of a trader: "100001/00000017".
type orderName [15]byte

// written holds the ids that a write puts into a file, or that an fsync covers.
type written struct {
	file  string
	names []orderName
	ends  []int // end of each id in the written bytes
}

// leaving holds the ids in the bytes of a send, preceded by the last bytes of the one
// before.
type leaving struct {
	socket string
	text   []byte
	old    int // bytes of the previous send
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

// take handles one call.
func (o *orderOfCalls) take(c *call) {
	if c.starts && (strings.HasPrefix(c.file, "socket:") || strings.HasPrefix(c.file, "TCP")) {
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

// isBlock reports whether the journal stores batches in a file.
func isBlock(file string) bool {
	return strings.HasSuffix(file, ".blk") && strings.Contains(file, "/journal/")
}

// write records, when the call ends, the ids written to a file of the journal, as far as
// the result of the call covers them.
func (o *orderOfCalls) write(c *call) {
	if c.starts && isBlock(c.file) {
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

// isMark reports whether a file is the mark, which says how far the journal is
// acknowledged.
func isMark(file string) bool { return strings.HasSuffix(file, "/journal/mark") }

// mark makes durable what was synced when the call started: after a kill, damage in
// unmarked data passes for an unfinished write.
func (o *orderOfCalls) mark(c *call) {
	if c.starts && isMark(c.file) {
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
		o.durable[name] += 0 // now in the map
	}
}

// sync records as synced what was written when the call started, or as lost if the call
// fails: the system may have dropped the data, and a later fsync does not report it.
func (o *orderOfCalls) sync(c *call) {
	if c.starts {
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

// send checks that all orders in the bytes of a send are durable, including one whose id
// started in the previous send.
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
			o.Broken("%s left on a socket although its fsync has failed", name[:])
		} else if _, ok := o.durable[name]; !ok {
			o.Broken("%s left on a socket before its fsync had returned and the mark was written", name[:])
		}
	}
}

// sent counts the orders in the bytes sent; result is below 0 if the call failed.
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

// orderNames returns the client order ids of traders in content, and where each ends.
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

// finish writes the figures. Every acknowledged order and replacement must be in the trace as
// often as it was sent at least: else the trace has holes.
func (o *orderOfCalls) finish(traders []*trader, took time.Duration) error {
	acked, unseen := 0, 0
	for _, t := range traders {
		for n := range t.ledger.orders {
			if least := int(t.ledger.orders[n].shown); least > 0 {
				acked++
				if o.durable[orderName([]byte(t.ledger.name(uint32(n))))] < least {
					unseen++
				}
			}
		}
	}
	o.Figure("orders and replacements acknowledged", acked, "")
	o.Figure("of these seen durable before reply and push", acked-unseen, "")
	o.Figure("fsyncs that covered them", o.fsyncs, "")
	o.Figure("times an order was sent to a client", o.shown, "")
	o.Figure("orders a second", float64(acked)/took.Seconds(), "")
	if acked < o.Size/2 || unseen > 0 && o.Breaches() == 0 {
		return fmt.Errorf("%w: %d orders of %d, %d not seen on sockets", ErrTooLittle, acked, o.Size, unseen)
	}
	return nil
}
