package main_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

// runFIX runs the FIX terminal as the first demo customer.
func runFIX(t *testing.T, addr, lines string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	p := &main.Program{
		Args:  append([]string{"fix", "--addr", addr, "--token", hex.EncodeToString(seed.DemoToken(100001))}, args...),
		Stdin: strings.NewReader(lines), Stdout: &out, Stderr: &errs,
	}
	code = p.Run(t.Context())
	return code, out.String(), errs.String()
}

func startFIX(t *testing.T) (s *served, addr string) {
	t.Helper()
	s = startServe(t, "--throwaway", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error", "--listener", "fix=127.0.0.1:0")
	return s, s.listener(t, "fix")
}

// TestFIXTerminal: orders of each kind, their reports, refusals at each level, and the exit codes.
func TestFIXTerminal(t *testing.T) {
	t.Parallel()
	_, addr := startFIX(t)
	hello := "logged on to HOLDFAST at " + addr + " as 100001\n"
	for _, tc := range []struct {
		name, lines string
		args        []string
		code        int
		stdout      string
	}{
		{"a command", "", []string{"buy", "ALFA/600100", "100", "as", "m1"}, 0, "  100001-1 m1: TRADE 100 @ 10, FILLED, 100 filled, 0 left\n"},
		{"lines", "buy ALFA/600100 100 9.00 gtc as a1\n\nreplace a1 150 9.10 as a2\nstatus a2\ntest\ncancel 100001-2\norders\n", nil, 0,
			"  100001-2 a1: buy 100 ALFA/600100 @ 9, NEW, 0 filled, 100 left\n" +
				"  100001-2 a2: buy 150 ALFA/600100 @ 9.1, NEW, 0 filled, 150 left\n" +
				"  100001-2 a2: STATUS\n" +
				"  100001-2 a2: buy 150 ALFA/600100 @ 9.1, CANCELED, 0 filled, 0 left\n" +
				"  ORDER     CLORDID                             FILLED  LEFT  STATUS\n" +
				"  100001-2  a2       buy 150 ALFA/600100 @ 9.1       0     0  CANCELED\n"},
		{"mass cancel", "sell ALFA/600100 10 12.50 as b1\ncancel all ALFA/600100\n", nil, 0,
			"  cancelled: 1 orders\n"},
		{"refused", "buy ALFA/1 5 as r1\norders\n", nil, 1,
			"  r1 rejected: unknown instrument: Symbol (55) is a code, and SecurityExchange (207) its market\nerror: refused\n" +
				"  ORDER  CLORDID                FILLED  LEFT  STATUS\n         r1       buy 5 ALFA/1                REJECTED\n"},
		{"rejected", "send D 11=q1 54=7\n", nil, 1, "  rejected: Required tag missing\nerror: refused\n"},
		{"unknown type of message", "send s 11=q2\n", nil, 1, "error: refused\n"},
		{"unknown order", "cancel zz\n", nil, 1, "error: no order \"zz\": \"orders\" lists those that this terminal has heard of; \"status all\" asks for all that work\n"},
		{"no command", "dance\n", nil, 1, "error: unknown command \"dance\"; \"help\" lists them all\n"},
		{"wrong words", "buy ALFA/600100\nreplace a\ncancel\nstatus\nresend x\nsend\nsend D 11\nbuy ALFA/600100 1 2 3\n", nil, 1,
			"error: usage: buy or sell MARKET/CODE QUANTITY [PRICE] [TERMS]; \"help\" lists the TERMS\n"},
		{"quit", "quit\nbuy ALFA/600100 1\n", nil, 0, ""},
	} {
		code, stdout, _ := runFIX(t, addr, tc.lines, tc.args...)
		stdout = regexp.MustCompile(`(?m)^  100001-2 a2: buy 150 ALFA/600100(| @ 9.1), NEW, 0 filled, 150 left\n(  100001-2 a2: buy 150 ALFA/600100 @ 9.1, CANC)`).
			ReplaceAllString(stdout, "  100001-2 a2: STATUS\n$2") // with or without its price
		if code != tc.code || !strings.HasPrefix(stdout, hello) || !strings.Contains(stdout, tc.stdout) {
			t.Errorf("%s: code %d,\n%s\nwant %d,\n%s", tc.name, code, stdout, tc.code, hello+tc.stdout)
		}
	}
}

// TestFIXStore: with a store the numbers go on, what the server has sent meanwhile comes again, and so
// does what the client has sent.
func TestFIXStore(t *testing.T) {
	t.Parallel()
	s, addr := startFIX(t)
	file := filepath.Join(t.TempDir(), "session")
	if code, stdout, _ := runFIX(t, addr, "buy ALFA/600100 100 9.00 as a1\n", "--store", file); code != 0 || !strings.Contains(stdout, "100001-1 a1: buy 100") {
		t.Fatalf("code %d: %s", code, stdout)
	}
	order(t, loggedIn(t, s.addr, 100001), client.Order{ClientOrderID: "elsewhere", Side: client.Buy, Quantity: 5})
	code, stdout, _ := runFIX(t, addr, "test\n", "--store", file, "--raw")
	for _, want := range []string{
		"> 8=FIX.4.4|9=", "|35=A|34=4|49=100001|", "|554=***|",
		"  100001-2 elsewhere: TRADE 5 @ 10, FILLED, 5 filled, 0 left (sent before)\n",
	} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("code %d, no %q in\n%s", code, want, stdout)
		}
	}
	if code, stdout, _ = runFIX(t, addr, "", "--store", file, "--reset", "-v"); code != 0 || !strings.Contains(stdout, "34 MsgSeqNum=1  49 SenderCompID=100001") {
		t.Errorf("reset: code %d\n%s", code, stdout)
	}
	if err := os.WriteFile(file, []byte("no store\nat all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runFIX(t, addr, "", "--store", file); code != 1 || !strings.Contains(stderr, "session: this is no file of a FIX session") {
		t.Errorf("another file: code %d, %s", code, stderr)
	}
}

