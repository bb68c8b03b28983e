package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
)

// checked is the value of a flag. parse checks the text when the command line is read, so
// that nothing has started yet; its error continues a sentence that starts with the name of
// the flag.
type checked[T any] struct {
	field *T
	kind  string // what pflag calls the type
	parse func(text string) (T, error)
	show  func(T) string
}

// newChecked returns the value for field, which is initial if the flag is not given.
func newChecked[T any](field *T, initial T, kind string, parse func(string) (T, error)) *checked[T] {
	*field = initial
	return &checked[T]{field: field, kind: kind, parse: parse, show: func(v T) string { return fmt.Sprint(v) }}
}

// String implements pflag.Value.
func (c *checked[T]) String() string { return c.show(*c.field) }

// Type implements pflag.Value.
func (c *checked[T]) Type() string { return c.kind }

// Set implements pflag.Value.
func (c *checked[T]) Set(text string) error {
	v, err := c.parse(text)
	if err != nil {
		return &valueError{err}
	}
	*c.field = v
	return nil
}

// valueError is the error of a checked value.
type valueError struct{ wanted error }

// Error implements error.
func (e *valueError) Error() string { return e.wanted.Error() }

// newWhole returns the value of a flag for a whole number.
func newWhole[T int | uint32 | uint64](field *T, initial, smallest, largest T) pflag.Value {
	return newChecked(field, initial, "N", func(text string) (T, error) {
		n, err := config.ParseWhole(text, uint64(smallest), uint64(largest))
		return T(n), err
	})
}

// wholes is the value of a flag for whole numbers, separated by commas. As with the lists
// of pflag, the first occurrence of the flag replaces the default and others add to it.
type wholes struct {
	field             *[]int
	smallest, largest int
	given             bool
}

// newWholes returns the value of a flag for a list of whole numbers, which is never empty.
func newWholes(field *[]int, initial []int, smallest, largest int) pflag.Value {
	*field = initial
	return &wholes{field: field, smallest: smallest, largest: largest}
}

// String implements pflag.Value.
func (w *wholes) String() string { return strings.ReplaceAll(fmt.Sprint(*w.field), " ", ",") }

// Type implements pflag.Value.
func (w *wholes) Type() string { return "intSlice" }

// Set implements pflag.Value.
func (w *wholes) Set(text string) error {
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := config.ParseWhole(part, uint64(w.smallest), uint64(w.largest))
		if err != nil {
			return &valueError{fmt.Errorf("wants whole numbers from %d to %d, separated by commas", w.smallest, w.largest)}
		}
		list = append(list, int(n))
	}
	if w.given {
		list = slices.Concat(*w.field, list)
	}
	*w.field, w.given = list, true
	return nil
}

// longest is the longest duration of a flag, and brief the shortest one of a measurement.
const (
	longest = 365 * 24 * time.Hour
	brief   = time.Millisecond
)

// newDuration returns the value of a flag for a duration up to the longest.
func newDuration(field *time.Duration, initial, shortest time.Duration) pflag.Value {
	c := newChecked(field, initial, "duration", func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < shortest || d > longest {
			return 0, fmt.Errorf("wants a duration from %v to %.0fh such as 20s or 1m30s", shortest, longest.Hours())
		}
		return d, nil
	})
	c.show = func(d time.Duration) string {
		if d == 0 {
			return "0" // which pflag does not show as a default
		}
		return d.String()
	}
	return c
}

// newNumber returns the value of a flag for a number that may have decimals.
func newNumber(field *float64, initial, smallest, largest float64) pflag.Value {
	return newChecked(field, initial, "float64", func(text string) (float64, error) {
		return config.ParseDecimal(text, smallest, largest)
	})
}

// newOneOf returns the value of a flag for one of some words.
func newOneOf(field *string, initial string, words []string) pflag.Value {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		if !slices.Contains(words, text) {
			return "", fmt.Errorf("wants one of %s", strings.Join(words, ", "))
		}
		return text, nil
	})
}

// newAddress returns the value of a flag for the address of a listener, without one of a
// WebSocket.
func newAddress(field *string, initial string) *checked[string] {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		if err := client.CheckAddress(text); err != nil || client.IsWebSocket(text) {
			return "", fmt.Errorf("wants an address such as %s", config.Default().Listen)
		}
		return text, nil
	})
}

// newAddresses is newAddress for one address, or several that are separated by commas.
func newAddresses(field *string, initial string) *checked[string] {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		err := checkAddresses(text, config.Default().Listen)
		for addr := range strings.SplitSeq(text, ",") {
			if err == nil && client.IsWebSocket(addr) {
				err = fmt.Errorf("wants an address such as %s", config.Default().Listen)
			}
		}
		return text, err
	})
}

// newServerAddresses returns the value of a flag for any addresses of client.Dial.
func newServerAddresses(field *string, initial string) *checked[string] {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		return text, checkAddresses(text, config.Default().Listen+" or "+client.WebSocketAddress(defaultWebSocket))
	})
}

// checkAddresses returns what a flag for a list of addresses such as example wants; of a list with
// several, also which part is wrong.
func checkAddresses(list, example string) error {
	_, err := client.ParseAddresses(list)
	var bad *client.AddressError
	switch {
	case !errors.As(err, &bad):
		return err
	case !strings.Contains(list, ","):
		return fmt.Errorf("wants an address such as %s", example)
	}
	return fmt.Errorf("wants addresses such as %s, separated by commas; %q is wrong: %s", example, bad.Addr, bad.Why)
}

