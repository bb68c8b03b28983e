package main_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	main "holdfast/cmd/holdfast"
)

// Values that are wrong for every flag of a kind.
var (
	noWhole    = []string{"", "-1", "+5", " 5", "5 ", "0x10", "010b", "1e3", "1_000", "1,000", "1.5", "NaN", "many", "99999999999999999999"}
	noList     = []string{"", "0", "-1", "+5", "1,,2", "1,x", "1 2", "1e3", "NaN", "99999999999999999999"}
	noNumber   = []string{"", "-1", "+5", "1e3", "1_000", "1,5", "0x10", "NaN", "Inf", "-Inf", "infinity", "99999999999"}
	noDuration = []string{"", "-1s", "3", "soon", "NaN", "1d", "99999h", "9999999999h"}
	noBool     = []string{"maybe", "2", "-1"}
	noAddress  = []string{"nohostport", "127.0.0.1", "127.0.0.1:", "127.0.0.1:port", "127.0.0.1:65536", "127.0.0.1:-1", "http://127.0.0.1:80", "wss://127.0.0.1", "::1:80", "a b:1"}
	// Of several addresses one is missing, wrong or there twice.
	noAddresses = []string{",", "127.0.0.1:8888,", ",127.0.0.1:8888", "127.0.0.1:8888,,127.0.0.1:8889", "127.0.0.1:8888,127.0.0.1:0", "127.0.0.1:8888, 127.0.0.1:8889", "127.0.0.1:8888,127.0.0.1:8889,127.0.0.1:8888"}
	noWord      = []string{"nonsense", "-1"}
	noTime      = []string{"", "now", "09:30", "2026-01-05", "2026-01-05T09:30:00", "2026-13-05T09:30:00Z", "1e9"}
	noPrice     = []string{"", "0", "-1", "+5", "1e3", "1,5", ".5", "1.", "0.00001", "007", "NaN", "10000000000"}
	noKey       = []string{"", "ALFA", "/", "ALFA/", "/600100", "ALFA /600100"}
)

// wrongFor lists what is wrong for flags with these names, besides the values that their
// kind excludes. A nil list is for text that is right whatever it is, or is checked where
// it is used.
func wrongFor(cmd *cobra.Command, f *pflag.Flag) (values []string, listed bool) {
	switch f.Name {
	case "connections", "depth", "rounds", "size", "instruments", "customers", "sessions-per-account", "server-pid", "count", "operator", "first", "from", "to", "event-loops":
		switch {
		case f.Value.Type() == "intSlice", f.Name == "event-loops" && cmd.Name() != "rawgnet":
		case f.Name == "count" && (cmd.Name() == "reject" || cmd.Name() == "fault"):
		case f.Name == "size" && f.DefValue == "0", f.Name == "rounds" && f.DefValue == "0": // not used by this fault
		default:
			values = []string{"0"}
		}
	case "customer":
		if cmd.Name() != "dump" {
			values = []string{"0", "4294967296"}
		}
	case "duration":
		values = []string{"0s", "0", "1us"}
	case "addr":
		return slices.Concat(noAddress, noAddresses, []string{"/"}), true
	case "listen", "admin":
		return append(slices.Clone(noAddress), "/"), true
	case "console":
		return append(slices.Clone(noAddress), "/", ",tls", "unix:/a"), true
	case "stats":
		return noAddress, true
	case "workload", "workloads", "servers", "only", "loads", "plumbing", "door", "dialect", "log-level", "intervals", "interval", "clock", "preset", "show", "side", "status", "format", "role", "login":
		return noWord, true
	case "start":
		return noTime[1:], true
	case "cluster-listen":
		return noAddress, true
	case "cluster-secret-file", "cluster-tls-cert", "cluster-tls-key", "cluster-tls-ca": // read by serve
		return nil, true
	case "cluster-node":
		return []string{"n 1", "n.1", strings.Repeat("n", 33)}, true
	case "cluster-peer":
		return []string{"n1", "n1=", "=127.0.0.1:6222", "n1=127.0.0.1", "n.1=127.0.0.1:6222"}, true
	case "listener":
		return []string{"nonsense", "tlv", "tlv=", "dance=:1", "tlv=:1,loud", "chat=", "chat=:1,greet"}, true
	case "journal-url", "journal-monitor-urls":
		return []string{"nonsense", "ftp://a:1"}, true
	case "history-url":
		if strings.HasPrefix(cmd.CommandPath(), "holdfast export ") || cmd.Name() == "audit" {
			return nil, true
		}
		return []string{"nonsense", "mysql://h/d"}, true
	case "journal-keep":
		return []string{"", "nonsense", "0", "5", "-1s", "0s", "99999999d", "10XB", "1KB"}, true
	case "before":
		return []string{"", "nonsense", "17", "0-1"}, true
	case "path":
		return []string{"nonsense", "/a b"}, true
	case "url":
		return []string{"", "nonsense", "http://127.0.0.1:80", "ws://", "ws://127.0.0.1:port", "wss:///echo"}, true
	case "case":
		return []string{"", "nonsense", "8.1", "1.*,8.1", "1.1.1,", "["}, true
	case "tls-ca", "tls-cert", "tls-key", "tls-client-ca":
		if cmd.Flags().Lookup("tls-client-ca") != nil { // a setting of the server
			return nil, true
		}
		return []string{""}, true
	case "data", "source":
		return []string{"", " "}, true
	case "out", "json":
		if f.Value.Type() == "bool" {
			break
		}
		if strings.Contains(f.Usage, "folder") {
			return []string{"-"}, true
		}
		return []string{""}, true
	case "config":
		return []string{"no/such/file"}, true
	case "reason":
		if cmd.Name() == "reject" {
			return []string{"", "nonsense", "-1", "4", "not_enough_cash", "UNSPECIFIED"}, true
		}
		return nil, true
	case "cash":
		return []string{"-1", "NaN", "1e3", "1,000"}, true
	case "comp-id", "target", "fix-comp-id":
		return []string{"", "a b", "a\x01b"}, true
	case "name", "command", "session", "store":
		return nil, true
	case "seed-file", "file", "tokens", "password", "token", "payload", "text", "script":
		return nil, true
	}
	byKind := map[string][]string{
		"int": noWhole, "uint32": noWhole, "uint64": noWhole, "N": noWhole, "bytes": noWhole, "intSlice": noList, "float64": noNumber, "N/s": noNumber,
		"duration": noDuration, "bool": noBool, "boolfunc": noBool, "true|false": noBool,
		"time": noTime, "price": noPrice, "MARKET/CODE": noKey,
	}
	byValue, listed := byKind[f.Value.Type()]
	return append(slices.Clone(byValue), values...), listed
}