// TestFIXLogonRefused: who is not let in learns what to check.
func TestFIXLogonRefused(t *testing.T) {
	t.Parallel()
	_, addr := startFIX(t)
	for _, args := range [][]string{{"--comp-id", "NOBODY"}, {"--target", "NOBODY"}, {"--token", "00"}} {
		code, stdout, stderr := runFIX(t, addr, "", args...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, "log on as ") || !strings.Contains(stderr, "check the CompIDs and the password or token") {
			t.Errorf("%v: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// TestFIXDump: logs of any kind are printed with names.
func TestFIXDump(t *testing.T) {
	const beat = "8=FIX.4.4|9=5|35=0|10=163|"
	const named = "Heartbeat  8 BeginString=FIX.4.4  9 BodyLength=5  35 MsgType=0 HEARTBEAT  10 CheckSum=163\n"
	for name, tc := range map[string]struct{ log, want string }{
		"SOH":               {strings.ReplaceAll(beat, "|", "\x01") + "\n", named},
		"bar":               {beat + "\n", named},
		"caret":             {strings.ReplaceAll(beat, "|", "^A"), named},
		"word":              {strings.ReplaceAll(beat, "|", "<SOH>"), named},
		"time in front":     {"2026-01-05 09:30:00.123 IN  " + beat, "2026-01-05 09:30:00.123 IN  " + named},
		"no last separator": {strings.TrimSuffix(beat, "|"), named},
		"two in a line":     {beat + beat, named + named},
		"text after":        {beat + " done\n", named + " done\n"},
		"text in front":     {"started\x1b[2J\n" + beat, "started\\x1b[2J\n" + named},
		"octal":             {strings.ReplaceAll(beat, "|", `\001`) + "\n", named},
		"symbol":            {strings.ReplaceAll(beat, "|", "␁") + "\n", named},
		"QuickFIX":          {"20260105-09:30:00.123 : " + strings.ReplaceAll(beat, "|", "\x01") + "\r\n", "20260105-09:30:00.123 : " + named},
		"no line ends":      {strings.Repeat(strings.ReplaceAll(beat, "|", "\x01"), 700_000), strings.Repeat(named, 700_000)},
		"data with SOH": {
			strings.ReplaceAll("8=FIX.4.4|9=20|35=0|95=6|96=|10=1||10=048|", "|", "\x01") + "\n",
			"Heartbeat  8 BeginString=FIX.4.4  9 BodyLength=20  35 MsgType=0 HEARTBEAT  95 RawDataLength=6  96 RawData=\"\\x0110=1\\x01\"  10 CheckSum=048\n",
		},
		"wrong CheckSum": {strings.Replace(beat, "163", "164", 1), "garbled" + strings.Replace(strings.TrimPrefix(named, "Heartbeat"), "163", "164", 1)},
		"cut":            {"8=FIX.4.4|9=5|35", "garbled  8 BeginString=FIX.4.4  9 BodyLength=5  \"35\\x01\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs strings.Builder
			p := &main.Program{Args: []string{"fix", "dump", "-"}, Stdin: strings.NewReader(tc.log), Stdout: &out, Stderr: &errs}
			if code := p.Run(t.Context()); code != 0 || out.String() != tc.want {
				t.Errorf("code %d, %q, %q, want %q", code, errs.String(), out.String(), tc.want)
			}
		})
	}
}

// TestFIXDumpOfOtherFiles: what is no log of FIX messages is printed, and the error says what to choose.
func TestFIXDumpOfOtherFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for file, want := range map[string]string{
		"no/such/file":                   "no/such/file: ",
		folder:                           "it is a folder; name a file in it",
		write("empty", ""):               "has no FIX message (each starts with 8=FIX); choose a log of FIX messages, in UTF-8",
		write("text", "hello\n\xff\x00"): "has no FIX message",
		write("long", strings.Repeat("x", 17<<20)): "a line has more than 16777216 bytes; choose a log of FIX messages",
	} {
		if code, _, stderr := run(t, "fix", "dump", file); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %q, want %q", file, code, stderr, want)
		}
	}
}