// newOptional returns the value of a flag that may also be empty.
func newOptional(c *checked[string]) pflag.Value {
	parse := c.parse
	c.parse = func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return parse(text)
	}
	return c
}

// newOutFile returns the value of a flag for a file to write, as outfile.Write takes it.
func newOutFile(field *string, initial string) pflag.Value {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		if text == "" {
			return "", errors.New("wants a file name, or - for the standard output")
		}
		return text, nil
	})
}

// newFolder returns the value of a flag for a folder, which must have a name.
func newFolder(field *string, initial string) pflag.Value {
	return newChecked(field, initial, "string", func(text string) (string, error) {
		if strings.TrimSpace(text) == "" {
			return "", errors.New("wants a folder")
		}
		return text, nil
	})
}

// newOutFolder returns the value of a flag for a folder to write to.
func newOutFolder(field *string) pflag.Value {
	return newChecked(field, "", "string", func(text string) (string, error) {
		if text == outfile.Stdout {
			return "", errors.New("wants a folder: several files do not fit into the standard output")
		}
		return text, nil
	})
}

// customers is the range of customer numbers.
const (
	firstCustomer = 1
	lastCustomer  = 1<<32 - 1
)

// severalAddresses is the end of the help of a flag for addresses.
const severalAddresses = "; several nodes of a cluster with commas between"

// addAddr adds the flag for the server's addresses.
func addAddr(f *pflag.FlagSet, addr *string) {
	f.Var(newAddresses(addr, config.Default().Listen), "addr", "server `host:port`"+severalAddresses)
}

// Doors are the listeners of a server that a client can use.
const (
	doorPacket    = "packet"
	doorWebSocket = "websocket"
)

// defaultWebSocket is the address of the WebSocket listener that the documentation uses.
const defaultWebSocket = "127.0.0.1:8891"

// server is where a command connects to.
type server struct {
	addr, door string
	flag       *pflag.Flag // that of addr
	encryption encryption
}

// add adds the flags for the server.
func (s *server) add(f *pflag.FlagSet) {
	f.Var(newServerAddresses(&s.addr, config.Default().Listen), "addr", "server `host:port`, or ws://host:port/path of its WebSocket listener, or wss:// with TLS"+severalAddresses)
	f.Var(newOneOf(&s.door, doorPacket, []string{doorPacket, doorWebSocket}), "door", "`kind` of the listener at --addr: packet, or websocket (then --addr is "+defaultWebSocket+" by default)")
	s.flag = f.Lookup("addr")
	s.encryption.add(f)
}

// address returns the addresses for client.Dial, with commas between.
func (s *server) address() (string, error) {
	switch {
	case s.door == doorPacket:
		return s.addr, nil
	case !s.flag.Changed:
		return client.WebSocketAddress(defaultWebSocket), nil
	}
	addrs := strings.Split(s.addr, ",")
	for i, addr := range addrs {
		switch {
		case strings.HasPrefix(addr, "unix:"):
			return "", &usageError{"--door websocket wants a host and a port in --addr, got " + strconv.Quote(addr)}
		case !client.IsWebSocket(addr):
			addrs[i] = client.WebSocketAddress(addr)
		}
	}
	return strings.Join(addrs, ","), nil
}

// addReconnect adds the flag for what a terminal does after a lost connection.
func addReconnect(f *pflag.FlagSet, again **bool) {
	f.BoolFunc("reconnect", "reconnect after a lost connection (default: only on a terminal)", func(text string) error {
		value, err := strconv.ParseBool(text)
		*again = &value
		return err
	})
}

// addPast adds the flag that switches off the file of typed lines, and sets file to that of the
// user with this name.
func (p *Program) addPast(f *pflag.FlagSet, file *string, name string) {
	if folder := terminal.StateFolder(p.Getenv); folder != "" {
		*file = filepath.Join(folder, name)
	}
	f.BoolFunc("no-history", "do not keep the typed lines for the next time", func(text string) error {
		off, err := strconv.ParseBool(text)
		if off {
			*file = ""
		}
		return err
	})
}

// addReport adds the flag for the file that report.WriteJSON writes: the standard output if the
// flag has no value.
func addReport(f *pflag.FlagSet, file *string) {
	f.Var(newOutFile(file, ""), jsonFlag, "write the report as JSON to this `file`; without one, or with -: a line on the standard output")
	f.Lookup(jsonFlag).NoOptDefVal = outfile.Stdout
}

// joinReportFile returns args with "--json FILE" as "--json=FILE" for a command whose --json may
// have no value: pflag would take FILE for an argument. A command with arguments has the rule that
// the name of a FILE ends with .json.
func joinReportFile(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil {
		return args
	}
	f := cmd.Flags().Lookup(jsonFlag)
	at := slices.Index(args, "--"+jsonFlag)
	if f == nil || f.NoOptDefVal != outfile.Stdout || at < 0 || at+1 == len(args) {
		return args
	}
	file := args[at+1]
	isFlag, onlyFlags := strings.HasPrefix(file, "-"), cmd.Use == cmd.Name()
	if file != outfile.Stdout && (isFlag || !onlyFlags && !strings.HasSuffix(file, ".json")) {
		return args
	}
	return slices.Concat(args[:at], []string{"--" + jsonFlag + "=" + file}, args[at+2:])
}

// commandLine returns the command as typed, for a page that others read: files and
// folders have no path.
func commandLine(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := strings.Trim(f.Value.String(), "[]")
		switch {
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
			return
		case f.Name == "out" || f.Name == "json":
			value = filepath.Base(value)
		}
		words = append(words, "--"+f.Name, value)
	})
	return strings.Join(words, " ")
}
