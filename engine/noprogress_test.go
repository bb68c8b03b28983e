package engine_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
)

// stuck is a dialect with a fault: Next takes no bytes of a frame.
type stuck struct {
	codec.Packet
	class codec.Command
	err   error
}

// Next implements codec.Dialect.
func (s stuck) Next(_ []byte, m *codec.Message) (used int, err error) {
	m.Command, m.ID, m.Body = s.class, 0, nil
	return 0, s.err
}

// A dialect that takes no bytes of a frame ends its session, and keeps no other one waiting.
func TestDialectWithoutProgress(t *testing.T) {
	for name, dialect := range map[string]stuck{
		"lane": {class: onLane}, "loop": {class: onLoop}, "off the lane": {class: offLane},
		"body": {class: onLane, err: fmt.Errorf("bad: %w", codec.ErrBody)},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(logText)
			core := newCore(t, engine.Config{Log: slog.New(slog.NewTextHandler(log, nil))})
			r := serve(t, core, engine.ReactorConfig{Loops: 1, Listeners: []engine.Listener{
				{Address: "127.0.0.1:0"}, {Address: "127.0.0.1:0", Dialect: dialect},
			}})
			other, p := dial(t, r.Addr), dial(t, r.Addrs[1])
			p.MustWrite(frames(onLane, "a", "b"))
			other.Echoes(onLane)
			eventually(t, "the close", func() bool { return r.Stats.Closes(engine.ReasonMalformed) == 1 })
			if text := log.String(); strings.Count(text, "the dialect took no bytes of a frame") != 1 {
				t.Errorf("the log:\n%s", text)
			}
		})
	}
}
