package config_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/config"
)

// write puts text into a file named serve.json and makes its folder the working
// directory, so that errors name it as a user sees it.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("serve.json", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "serve.json"
}

// parsed returns the flags of a command line.
func parsed(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

const everySetting = `{
  "listen": "127.0.0.1:7000",
  "admin": "[::1]:7001",
  "console": "127.0.0.1:7004",
  "listeners": [
    "tlv=127.0.0.1:7002,byte_order=big,greet",
    "packet=:7003"
  ],
  "data": "elsewhere",
  "journal_url": "nats://a:4222,tls://b:4222",
  "journal_monitor_urls": "http://a:8222,https://b:8222",
  "journal_copies": 3,
  "journal_keep": "30d",
  "checkpoint_interval": "1m",
  "history_url": "postgres://holdfast@db/holdfast",
  "seed_file": "seed.json",
  "simulate": "250/s",
  "price_moves": 0.5,
  "random_seed": 18446744073709551615,
  "preset": "thin",
  "clock": "virtual",
  "speed": 60,
  "start": "2026-01-05T09:00:00+08:00",
  "script": "",
  "event_loops": 3,
  "max_connections": 10000,
  "heartbeat": "15s",
  "require_login": true,
  "memory_limit": 536870912,
  "drain": "1m30s",
  "recent_events": 64,
  "disk_watermark": 1000,
  "log_level": "debug",
  "fix_comp_id": "BROKER",
  "limits": {
    "max_frame_bytes": 65536,
    "login_frame_bytes": 32768,
    "connections_per_address": 8,
    "exempt_loopback": false,
    "sessions_per_account": 5,
    "in_flight_requests": 16,
    "in_flight_bytes": 131072,
    "outbound_soft_bytes": 8192,
    "outbound_soft_time": "3s",
    "outbound_hard_bytes": 16384,
    "outbound_total_bytes": 65536,
    "first_frame_time": "2s",
    "handshake_time": "8s",
    "pong_time": "9s",
    "frame_time": "4s",
    "idle_time": "1h",
    "write_stall_time": "6s",
    "password_guesses": 9,
    "login_queue": 10,
    "login_wait": "7s",
    "working_orders": 100,
    "client_order_ids": 5000
  }
}
`

func TestFileSetsEverySetting(t *testing.T) {
	c, err := config.Load(config.Sources{File: write(t, everySetting)})
	if err != nil {
		t.Fatal(err)
	}
	got := *c
	want := config.Config{
		Listen: "127.0.0.1:7000", Admin: "[::1]:7001", Console: "127.0.0.1:7004",
		Listeners: []config.Listener{{Dialect: "tlv", Address: "127.0.0.1:7002", BigEndian: true, Greet: true}, {Dialect: "packet", Address: ":7003"}},
		Data:      "elsewhere", SeedFile: "seed.json",
		JournalURL: "nats://a:4222,tls://b:4222", JournalMonitor: "http://a:8222,https://b:8222", JournalCopies: 3,
		JournalKeep: config.Keep{Age: 30 * 24 * time.Hour}, CheckpointInterval: time.Minute, HistoryURL: "postgres://holdfast@db/holdfast",
		Simulate: 250, PriceMoves: 0.5, RandomSeed: 1<<64 - 1, EventLoops: 3, MaxConnections: 10000,
		Preset: "thin", Clock: "virtual", Speed: 60, Start: time.Date(2026, 1, 5, 9, 0, 0, 0, time.FixedZone("", 8*3600)),
		Heartbeat: 15 * time.Second, RequireLogin: true, MemoryLimit: 512 << 20, Drain: 90 * time.Second, RecentEvents: 64, DiskWatermark: 1000, LogLevel: slog.LevelDebug,
		FIXCompID: "BROKER",
		Limits: config.Limits{
			MaxFrameBytes: 65536, LoginFrameBytes: 32768, ConnectionsPerAddress: 8, SessionsPerAccount: 5,
			InFlightRequests: 16, InFlightBytes: 131072,
			OutboundSoftBytes: 8192, OutboundSoftTime: 3 * time.Second, OutboundHardBytes: 16384, OutboundTotalBytes: 65536,
			FirstFrameTime: 2 * time.Second, HandshakeTime: 8 * time.Second, PongTime: 9 * time.Second, FrameTime: 4 * time.Second, IdleTime: time.Hour, WriteStallTime: 6 * time.Second, PasswordGuesses: 9,
			LoginQueue: 10, LoginWait: 7 * time.Second, WorkingOrders: 100, ClientOrderIDs: 5000,
		},
	}
	if texts(t, &got) != texts(t, &want) {
		t.Errorf("got\n%s\nwant\n%s", texts(t, &got), texts(t, &want))
	}
	if origin := c.Origin("limits.in_flight_bytes"); origin != "serve.json:42" {
		t.Errorf("origin %q", origin)
	}
}

func texts(t *testing.T, c *config.Config) string {
	t.Helper()
	var b strings.Builder
	if err := c.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrecedence(t *testing.T) {
	file := `{"listen": "127.0.0.1:1", "drain": "1s"}`
	cases := []struct {
		name    string
		file    bool
		environ []string
		args    []string
		listen  string
		origin  string
	}{
		{"default", false, nil, nil, "127.0.0.1:8888", "default"},
		{"file", true, nil, nil, "127.0.0.1:1", "serve.json:1"},
		{"variable over file", true, []string{"HOLDFAST_LISTEN=127.0.0.1:2"}, nil, "127.0.0.1:2", "HOLDFAST_LISTEN"},
		{"last variable counts", false, []string{"HOLDFAST_LISTEN=127.0.0.1:2", "HOLDFAST_LISTEN=127.0.0.1:3"}, nil, "127.0.0.1:3", "HOLDFAST_LISTEN"},
		{"flag over variable", true, []string{"HOLDFAST_LISTEN=127.0.0.1:2"}, []string{"--listen=127.0.0.1:4"}, "127.0.0.1:4", "--listen"},
		{"flag equal to the default", true, nil, []string{"--listen", "127.0.0.1:8888"}, "127.0.0.1:8888", "--listen"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			from := config.Sources{Environ: tc.environ, Flags: parsed(t, tc.args...)}
			if tc.file {
				from.File = write(t, file)
			}
			c, err := config.Load(from)
			if err != nil {
				t.Fatal(err)
			}
			if c.Listen != tc.listen || c.Origin("listen") != tc.origin {
				t.Errorf("got %s from %s, want %s from %s", c.Listen, c.Origin("listen"), tc.listen, tc.origin)
			}
		})
	}
}

func TestSessionsPerAccountPrecedence(t *testing.T) {
	file := `{"limits": {"sessions_per_account": 1}}`
	variable := "HOLDFAST_SESSIONS_PER_ACCOUNT=2"
	cases := []struct {
		name, file, environ string
		args                []string
		want                int
		origin              string
	}{
		{"default", "{}", "", nil, 1024, "default"},
		{"file", file, "", nil, 1, "serve.json:1"},
		{"variable over file", file, variable, nil, 2, "HOLDFAST_SESSIONS_PER_ACCOUNT"},
		{"flag over variable", file, variable, []string{"--sessions-per-account=1048576"}, 1 << 20, "--sessions-per-account"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{File: write(t, tc.file), Environ: []string{tc.environ}, Flags: parsed(t, tc.args...)})
			if err != nil {
				t.Fatal(err)
			}
			if got, origin := c.Limits.SessionsPerAccount, c.Origin("limits.sessions_per_account"); got != tc.want || origin != tc.origin {
				t.Errorf("got %d from %s, want %d from %s", got, origin, tc.want, tc.origin)
			}
		})
	}
}

