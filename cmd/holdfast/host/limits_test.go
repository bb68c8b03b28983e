package host_test

import (
	"log/slog"
	"net"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/codec"
	"holdfast/engine"
)

// TestLimitsOfSettings: every limit of the engine with a setting takes its value.
func TestLimitsOfSettings(t *testing.T) {
	c := config.Default()
	c.MaxConnections, c.Heartbeat = 1, 2
	c.Limits = config.Limits{
		MaxFrameBytes: 3, LoginFrameBytes: 4, ConnectionsPerAddress: 5, InFlightRequests: 6, InFlightBytes: 7,
		OutboundSoftBytes: 8, OutboundSoftTime: 9, OutboundHardBytes: 10, OutboundTotalBytes: 11,
		FirstFrameTime: 12, FrameTime: 13, IdleTime: 14, WriteStallTime: 15,
	}
	plan := engine.MemoryPlan{LaneBytes: 16, OutboundTotalBytes: 17}
	want := engine.Limits{
		MaxConnections: 1, Heartbeat: 2,
		MaxFrameBytes: 3, LoginFrameBytes: 4, ConnectionsPerAddress: 5, LimitLoopback: true, InFlightRequests: 6, InFlightBytes: 7,
		OutboundSoftBytes: 8, OutboundSoftTime: 9, OutboundHardBytes: 10, OutboundTotalBytes: 11,
		FirstFrameTime: 12, FrameTime: 13, IdleTime: 14, WriteStallTime: 15,
		LaneBytes: 16,
	}
	if got := host.LimitsOf(c, plan); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.RequireLogin, c.Limits.ConnectionsPerAddress, c.Limits.OutboundTotalBytes = true, 0, 0
	want.LoginTime, want.ConnectionsPerAddress, want.OutboundTotalBytes = 10*time.Second, -1, 17
	if got := host.LimitsOf(c, plan); got != want {
		t.Errorf("with login, no limit for addresses, and a planned total:\ngot  %+v\nwant %+v", got, want)
	}
}

// TestDefaultsAgree: the default of a setting is the engine's default.
func TestDefaultsAgree(t *testing.T) {
	byItself, err := engine.NewCore(engine.Config{Router: engine.NewRouter(nil)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := engine.NewCore(engine.Config{
		Router: engine.NewRouter(nil), Limits: host.LimitsOf(config.Default(), engine.PlanMemory(debug.SetMemoryLimit(-1), 1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, core := range []*engine.Core{byItself, set} {
		if err := core.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := set.Limits(), byItself.Limits(); got != want {
		t.Errorf("settings %+v\nengine   %+v", got, want)
	}
}

func TestOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "0.0.0.0": false, "::": false, "192.0.2.1": false,
	} {
		if got := host.OnLoopback(&net.TCPAddr{IP: net.ParseIP(address)}); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if host.OnLoopback(&net.UnixAddr{}) {
		t.Error("an address without TCP")
	}
}

// TestNoticesNameSettings: a Notice about a limit names a setting and a flag that exist.
func TestNoticesNameSettings(t *testing.T) {
	core, err := engine.NewCore(engine.Config{Router: engine.NewRouter(nil), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close(t.Context())
	var settings strings.Builder
	if err := config.Default().WriteOrigins(&settings); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags)
	names := regexp.MustCompile(`\(limit [^ ]+: setting ([a-z_.]+), flag --([a-z-]+)\)`)
	named := 0
	for _, reason := range engine.Reasons() {
		text := string(core.Refusal(reason, nil, &engine.Listener{Dialect: codec.Packet{}}))
		if !strings.Contains(text, "(limit ") {
			continue
		}
		named++
		m := names.FindStringSubmatch(text)
		if len(m) == 0 || !strings.Contains(settings.String(), m[1]+" ") || flags.Lookup(m[2]) == nil {
			t.Errorf("%v: no such setting or flag: %q", reason, text)
		}
	}
	if named < 5 {
		t.Errorf("%d Notices name a setting", named)
	}
}
