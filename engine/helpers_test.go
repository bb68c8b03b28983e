package engine_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// ants starts a default pool by itself; tests must not stop it.
func TestMain(m *testing.M) {
	if limit := os.Getenv(fewDescriptors); limit != "" {
		if err := serveWithFew(limit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if load := os.Getenv(feedReaders); load != "" {
		readFeed(load)
		os.Exit(0)
	}
	if profile := os.Getenv(tlsSessions); profile != "" {
		if err := serveTLSSessions(strings.TrimSpace(profile)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(carriertest.Main{M: m}, goleak.IgnoreCurrent())
}

// Commands of the tests.
const (
	onLane  = carriertest.OnLane
	onLoop  = carriertest.OnLoop
	offLane = carriertest.OffLane
	panics  = carriertest.Panics
	special = carriertest.Special
)

const (
	patience = carriertest.Patience
	soon     = time.Second // a limit that a test waits for; what must happen within it takes far less on a slow machine
	tick     = 10 * time.Millisecond
)

// running is a core with a reactor that serves.
type running = carriertest.Server

// peer is a client that speaks frames.
type peer = carriertest.Peer

func ok(c *engine.Context) { c.Reply(codec.ResultOK, nil) }

func echo(c *engine.Context) { carriertest.Echo(c) }

func newCore(t testing.TB, config engine.Config) *engine.Core {
	t.Helper()
	return carriertest.NewCore(t, config)
}

// serve runs a reactor, at a free port of 127.0.0.1 where none is given.
func serve(t testing.TB, core *engine.Core, config engine.ReactorConfig) *running {
	t.Helper()
	return carriertest.Serve(t, core, newReactor(t, core, config))
}

func newReactor(t testing.TB, core *engine.Core, config engine.ReactorConfig) *engine.Reactor {
	t.Helper()
	if config.Listeners == nil {
		config.Listeners = at("127.0.0.1:0")
	}
	reactor, err := core.NewReactor(config)
	if err != nil {
		t.Fatal(err)
	}
	return reactor
}

// at returns a listener for the packet dialect.
func at(address string) []engine.Listener { return []engine.Listener{{Address: address}} }

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	return carriertest.Dial(t, addr)
}

func frames(cmd codec.Command, bodies ...string) []byte { return carriertest.Frames(cmd, bodies...) }

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	carriertest.Eventually(t, what, ok)
}