// TestWrongValuesOfFlags: every flag of every command refuses wrong values before anything
// starts, with the code for usage, the flag and the value.
func TestWrongValuesOfFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	tried := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if !cmd.Runnable() || cmd.Name() == "help" || strings.Contains(cmd.CommandPath(), "completion") {
			return
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "version" {
				return
			}
			values, listed := wrongFor(cmd, f)
			if !listed {
				t.Errorf("%s --%s of type %s: list wrong values of it here", cmd.CommandPath(), f.Name, f.Value.Type())
			}
			for n, value := range values {
				tried++
				if !raceDetector || n == 0 { // no goroutine depends on the value
					refuses(t, cmd, f.Name, value)
				}
			}
		})
	}
	visit(main.Commands())
	if tried < 1000 {
		t.Errorf("only %d values were tried", tried)
	}
	wantFiles(t)
}

// refuses checks that cmd refuses a value of a flag.
func refuses(t *testing.T, cmd *cobra.Command, flag, value string) {
	t.Helper()
	args := strings.Fields(cmd.CommandPath())[1:]
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.ToUpper(word) != word || cmd.Name() == "scenario" { // which needs no names
			break
		}
		args = append(args, "100001-1")
	}
	if cmd.Name() == "bust" { // else the reason is missing
		args = append(args, "--reason=x")
	}
	args = append(args, "--"+flag+"="+value)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // if it starts
	defer cancel()
	var stdout, stderr strings.Builder
	p := &main.Program{Args: args, Stdout: &stdout, Stderr: &stderr}
	code := p.Run(ctx)
	text := stderr.String()
	if code != 2 || stdout.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.Contains(text, flag) && flag != "config" {
		t.Errorf("%q: code %d, stdout %q, stderr %q", args, code, stdout.String(), text)
	}
	if flag == "listener" || flag == "cluster-peer" || strings.HasPrefix(flag, "journal-") || flag == "history-url" {
		return // the wrong part; nothing, because URLs may contain passwords
	}
	if quoted := strconv.Quote(value); !strings.Contains(text, quoted) && !strings.Contains(text, value) {
		t.Errorf("%q: stderr %q does not show %s", args, text, quoted)
	}
}
