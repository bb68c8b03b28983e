package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// troubleGrace is how long the publisher still waits after the server has logged an
// error.
const troubleGrace = 200 * time.Millisecond

// statusNobody is the status of the answer when no server serves the stream, such as in a
// cluster without a leader.
const (
	statusNobody    = "503"
	codeUnavailable = 503 // of an error that will pass
	nobodyPause     = 250 * time.Millisecond
)

// A publishFunc stores msg as the batch after batch last. If it returns nil, the batch is
// on the disk. After an error the outcome is unknown.
type publishFunc func(msg []byte, last uint64) error

// A streamPublisher publishes to the stream, one batch at a time. Each message has the
// expected number of the last batch, so no batch is written twice and a second writer is
// noticed.
type streamPublisher struct {
	nc       *nats.Conn
	sub      *nats.Subscription
	inbox    string // replies come to inbox.<number of the batch>
	acks     chan *nats.Msg
	timer    *time.Timer
	timeout  time.Duration
	attempts int
	trouble  *trouble
	abort    <-chan struct{}
	fetch    func(number uint64) ([]byte, error)
	msg      nats.Msg
	expect   []string

	nobodyPause time.Duration
	shared      *sharing     // of a shared journal: batches are repeated without end; else nil
	epoch       []string     // the header's value
	goOn        func() error // if set, its error ends publish between two attempts

	recheck   func() error // checks the servers again; nil for the embedded store
	rechecked uint64       // number of reconnects at the last recheck
}

// errRepeat means that the answer does not tell whether the batch is stored.
var errRepeat = errors.New("the outcome is unknown")

// errNobody means that no server serves the stream at the moment.
var errNobody = errors.New("no server serves the stream: check the JetStream servers")

// newStreamPublisher subscribes to the acknowledgements. fetch reads a batch from the
// stream. Closing abort ends all waiting.
func newStreamPublisher(nc *nats.Conn, o Options, t *trouble, abort <-chan struct{},
	fetch func(uint64) ([]byte, error),
) (*streamPublisher, error) {
	p := &streamPublisher{
		nc:       nc,
		inbox:    nc.NewInbox(),
		acks:     make(chan *nats.Msg, max(2*o.AckAttempts+2, 64)),
		timer:    time.NewTimer(o.AckTimeout),
		timeout:  o.AckTimeout,
		attempts: o.AckAttempts,
		trouble:  t,
		abort:    abort,
		fetch:    fetch,
		expect:   []string{""},

		nobodyPause: nobodyPause,
	}
	sub, err := nc.ChanSubscribe(p.inbox+".*", p.acks)
	if err != nil {
		return nil, fmt.Errorf("journal: acknowledgements: %w", err)
	}
	p.sub = sub
	p.msg.Subject = subject
	p.msg.Header = nats.Header{jetstream.ExpectedLastSeqHeader: p.expect}
	return p, nil
}

// publish sends the same bytes with the same expected number until the outcome is known,
// all attempts are used, or the store has failed permanently. While no server serves the
// stream, it waits for at most as long as all attempts could take.
func (p *streamPublisher) publish(msg []byte, last uint64) error {
	p.expect[0] = strconv.FormatUint(last, 10)
	p.msg.Data = msg
	p.msg.Reply = p.inbox + "." + strconv.FormatUint(last+1, 10)
	if p.shared != nil {
		return p.publishShared(msg, last)
	}
	start, budget := time.Now(), time.Duration(p.attempts)*p.timeout
	for attempt := 0; attempt < p.attempts; {
		ack, err := p.once()
		switch {
		case errors.Is(err, errNobody):
			if time.Since(start) > budget {
				return fmt.Errorf("%w: batch %d: %w", ErrUnacknowledged, last+1, err)
			}
			if err := p.pause(); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case ack != nil:
			return p.judge(ack, msg, last)
		case p.trouble.broken.Load():
			return fmt.Errorf("%w: batch %d: %s; check the disk and its free space, then start the server again", ErrBroken, last+1, p.trouble.text())
		}
		attempt++
	}
	return fmt.Errorf("%w: batch %d, %d attempts of up to %v; check the disk or the JetStream servers; the last error of the store: %q",
		ErrUnacknowledged, last+1, p.attempts, p.timeout, p.trouble.text())
}

