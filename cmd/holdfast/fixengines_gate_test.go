//go:build gate && linux

package main_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/seed"
)

// TestGateFIXEngines: other FIX engines trade, are busted and corrected, and lose nothing when the
// server is killed. Each is a program that reads messages to send from lines, and prints those that it
// receives: see testdata/quickfix and testdata/jspurefix.
func TestGateFIXEngines(t *testing.T) {
	t.Run("QuickFIX", func(t *testing.T) {
		needs(t, "g++", "g++ libquickfix-dev")
		if _, err := os.Stat("/usr/include/quickfix"); err != nil {
			unavailable(t, "QuickFIX: apt-get install libquickfix-dev")
		}
		program := filepath.Join(t.TempDir(), "initiator")
		build := exec.CommandContext(t.Context(), "g++", "-std=c++14", "-Wno-deprecated", "-o", program, "testdata/quickfix/initiator.cpp", "-lquickfix", "-lpthread")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		testFIXEngine(t, program)
	})
	t.Run("jspurefix", func(t *testing.T) {
		dir := installNode(t, "testdata/jspurefix")
		testFIXEngine(t, "node", filepath.Join(dir, "initiator.js"))
	})
}

// fixEngine is another engine, and the server that it is connected to.
type fixEngine struct {
	t             *testing.T
	command       []string
	address, data string // of the listener; of the server
	store         string // of the engine
	server        *child
	admin         string // address of the server's first listener
	client        *child
	in            io.WriteCloser
	out           *output
	past          string // what earlier clients have printed
}

func testFIXEngine(t *testing.T, command ...string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	e := &fixEngine{t: t, command: command, address: l.Addr().String(), data: t.TempDir(), store: t.TempDir()}
	e.serve()
	e.connect()
	e.orders()
	e.busts()
	e.kill()
	e.compare()
	e.quit()
}

// serve starts the server on its data.
func (e *fixEngine) serve() {
	e.t.Helper()
	e.server, e.admin, _ = serveChild(e.t, e.t.Output(), "--data", e.data, "--log-level", "error", "--listener", "fix="+e.address)
}

// connect starts the client, and waits until it is logged on.
func (e *fixEngine) connect() {
	e.t.Helper()
	host, port, _ := net.SplitHostPort(e.address)
	r, w, err := os.Pipe()
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { w.Close() })
	e.in, e.out = w, newOutput()
	args := append(slices.Clone(e.command[1:]), host, port, strconv.Itoa(trader), fmt.Sprintf("%x", seed.DemoToken(trader)), e.store)
	e.client = startChild(e.t, r, e.out, e.t.Output(), e.command[0], args...)
	r.Close()
	e.out.await(e.t, `(?m)^logon$`)
}

// quit lets the client log out and end.
func (e *fixEngine) quit() {
	e.t.Helper()
	e.send("quit")
	e.client.wants(e.t, 0)
	e.past += e.out.String()
}

func (e *fixEngine) send(line string) {
	e.t.Helper()
	if _, err := io.WriteString(e.in, line+"\n"); err != nil {
		e.t.Fatal(err)
	}
}

// report waits for an ExecutionReport of an order with an ExecType, and returns it.
func (e *fixEngine) report(name string, execType byte) string {
	e.t.Helper()
	return e.out.await(e.t, fmt.Sprintf(`(?m)^.*\|35=8\|.*\|11=%s\|.*\|150=%c\|.*$`, name, execType))[0]
}

// fieldOf returns the value of a field.
func fieldOf(message, tag string) string {
	_, after, _ := strings.Cut(message, "|"+tag+"=")
	value, _, _ := strings.Cut(after, "|")
	return value
}

const fixInstrument = "|55=600100|207=ALFA"

// orders sends orders of every type, replaces and cancels some, and sends some that are refused.
func (e *fixEngine) orders() {
	e.t.Helper()
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format("20060102-15:04:05.000")
	for _, o := range []struct {
		name, terms string
		execType    byte
	}{
		{"market", "54=1|38=100|40=1", 'F'},
		{"limit", "54=1|38=100|40=2|44=20.00", 'F'},
		{"sell", "54=2|38=100|40=1", 'F'},
		{"resting", "54=1|38=100|40=2|44=9.50", '0'},
		{"day", "54=1|38=100|40=2|44=9.50|59=0", '0'},
		{"cancelled", "54=1|38=100|40=2|44=9.50|59=1", '0'},
		{"immediate", "54=1|38=100|40=2|44=20.00|59=3", 'F'},
		{"all", "54=1|38=100|40=2|44=20.00|59=4", 'F'},
		{"dated", "54=1|38=100|40=2|44=9.50|59=6|126=" + tomorrow, '0'},
		{"stop", "54=1|38=100|40=3|99=10.50", '0'},
		{"stoplimit", "54=1|38=100|40=4|99=10.50|44=10.60", '0'},
		{"unknown", "54=1|38=100|40=1|55=nothing", '8'},
	} {
		instrument := fixInstrument
		if strings.Contains(o.terms, "|55=") {
			instrument = ""
		}
		e.send("D 11=" + o.name + "|" + o.terms + instrument)
		e.report(o.name, o.execType)
	}
	e.send("G 11=replaced|41=resting|54=1|38=200|40=2|44=9.40" + fixInstrument)
	if m := e.report("replaced", '5'); fieldOf(m, "41") != "resting" || fieldOf(m, "38") != "200" || fieldOf(m, "44") != "9.4" {
		e.t.Errorf("replaced: %s", m)
	}
	e.send("F 11=cancel|41=cancelled|54=1|38=100" + fixInstrument)
	if m := e.report("cancel", '4'); fieldOf(m, "41") != "cancelled" || fieldOf(m, "151") != "0" {
		e.t.Errorf("cancelled: %s", m)
	}
	e.send("F 11=late|41=market|54=1|38=100" + fixInstrument)
	e.out.await(e.t, `(?m)^.*\|35=9\|.*\|11=late\|.*$`)
}

