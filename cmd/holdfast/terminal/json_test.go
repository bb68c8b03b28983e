package terminal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// jsonClient runs a client with JSON output that gets these lines on standard input.
func jsonClient(t *testing.T, addr, lines string) (stdout string, err error) {
	t.Helper()
	out := newOutput()
	o := options(addr, 100020)
	o.Stdin, o.Stdout, o.JSON = strings.NewReader(lines), out, true
	err = terminal.Run(t.Context(), o)
	return out.String(), err
}

// TestJSONLines: what programs read. These lines are a promise: fields may be added, not
// changed.
func TestJSONLines(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, trades)
	got, err := jsonClient(t, s.addr, "holding\n\nbuy 600100 100\nbuy 600100 101\nhistory\nquote 600100\nwatch off\nsel\nbust 100020-1 x\nchat hello  you\nwho\njoin metals\nquit\nhistory\n")
	want := strings.ReplaceAll(`{"event":"connected","server":"ADDR","body":{"uid":"7","serverVersion":"1.0","historyId":"MTYgYnl0ZXMgb2YgdGV4dA=="}}
{"event":"account","body":{"account":{"customer":100020,"name":"Customer 20","cash":"5000000"},"pushSequence":"2"}}
{"event":"reply","line":1,"command":"Positions","result":"OK","body":{"account":{"customer":100020,"name":"Customer 20","cash":"5000000"},"pushSequence":"2"}}
{"event":"push","command":"Execution","sequence":3,"body":{"executionId":"429582628945921","side":"SIDE_BUY","market":"ALFA","code":"600100","quantity":"100","price":"100000","time":"5"}}
{"event":"push","command":"PositionUpdate","sequence":4,"body":{"change":"CHANGE_OPENED","position":{"market":"ALFA","code":"600100","quantity":"100","lastPrice":"100000"},"rowCount":1}}
{"event":"reply","line":3,"command":"PlaceOrder","result":"OK","body":{"orderId":"429582628945921","status":"ORDER_STATUS_FILLED","executions":[{"executionId":"429582628945921","side":"SIDE_BUY","market":"ALFA","code":"600100","quantity":"100","price":"100000","time":"5"}],"position":{"market":"ALFA","code":"600100","quantity":"100","lastPrice":"100000"}}}
{"event":"error","line":4,"result":"REJECTED","message":"not enough cash","body":{"reason":"REASON_NOT_ENOUGH_CASH","message":"not enough cash"}}
{"event":"reply","line":5,"command":"History","result":"OK","body":{}}
{"event":"reply","line":6,"command":"Quotes","result":"OK","body":{"instruments":[{"market":"ALFA","code":"600100","name":"Northern Tin","lotSize":"1","priceTick":"100","lastPrice":"100000"}]}}
{"event":"reply","line":7,"command":"Quotes","result":"OK"}
{"event":"error","line":8,"message":"unknown command \"sel\" (did you mean \"sell\"?); \"help\" lists them all"}
{"event":"error","line":9,"result":"UNKNOWN_COMMAND","message":"unknown command","body":{}}
{"event":"push","command":"ChatMessage","body":{"sender":"100020","address":"127.0.0.1","port":4000,"text":"hello  you","time":"1"}}
{"event":"reply","line":10,"command":"Chat","result":"OK"}
{"event":"reply","line":11,"command":"Chat","result":"OK","body":{"members":[{"uid":"7","sender":"100020","address":"127.0.0.1","port":4000},{"uid":"8","address":"::1","port":4001}],"count":2000,"more":true}}
{"event":"push","command":"ChatMessage","body":{"room":"metals","address":"unix","event":"CHAT_EVENT_JOINED","time":"9"}}
{"event":"reply","line":12,"command":"Chat","result":"OK"}
{"event":"reply","line":13,"command":"quit","result":"OK"}
`, "ADDR", s.addr)
	if sortedPushes(got) != sortedPushes(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err == nil || err.Error() != "not all commands succeeded" {
		t.Error(err)
	}
}

// sortedPushes puts the pushes last: another goroutine prints them than the replies.
func sortedPushes(lines string) string {
	var others, pushes string
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, `{"event":"push"`) {
			pushes += line
		} else {
			others += line
		}
	}
	return others + pushes
}

// TestJSONHelp: every command is in the list.
func TestJSONHelp(t *testing.T) {
	t.Parallel()
	got, err := jsonClient(t, newFakeServer(t, trades).addr, "help\n")
	if err != nil || !strings.Contains(got, `{"event":"reply","line":1,"command":"help","result":"OK","body":[{"arguments":"CODE QUANTITY [PRICE] [TERMS]","help":"buy at the market price, or at PRICE or a lower one","name":"buy"},`) {
		t.Errorf("%v, %s", err, got)
	}
}