func TestPriceMovesFollowSimulate(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want config.Rate
	}{
		{"no simulation", nil, 0},
		{"simulation", []string{"--simulate=100/s"}, 10},
		{"said otherwise", []string{"--simulate=100/s", "--price-moves=3"}, 3},
		{"switched off", []string{"--simulate=100/s", "--price-moves=0"}, 0},
		{"prices alone", []string{"--price-moves=2/s"}, 2},
		{"those of a script", []string{"--simulate=100/s", "--script=wild"}, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{Flags: parsed(t, tc.args...)})
			if err != nil {
				t.Fatal(err)
			}
			if c.PriceMoves != tc.want {
				t.Errorf("got %s, want %s", c.PriceMoves, tc.want)
			}
		})
	}
}

func TestBadFile(t *testing.T) {
	cases := []struct{ name, file, want string }{
		{"slip in a key", "{\n\"lisen\": 1}", `serve.json:2: unknown key "lisen" (did you mean "listen"?)`},
		{"slip inside limits", "{\"limits\":\n{\n\"max_frame_byte\": 1}}", `serve.json:3: unknown key "limits.max_frame_byte" (did you mean "limits.max_frame_bytes"?)`},
		{"key out of its object", "{\n\n\"in_flight_bytes\": 1}", `serve.json:3: unknown key "in_flight_bytes" (it belongs in the object "limits")`},
		{"key like nothing", `{"colour": 1}`, `serve.json:1: unknown key "colour"`},
		{"key twice", "{\"drain\": \"1s\",\n\"drain\": \"2s\"}", `serve.json:2: key "drain" appears twice`},
		{"flat and in its object", "{\"limits.idle_time\": \"30s\",\n\"limits\": {\"idle_time\": \"40s\"}}", `serve.json:2: key "limits.idle_time" appears twice`},
		{"limits twice", "{\"limits\": {},\n\"limits\": {}}", `serve.json:2: key "limits" appears twice`},
		{"number for a string", `{"listen": 8888}`, `serve.json:1: listen wants a string, got the number 8888`},
		{"string for a number", `{"event_loops": "4"}`, `serve.json:1: event_loops wants a whole number, got the string "4"`},
		{"fraction", `{"event_loops": 1.5}`, `serve.json:1: event_loops wants a whole number from 0 to 256, got 1.5`},
		{"null", `{"data": null}`, `serve.json:1: data wants a string, got null`},
		{"true", `{"simulate": true}`, `serve.json:1: simulate wants a string or a number, got true`},
		{"list", `{"data": ["a"]}`, `serve.json:1: data wants a string, got a list`},
		{"object", `{"data": {}}`, `serve.json:1: data wants a string, got an object`},
		{"limits no object", `{"limits": 4}`, `serve.json:1: limits wants an object, got the number 4`},
		{"limits a list", `{"limits": [4]}`, `serve.json:1: limits wants an object, got a list`},
		{"no port", `{"listen": "localhost"}`, `serve.json:1: listen wants an address such as 127.0.0.1:8888, got "localhost"`},
		{"port too high", `{"admin": ":65536"}`, `serve.json:1: admin wants an address such as 127.0.0.1:8888, got ":65536"`},
		{"empty folder", `{"data": " "}`, `serve.json:1: data wants a folder, got " "`},
		{"negative rate", `{"simulate": -1}`, `serve.json:1: simulate wants a rate from 0/s to 10000000/s, got "-1"`},
		{"rate without a number", `{"simulate": "NaN/s"}`, `serve.json:1: simulate wants a rate from 0/s to 10000000/s, got "NaN/s"`},
		{"negative seed", `{"random_seed": -1}`, `serve.json:1: random_seed wants a whole number from 0 to 2^64-1, got -1`},
		{"slip in a clock", `{"clock": "steped"}`, `serve.json:1: clock wants one of wall, virtual, stepped, got "steped" (did you mean "stepped"?)`},
		{"slip in a preset", `{"preset": "thn"}`, `serve.json:1: preset wants one of frictionless, realistic, thin, brutal, got "thn" (did you mean "thin"?)`},
		{"too fast", `{"speed": 1001}`, `serve.json:1: speed wants a whole number from 0 to 1000, got 1001`},
		{"start without a zone", `{"start": "2026-01-05T09:00:00"}`, `serve.json:1: start wants a time of the years 1971 to 2200 such as 2026-01-05T09:00:00+08:00, got "2026-01-05T09:00:00"`},
		{"speed of real time", "{\"clock\": \"wall\",\n\"speed\": 2}", `serve.json:2: speed 2 (serve.json:2) can't be combined with clock wall (serve.json:1)`},
		{"speed of steps", "{\"speed\": 2,\n\"clock\": \"stepped\"}", `serve.json:1: speed 2 (serve.json:1) can't be combined with clock stepped (serve.json:2)`},
		{"start of real time", `{"clock": "wall", "start": "2026-01-05T09:00:00Z"}`, `serve.json:1: start 2026-01-05T09:00:00Z (serve.json:1) can't be combined with clock wall (serve.json:1)`},
		{"start of a script", `{"script": "wild", "start": "2026-01-05T09:00:00Z"}`, `serve.json:1: start 2026-01-05T09:00:00Z (serve.json:1) can't be combined with script wild (serve.json:1)`},
		{"script in real time", `{"script": "wild", "clock": "wall"}`, `serve.json:1: clock wall (serve.json:1) can't be combined with script wild (serve.json:1)`},
		{"history of a cluster in a database", `{"history_url": "postgres://u:p@localhost/h", "cluster": {"node": "a", "listen": "a:1", "peers": ["a=a:1", "b=b:1", "c=c:1"]}}`,
			`serve.json:1: history_url postgres://u:xxxxx@localhost/h (serve.json:1) can't be combined with cluster.node a (serve.json:1)`},
		{"no working orders", `{"limits": {"working_orders": 0}}`, `serve.json:1: limits.working_orders wants a whole number from 1 to 4096, got 0`},
		{"below the range", `{"recent_events": 0}`, `serve.json:1: recent_events wants a whole number from 1 to 32767, got 0`},
		{"blank in an address", `{"listen": "a\nb:1"}`, `serve.json:1: listen wants an address such as 127.0.0.1:8888, got "a\nb:1"`},
		{"no session for an account", `{"limits": {"sessions_per_account": 0}}`, `serve.json:1: limits.sessions_per_account wants a whole number from 1 to 1048576, got 0`},
		{"too many sessions for an account", `{"limits": {"sessions_per_account": 1048577}}`, `serve.json:1: limits.sessions_per_account wants a whole number from 1 to 1048576, got 1048577`},
		{"above the range", `{"limits": {"max_frame_bytes": 67108865}}`, `serve.json:1: limits.max_frame_bytes wants a whole number of bytes from 1024 to 67108864, got 67108865`},
		{"duration without a unit", `{"heartbeat": "20"}`, `serve.json:1: heartbeat wants a duration from 1s to 1h such as 20s or 1m30s, got "20"`},
		{"duration too long", `{"heartbeat": "61m"}`, `serve.json:1: heartbeat wants a duration from 1s to 1h such as 20s or 1m30s, got "61m"`},
		{"level", `{"log_level": "loud"}`, `serve.json:1: log_level wants debug, info, warn or error, got "loud"`},
		{"soft above hard", "{\"limits\": {\n\"outbound_soft_bytes\": 2000000}}", `serve.json:2: limits.outbound_soft_bytes 2000000 (serve.json:2) must not be above limits.outbound_hard_bytes 1048576 (default)`},
		{"frame above in flight", "{\"limits\": {\n\"in_flight_bytes\": 5000}}", `serve.json:2: limits.max_frame_bytes 1048576 (default) must not be above limits.in_flight_bytes 5000 (serve.json:2)`},
		{"hard below soft", "{\"limits\": {\n\n\"outbound_hard_bytes\": 2000}}", `serve.json:3: limits.outbound_soft_bytes 262144 (default) must not be above limits.outbound_hard_bytes 2000 (serve.json:3)`},
		{"login frame above frame", "{\"limits\": {\n\"login_frame_bytes\": 2000000}}", `serve.json:2: limits.login_frame_bytes 2000000 (serve.json:2) must not be above limits.max_frame_bytes 1048576 (default)`},
		{"total below one session", "{\"limits\": {\n\"outbound_total_bytes\": 1000}}", `serve.json:2: limits.outbound_total_bytes 1000 (serve.json:2) must be 0 or not below limits.outbound_hard_bytes 1048576 (default)`},
		{"idle before the heartbeat", "{\"limits\": {\n\"idle_time\": \"20s\"}}", `serve.json:2: limits.idle_time 20s (serve.json:2) must be longer than heartbeat 20s (default)`},
		{"truth as a string", `{"require_login": "true"}`, `serve.json:1: require_login wants true or false, got the string "true"`},
		{"truth as a number", `{"require_login": 1}`, `serve.json:1: require_login wants true or false, got the number 1`},
		{"too little memory", `{"memory_limit": 1}`, `serve.json:1: memory_limit wants a whole number of bytes from 67108864 to 17592186044416, got 1`},
		{"console without a port", `{"console": "127.0.0.1"}`, `serve.json:1: console wants an address such as 127.0.0.1:8888, got "127.0.0.1"`},
		{"console without an address", `{"console": ",tls"}`, `serve.json:1: console wants an address before ,tls`},
		{"socket file for the console", `{"console": "unix:/run/c.sock"}`, `serve.json:1: console wants an address such as 127.0.0.1:8889, not the socket file "unix:/run/c.sock"`},
		{"console on a port in use", `{"console": ":8888"}`, `serve.json:1: console :8888 (serve.json:1) must have another port than listen 127.0.0.1:8888 (default)`},
		{"console without a certificate", `{"console": "127.0.0.1:8880,tls"}`, `serve.json:1: console 127.0.0.1:8880,tls (serve.json:1) needs a certificate: set tls_cert`},
		{"one port for both", `{"admin": "127.0.0.1:8888"}`, `serve.json:1: listen 127.0.0.1:8888 (default) must have another port than admin 127.0.0.1:8888 (serve.json:1)`},
		{"no JSON", "\n\nlisten = 1", `serve.json:3: not valid JSON: invalid character 'l' looking for beginning of value`},
		{"missing comma", "{\"data\": \"a\"\n\"admin\": \"b\"}", `serve.json:2: not valid JSON: invalid character '"' after object key:value pair`},
		{"cut off", "{\n\"data\":", `serve.json:2: not valid JSON: the file ends too early`},
		{"line break in a string", "{\n\"da\nta\": 1}", `serve.json:2: not valid JSON: invalid character '\n' in string literal`},
		{"cut off after a line break", "{\n\"data\":\n", `serve.json:2: not valid JSON: the file ends too early`},
		{"UTF-16", "\xff\xfe{\x00}\x00", `serve.json:1: the file is UTF-16; save it as UTF-8`},
		{"empty", "", `serve.json:1: not valid JSON: the file ends too early`},
		{"a list at the top", `[]`, `serve.json:1: the file wants an object, got a list`},
		{"text after the end", "{}\n{}", `serve.json:2: an object after the end of the JSON value`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{File: write(t, tc.file)})
			wantMistake(t, err, tc.want)
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("long.json", make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, file, want string }{
		{"missing", "none.json", "none.json: cannot be read: no such file or directory; create it, or choose another path"},
		{"folder", "folder", "folder: cannot be read: it is a folder; name a file in it"},
		{"device", os.DevNull, os.DevNull + ": is no regular file; name a file on disk"},
		{"too long", "long.json", "long.json: has 1048577 bytes, a file of settings at most 1048576; is it the right file?"},
		{"below a file", filepath.Join("long.json", "x"), "long.json/x: cannot be read: long.json is not a folder; choose another path"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{File: tc.file})
			wantMistake(t, err, tc.want)
		})
	}
}