// login connects over the packet dialect.
func (e *fixEngine) login(customer uint32) *client.Client {
	e.t.Helper()
	c, err := client.Dial(e.t.Context(), e.admin, client.Options{})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { c.Close() })
	if _, err := c.Login(e.t.Context(), client.Customer(customer), client.DemoToken(client.Customer(customer))); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// executionOf returns the execution that a report names.
func executionOf(t *testing.T, report string) client.ExecutionID {
	t.Helper()
	_, text, _ := strings.Cut(fieldOf(report, "17"), "-")
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%v: %s", err, report)
	}
	return client.NewExecutionID(trader, uint32(n))
}

// busts busts and corrects executions while the client is connected, and while it is away.
func (e *fixEngine) busts() {
	e.t.Helper()
	operating := e.login(operator)
	bust := func(report string) {
		e.t.Helper()
		if _, err := operating.BustWith(e.t.Context(), executionOf(e.t, report), "test", client.BustOptions{}); err != nil {
			e.t.Fatal(err)
		}
	}
	limit, all, now := e.report("limit", 'F'), e.report("all", 'F'), e.report("immediate", 'F')
	bust(limit)
	if m := e.report("limit", 'H'); fieldOf(m, "19") != fieldOf(limit, "17") || fieldOf(m, "14") != "0" {
		e.t.Errorf("bust: %s", m)
	}
	if _, err := operating.Correct(e.t.Context(), client.Correction{ID: executionOf(e.t, now), Quantity: 100, Price: 99_000, Reason: "test"}); err != nil {
		e.t.Fatal(err)
	}
	if m := e.report("immediate", 'G'); fieldOf(m, "19") != fieldOf(now, "17") || fieldOf(m, "31") != "9.9" {
		e.t.Errorf("correction: %s", m)
	}
	e.quit()
	bust(all)
	e.connect()
	if m := e.report("all", 'H'); fieldOf(m, "19") != fieldOf(all, "17") || fieldOf(m, "43") != "Y" {
		e.t.Errorf("bust while away: %s", m)
	}
}

// kill kills the server in the middle of a stream of orders, and again after its restart.
func (e *fixEngine) kill() {
	e.t.Helper()
	const kills, each = 2, 300
	for kill := range kills {
		for n := range each {
			e.send(fmt.Sprintf("D 11=stream%d-%03d|54=1|38=1|40=1%s", kill, n, fixInstrument))
			if n == each/2 {
				e.report(fmt.Sprintf("stream%d-%03d", kill, n/2), 'F')
				e.server.signal(e.t, 9)
				<-e.server.ended
			}
		}
		e.serve()
		for n := range each {
			e.report(fmt.Sprintf("stream%d-%03d", kill, n), 'F')
		}
	}
}

// compare compares all that the client has received with the history, and looks at its numbers.
func (e *fixEngine) compare() {
	e.t.Helper()
	reported := make(map[string]int)
	numbers := make(map[string]bool)
	for line := range strings.Lines(e.past + e.out.String()) {
		if !strings.HasPrefix(line, "8=") {
			continue
		}
		if n := fieldOf(line, "34"); numbers[n] {
			e.t.Errorf("number %s came twice: %s", n, line)
		} else {
			numbers[n] = true
		}
		if kind := fieldOf(line, "150"); kind == "F" || kind == "G" {
			reported[fieldOf(line, "17")]++
		}
		if kind := fieldOf(line, "35"); kind == "3" || kind == "j" {
			e.t.Errorf("a message was rejected: %s", line)
		}
	}
	own := e.login(trader)
	orders := make(map[string]bool)
	for page := (client.HistoryPage{More: true}); page.More; {
		var err error
		if page, err = own.History(e.t.Context(), client.HistoryQuery{Before: page.Next, Limit: 1000}); err != nil {
			e.t.Fatal(err)
		}
		for _, x := range page.Executions {
			name := fmt.Sprintf("%d-%d", x.ID.Customer(), x.ID.Number())
			if reported[name] != 1 {
				e.t.Errorf("execution %s of %s was reported %d times", name, x.ClientOrderID, reported[name])
			}
			if x.Corrects == 0 && orders[x.ClientOrderID] {
				e.t.Errorf("%s was executed twice", x.ClientOrderID)
			}
			orders[x.ClientOrderID] = orders[x.ClientOrderID] || x.Corrects == 0
			delete(reported, name)
		}
	}
	if len(reported) > 0 {
		e.t.Errorf("reported, but not in the history: %v", reported)
	}
}