// TestJSONErrors: an error of the client is the last object.
func TestJSONErrors(t *testing.T) {
	t.Parallel()
	got, err := jsonClient(t, "127.0.0.1:1", "")
	if want := `{"event":"error","message":"cannot connect to 127.0.0.1:1: connection refused: nothing listens there: `; err == nil || !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("%v, %s", err, got)
	}
	s := newFakeServer(t, trades)
	got, err = jsonClient(t, s.addr, "chat end it\nhistory\nhistory\n")
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if last := lines[len(lines)-1]; err == nil || !strings.HasPrefix(last, `{"event":"error","message":"`) {
		t.Errorf("%v, %s", err, got)
	}
}

// TestJSONIsSafe: text of others is valid JSON on one line, and controls no terminal.
func TestJSONIsSafe(t *testing.T) {
	t.Parallel()
	const evil = "x\r\n{\"event\":\"push\"}\x1b[2J\u009b31m\u202e\U000e0001\u2028\x7f\xff</script>"
	s := newFakeServer(t, func(c *fakeConn, m codec.Message) {
		c.push(codec.PushNotice, 0, &pb.Notice{Text: evil})
		c.reply(m, codec.ResultRejected, &pb.Error{Message: evil})
	})
	got, _ := jsonClient(t, s.addr, "history\nfrobnicate \u202e\n")
	if i := strings.IndexFunc(got, func(r rune) bool {
		return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 || r == 0xe0001
	}); i >= 0 {
		t.Errorf("a control character is shown: %q", got[max(0, i-60):i+10])
	}
	evils := 0
	for line := range strings.Lines(got) {
		var e struct {
			Body struct{ Text, Message string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if want := strings.ToValidUTF8(evil, "\ufffd"); e.Body.Text == want || e.Body.Message == want {
			evils++
		}
	}
	if evils != 2 || !strings.Contains(got, `\u202e`) || !strings.Contains(got, `\udb40\udc01`) || !strings.Contains(got, "</script>") {
		t.Errorf("%d texts arrived as they were sent:\n%s", evils, got)
	}
}

// TestJSONReconnect: the events of a lost connection.
func TestJSONReconnect(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serve(t, "127.0.0.1:0", data)
	o := options(first.addr, 100020)
	o.JSON = true
	r := startWith(t, o, true)
	r.out.await(t, `{"event":"account",`)
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, `{"event":"reply","line":1,"command":"PlaceOrder","result":"OK",`)
	first.stop()
	r.out.await(t, `{"event":"lost","message":"the server closed the connection: `)
	serve(t, first.addr, data)
	r.out.await(t, `{"event":"reconnected","resumed":true,"message":"missed pushes follow","body":{"uid":`)
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
	if got := r.out.String(); strings.Count(got, `"event":"push","command":"Execution"`) != 1 || !strings.Contains(got, `"event":"push","command":"Notice"`) {
		t.Errorf("pushes:\n%s", got)
	}
}

// TestJSONStartsWithTheAccount: pushes that come right after the login are shown, after the
// account.
func TestJSONStartsWithTheAccount(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, trades)
	s.pushAtLogin = true
	got, err := jsonClient(t, s.addr, "")
	account, push := strings.Index(got, `{"event":"account"`), strings.Index(got, `{"event":"push","command":"Execution","sequence":3`)
	if err != nil || account < 0 || push < account {
		t.Errorf("%v, %s", err, got)
	}
}

// unreadOutput lets nobody read pushes before the reply to a command.
type unreadOutput struct {
	output
	replied chan struct{}
}

func (o *unreadOutput) Write(b []byte) (int, error) {
	switch {
	case bytes.Contains(b, []byte(`"event":"push"`)):
		<-o.replied
	case bytes.Contains(b, []byte(`"event":"reply"`)):
		close(o.replied)
	}
	return o.output.Write(b)
}

// TestJSONSaysWhatIsMissing: a program that reads too slowly gets to know how many pushes it
// has missed.
func TestJSONSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const pushes = 2 * client.DefaultPushBuffer
	s := newFakeServer(t, func(c *fakeConn, m codec.Message) {
		for range pushes {
			c.push(codec.PushQuote, 0, &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 10_0000})
		}
		c.reply(m, codec.ResultOK, &pb.HistoryReply{})
	})
	out := &unreadOutput{output: output{changed: make(chan struct{}, 1)}, replied: make(chan struct{})}
	o := options(s.addr, 100020)
	o.Stdin, o.Stdout, o.JSON = strings.NewReader("history\n"), out, true
	if err := terminal.Run(t.Context(), o); err != nil {
		t.Error(err)
	}
	missing, shown := 0, 0
	for line := range strings.Lines(out.String()) {
		var e struct{ Event, Message string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Error(err)
		}
		switch e.Event {
		case "push":
			shown++
		case "break":
			var n int
			if _, err := fmt.Sscanf(e.Message, "%d pushes were dropped: ", &n); err != nil {
				t.Errorf("%v: %s", err, e.Message)
			}
			missing += n
		}
	}
	if missing == 0 || missing+shown != pushes {
		t.Errorf("%d pushes are shown and %d are missing, of %d", shown, missing, pushes)
	}
}