func TestBadVariableOrFlag(t *testing.T) {
	cases := []struct {
		name    string
		environ []string
		args    []string
		want    string
	}{
		{"variable", []string{"HOLDFAST_DRAIN=soon"}, nil, `HOLDFAST_DRAIN: drain wants a duration from 1ms to 1h such as 20s or 1m30s, got "soon"`},
		{"variable of a limit", []string{"HOLDFAST_IN_FLIGHT_REQUESTS=no"}, nil, `HOLDFAST_IN_FLIGHT_REQUESTS: limits.in_flight_requests wants a whole number from 1 to 1048576, got "no"`},
		{"slip in a variable", []string{"HOLDFAST_LISTN=:1"}, nil, `HOLDFAST_LISTN: unknown variable (did you mean "HOLDFAST_LISTEN"?)`},
		{"flag", nil, []string{"--event-loops=many"}, `--event-loops: event_loops wants a whole number from 0 to 256, got "many"`},
		{"flag with another name than its key", nil, []string{"--seed=x"}, `--seed: random_seed wants a whole number from 0 to 2^64-1, got "x"`},
		{"empty flag", nil, []string{"--listen="}, `--listen: listen wants an address such as 127.0.0.1:8888, got ""`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{Environ: tc.environ, Flags: parsed(t, tc.args...)})
			wantMistake(t, err, tc.want)
		})
	}
}

