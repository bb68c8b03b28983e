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

// troubleGrace is how long an answer may still take after the server logged an
// error.
const troubleGrace = 200 * time.Millisecond

// statusNobody is what comes back when nobody serves the stream: a cluster without a
// leader.
const (
	statusNobody = "503"
	nobodyPause  = 250 * time.Millisecond
)

// A publisher makes msg the batch after batch last. When it returns nil, the
// batch is on the disk. After an error nothing is known about the batch.
type publisher interface {
	publish(msg []byte, last uint64) error
}

// A streamPublisher publishes to the stream, one batch at a time, each with
// the last number it expects, so that no batch is written twice and no second
// writer goes unnoticed.
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
	stored   func(number uint64) ([]byte, error)
	msg      nats.Msg
	expect   []string

	recheck   func() error // nil for a store in this process
	rechecked uint64       // reconnects up to the last recheck
}

// errNobody means that nobody serves the stream at the moment.
var errNobody = errors.New("nobody serves the stream")

// newStreamPublisher subscribes to the acknowledgements. stored fetches a
// batch that is in the stream; a closed abort ends all waiting.
func newStreamPublisher(nc *nats.Conn, o Options, t *trouble, abort <-chan struct{},
	stored func(uint64) ([]byte, error),
) (*streamPublisher, error) {
	p := &streamPublisher{
		nc:       nc,
		inbox:    nc.NewInbox(),
		acks:     make(chan *nats.Msg, 2*o.AckAttempts+2),
		timer:    time.NewTimer(o.AckTimeout),
		timeout:  o.AckTimeout,
		attempts: o.AckAttempts,
		trouble:  t,
		abort:    abort,
		stored:   stored,
		expect:   []string{""},
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

// publish repeats the same bytes with the same expected number until the
// outcome is known, the attempts are used up or the store has failed for good.
// While nobody serves the stream it waits for as long as the attempts could take.
func (p *streamPublisher) publish(msg []byte, last uint64) error {
	p.expect[0] = strconv.FormatUint(last, 10)
	p.msg.Data = msg
	p.msg.Reply = p.inbox + "." + strconv.FormatUint(last+1, 10)
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
			return fmt.Errorf("%w: batch %d: %s", ErrBroken, last+1, p.trouble.text())
		}
		attempt++
	}
	return fmt.Errorf("%w: batch %d, %d attempts of up to %v; the last error of the store is %q",
		ErrUnacknowledged, last+1, p.attempts, p.timeout, p.trouble.text())
}

// once sends the batch and returns the answer, nil if none came in time, errNobody
// if nobody can have got it.
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

// trust asks the servers again whether they sync, if the connection was lost since
// the last time: one may have come back with other settings.
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

// await returns the next answer to reply, or nil if none came in time. Late
// answers to earlier batches are dropped.
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
			return nil, fmt.Errorf("%w: given up", ErrUnacknowledged)
		}
	}
}

// pause is between two attempts while nobody answers.
func (p *streamPublisher) pause() error {
	p.timer.Reset(nobodyPause)
	select {
	case <-p.timer.C:
		return nil
	case <-p.abort:
		return fmt.Errorf("%w: given up", ErrUnacknowledged)
	}
}

// judge reads the answer. Everything but a success and a wrong expected number
// is a refusal.
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
	case answer.Error.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return p.adopt(msg, last+1)
	}
	return fmt.Errorf("%w: %w", ErrRefused, answer.Error)
}

// adopt finds out who wrote batch number: an earlier attempt of ours, whose
// acknowledgement was lost, or somebody else.
func (p *streamPublisher) adopt(msg []byte, number uint64) error {
	there, err := p.stored(number)
	if err != nil {
		return fmt.Errorf("%w: batch %d: %w", ErrUnacknowledged, number, err)
	}
	if !bytes.Equal(there, msg) {
		return fmt.Errorf("%w: batch %d", ErrFenced, number)
	}
	return p.trust()
}