// publishShared is publish for a shared journal: it ends when the outcome is known, the journal is
// given up, or goOn returns an error.
func (p *streamPublisher) publishShared(msg []byte, last uint64) error {
	for start, attempt := time.Now(), 0; ; attempt++ {
		if p.goOn != nil {
			if err := p.goOn(); err != nil {
				return err
			}
		}
		if attempt > 0 {
			p.shared.repeated.Add(1)
		}
		ack, err := p.once()
		if ack != nil {
			err = p.judge(ack, msg, last)
		}
		switch {
		case ack == nil && err == nil: // it has waited
		case errors.Is(err, errNobody), errors.Is(err, errRepeat):
			if err := p.pause(); err != nil {
				return err
			}
		case err == nil:
			p.shared.acknowledged(start)
			return nil
		default:
			return err
		}
	}
}

// once sends the batch and returns the answer, nil if there was no answer in time, or
// errNobody if no server received it.
func (p *streamPublisher) once() (*nats.Msg, error) {
	p.trouble.forget()
	err := p.nc.PublishMsg(&p.msg)
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return nil, errNobody
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnacknowledged, err)
	}
	ack, err := p.await(p.msg.Reply)
	if ack != nil && ack.Header.Get("Status") == statusNobody {
		return nil, errNobody
	}
	return ack, err
}

// trust checks the servers again if the connection was lost since the last check: a server
// may have restarted with other settings.
func (p *streamPublisher) trust() error {
	if p.recheck == nil {
		return nil
	}
	n := p.nc.Stats().Reconnects
	if n == p.rechecked {
		return nil
	}
	if err := p.recheck(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnacknowledged, err)
	}
	p.rechecked = n
	return nil
}

// await returns the next answer to the subject reply, or nil if there was no answer in
// time. It drops late answers to earlier batches.
func (p *streamPublisher) await(reply string) (*nats.Msg, error) {
	p.timer.Reset(p.timeout)
	for {
		select {
		case m := <-p.acks:
			if m.Subject == reply {
				return m, nil
			}
		case <-p.trouble.signal:
			p.timer.Reset(min(p.timeout, troubleGrace))
		case <-p.timer.C:
			return nil, nil
		case <-p.abort:
			return nil, fmt.Errorf("%w: stopped waiting, since the journal closes", ErrUnacknowledged)
		}
	}
}

// pause waits before the next attempt while no server serves the stream.
func (p *streamPublisher) pause() error {
	p.timer.Reset(p.nobodyPause)
	select {
	case <-p.timer.C:
		return nil
	case <-p.abort:
		return fmt.Errorf("%w: stopped waiting, since the journal closes", ErrUnacknowledged)
	}
}

// judge evaluates the answer. Everything except success and a wrong expected number is a
// refusal.
func (p *streamPublisher) judge(ack *nats.Msg, msg []byte, last uint64) error {
	var answer struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(ack.Data, &answer); err != nil {
		return fmt.Errorf("%w: answer %q %q", ErrRefused, ack.Header, ack.Data)
	}
	switch {
	case answer.Error == nil && answer.Seq == last+1:
		return p.trust()
	case answer.Error == nil:
		return fmt.Errorf("%w: batch %d was stored as %d", ErrFenced, last+1, answer.Seq)
	case answer.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence, answer.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return p.adopt(msg, last+1)
	case p.shared != nil && answer.Error.Code == codeUnavailable:
		return errRepeat
	}
	return fmt.Errorf("%w: %w", ErrRefused, answer.Error)
}

// adopt checks who wrote batch number: an earlier attempt of ours, whose acknowledgement
// was lost, or another writer.
func (p *streamPublisher) adopt(msg []byte, number uint64) error {
	there, err := p.fetch(number)
	if p.shared != nil && (err != nil || there == nil) { // this node does not have it yet
		return errRepeat
	}
	if err != nil {
		return fmt.Errorf("%w: batch %d: %w", ErrUnacknowledged, number, err)
	}
	if !bytes.Equal(there, msg) {
		return fmt.Errorf("%w: batch %d", ErrFenced, number)
	}
	if p.shared != nil {
		p.shared.adopted.Add(1)
	}
	return p.trust()
}