func TestForeignVariablesAreLeftAlone(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{
		"HOLDFAST_SERVICE_HOST=10.0.0.1", "HOLDFAST_PORT=tcp://10.0.0.1:8888", "HOLDFAST_CONFIG=serve.json", "HOLDFAST_CI=1", "HOLDFAST_GATE=1", "LISTEN=x", "odd",
	}})
	if err != nil {
		t.Error(err)
	}
}

func wantMistake(t *testing.T, err error, want string) {
	t.Helper()
	var mistake *config.Error
	if !errors.As(err, &mistake) {
		t.Fatalf("got %v, want a *config.Error %q", err, want)
	}
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// TestIdleFollowsTheHeartbeat: a client with a longer heartbeat interval may be silent for
// three of them.
func TestIdleFollowsTheHeartbeat(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want time.Duration
	}{
		{nil, time.Minute},
		{[]string{"--heartbeat=1s"}, time.Minute},
		{[]string{"--heartbeat=10m"}, 30 * time.Minute},
		{[]string{"--heartbeat=10m", "--idle-time=11m"}, 11 * time.Minute},
	} {
		c, err := config.Load(config.Sources{Flags: parsed(t, tc.args...)})
		if err != nil {
			t.Fatal(err)
		}
		if c.Limits.IdleTime != tc.want {
			t.Errorf("%v: idle time %v, want %v", tc.args, c.Limits.IdleTime, tc.want)
		}
	}
}

// TestFileWithByteOrderMark: editors on Windows put one at the start.
func TestFileWithByteOrderMark(t *testing.T) {
	c, err := config.Load(config.Sources{File: write(t, "\xef\xbb\xbf"+everySetting)})
	if err != nil || c.Listen != "127.0.0.1:7000" || c.Origin("listen") != "serve.json:2" {
		t.Errorf("%v, %v", c, err)
	}
}
