package conformance

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Conn is a connection to the server: a net.Conn, or something in its place. Close ends
// Read and Write that run.
type Conn interface {
	io.ReadWriteCloser
	SetDeadline(t time.Time) error
}

// Settings are how a case runs.
type Settings struct {
	// Pieces is the most bytes that one write has: 1 sends each byte separately. 0: as the
	// case says, which is mostly whole frames; but never more than 256 KiB.
	Pieces int
	// Timeout is the longest time without a byte in either direction. 0: DefaultTimeout.
	Timeout time.Duration
	// Pause is how long the cases of section 6.4 wait to see whether the server fails the
	// connection; 5.19 and 5.20 wait at most that long for a pong. 0: DefaultPause.
	Pause time.Duration
}

// Defaults of Settings.
const (
	DefaultTimeout = 10 * time.Second
	DefaultPause   = time.Second
)

// exchange is one case on one connection. Owner: the goroutine of Case.Run.
type exchange struct {
	want   want
	pause  time.Duration
	out    *writer
	events <-chan event

	got       []event
	closeSent bool   // the client has sent a close frame
	closeGot  *event // the server's close frame
	end       error  // why reading ended; nil: it has not
}

// queued is how many events may wait while the client writes. A server that sends more is
// not read until the client is done.
const queued = 64

// Run plays the case on a connection on which the handshake is done (Upgrade), and closes
// the connection. The end of ctx ends the case; its result then says nothing.
func (c Case) Run(ctx context.Context, conn Conn, s Settings) Result {
	start := time.Now()
	timed := &timedConn{Conn: conn, timeout: orDefault(s.Timeout, DefaultTimeout)}
	events, done, stopped := make(chan event, queued), make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	x := &exchange{
		want: c.want, pause: orDefault(s.Pause, DefaultPause), events: events,
		out: &writer{conn: timed, longest: s.Pieces, keys: rand.New(rand.NewPCG(6455, 6455))}, // the same keys in each run
	}
	go func() {
		defer close(stopped)
		r := &reader{r: bufio.NewReaderSize(timed, 64<<10), limit: max(c.Bytes(), maxControl)}
		read(r, events, done)
	}()
	x.play(c.steps)
	stop()
	_ = conn.Close()
	close(done)
	<-stopped
	return Result{
		Number: c.number, Verdict: x.verdict(), Duration: time.Since(start),
		Sent: c.Sends(), Expected: c.Expects(), Got: x.String(),
	}
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// read sends events until reading fails, which is the last event, or done is closed.
func read(r *reader, events chan<- event, done <-chan struct{}) {
	for {
		e, err := r.next()
		if err != nil {
			e = event{op: opEnd, err: err}
		}
		select {
		case events <- e:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

// play runs the steps, and then waits until the case is decided.
func (x *exchange) play(steps []step) {
	for _, s := range steps {
		if !s.run(x) {
			break
		}
	}
	for x.end == nil && x.want.possible(x.got) {
		if x.want.ending == clientCloses && !x.closeSent && x.want.complete(x.got) {
			x.sendClose(closeFrame(normalClosure, ""))
		}
		x.take(<-x.events)
	}
}

// wait returns the next event if it comes within the pause.
func (x *exchange) wait() (e event, ok bool) {
	timer := time.NewTimer(x.pause)
	defer timer.Stop()
	select {
	case e := <-x.events:
		return e, true
	case <-timer.C:
		return event{}, false
	}
}

// take stores an event. It reports whether the steps go on: the connection is open, and
// the case may still pass.
func (x *exchange) take(e event) bool {
	switch e.op {
	case opEnd:
		x.end = e.err
		return false
	case opClose:
		x.closeGot = &e
		if !x.closeSent {
			x.sendClose(frame{op: opClose, payload: e.payload})
		}
		return false
	}
	x.got = append(x.got, e)
	return x.want.possible(x.got)
}

func (x *exchange) sendClose(f frame) {
	x.out.add(f)
	x.out.flush(0)
	x.closeSent = true
}

// verdict returns the verdict on all that has happened.
func (x *exchange) verdict() Verdict {
	w := x.want
	var wrong violation
	clean := w.ending == clientCloses || w.ending == closeAnswered
	switch {
	case x.end == nil, errors.As(x.end, &wrong), errors.Is(x.end, os.ErrDeadlineExceeded):
		return Failed
	case w.ending == anyEnding:
		return w.verdict(x.got)
	case clean && x.closeGot == nil:
		return Failed
	case x.closeGot != nil && x.closeGot.closeCode() != noCode && !slices.Contains(w.codes, x.closeGot.closeCode()):
		return Failed
	}
	return w.verdict(x.got)
}

// String describes all that has happened.
func (x *exchange) String() string {
	var parts []string
	for i, e := range x.got {
		part := e.String()
		if i < len(x.want.events) {
			if w := x.want.events[i]; w.op == e.op && w.payload.size == e.payload.size {
				if at := w.payload.difference(e.payload); at >= 0 {
					part += " (wrong from byte " + strconv.Itoa(at) + ")"
				}
			}
		}
		parts = append(parts, part)
	}
	if x.closeGot != nil {
		parts = append(parts, x.closeGot.String())
	}
	var wrong violation
	switch {
	case errors.As(x.end, &wrong):
		parts = append(parts, wrong.Error())
	case errors.Is(x.end, os.ErrDeadlineExceeded):
		parts = append(parts, "the connection stayed open")
	case x.end != nil && x.closeGot == nil:
		parts = append(parts, "end of the connection without a close frame")
	case x.end != nil:
		parts = append(parts, "end of the connection")
	}
	return strings.Join(parts, ", ")
}

// joinCodes lists codes.
func joinCodes(codes []int) string {
	var words []string
	for _, code := range codes {
		words = append(words, strconv.Itoa(code))
	}
	return strings.Join(words, " or ")
}
