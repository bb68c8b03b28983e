package fixclient_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/biz/client"
	"holdfast/biz/fix"
	"holdfast/biz/fixclient"
	codecfix "holdfast/codec/fix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// acceptor is a server that the test plays.
type acceptor struct {
	t        *testing.T
	listener net.Listener
	conn     net.Conn
	in       *bufio.Reader
	out      int64
}

func listen(t *testing.T) *acceptor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	a := &acceptor{t: t, listener: l, out: 1}
	t.Cleanup(func() {
		l.Close()
		if a.conn != nil {
			a.conn.Close()
		}
	})
	return a
}

// accept takes the next connection, and its Logon.
func (a *acceptor) accept() {
	var err error
	if a.conn, err = a.listener.Accept(); err != nil {
		a.t.Error(err)
		return
	}
	a.in = bufio.NewReader(a.conn)
	a.wants("35=A")
}

// send sends a message; fields are "tag=value", separated by blanks.
func (a *acceptor) send(msgType, fields string) {
	w := codecfix.Begin(nil, msgType)
	w.Int(codecfix.MsgSeqNum, a.out)
	a.out++
	w.Text(codecfix.SenderCompID, "VENUE")
	w.Time(codecfix.SendingTime, time.Now().UnixNano())
	w.Text(codecfix.TargetCompID, "ME")
	b := w.End()
	if fields != "" {
		w = codecfix.Begin(nil, msgType)
		w.Int(codecfix.MsgSeqNum, a.out-1)
		w.Text(codecfix.SenderCompID, "VENUE")
		w.Time(codecfix.SendingTime, time.Now().UnixNano())
		w.Text(codecfix.TargetCompID, "ME")
		w.Raw([]byte(strings.ReplaceAll(fields, " ", "\x01") + "\x01"))
		b = w.End()
	}
	if _, err := a.conn.Write(b); err != nil {
		a.t.Error(err)
	}
}

// wants reads a message, which must have the fields.
func (a *acceptor) wants(fields ...string) {
	a.t.Helper()
	text := "\x01"
	for !strings.HasPrefix(text[strings.LastIndex(strings.TrimSuffix(text, "\x01"), "\x01")+1:], "10=") {
		field, err := a.in.ReadString(codecfix.SOH)
		if err != nil {
			a.t.Errorf("after %q: %v", text, err)
			return
		}
		text += field
	}
	for _, want := range fields {
		if !strings.Contains(text, "\x01"+want+"\x01") {
			a.t.Errorf("no %s in %q", want, text)
		}
	}
}

func options(store *fixclient.Store) fixclient.Options {
	return fixclient.Options{Session: fix.Config{Ours: "ME", Theirs: "VENUE"}, Heartbeat: 30 * time.Second, Store: store}
}

// TestSessionGoesOn: after a lost connection the client says which message it has sent last, sends it
// again when it is asked for, and gets what it has missed.
func TestSessionGoesOn(t *testing.T) {
	a := listen(t)
	path := filepath.Join(t.TempDir(), "store")
	store, err := fixclient.OpenStore(path)
	must(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		a.accept()
		a.send("A", "98=0 108=30")
		a.wants("35=D", "34=2", "11=first")
		a.conn.Close()
	}()
	c, err := fixclient.Dial(t.Context(), a.listener.Addr().String(), options(store))
	must(t, err)
	number, err := c.Send("D", func(w *codecfix.Writer) { w.Text(11, "first") })
	if err != nil || number != 2 {
		t.Errorf("number %d, %v", number, err)
	}
	<-served
	<-c.Done()
	if !errors.Is(c.Err(), fixclient.ErrEnded) {
		t.Errorf("ended with %v", c.Err())
	}
	if _, err := c.Send("D", nil); !errors.Is(err, fixclient.ErrNotLoggedOn) {
		t.Errorf("sent without a connection: %v", err)
	}
	must(t, store.Close())

	store, err = fixclient.OpenStore(path)
	must(t, err)
	served = make(chan struct{})
	caughtUp := make(chan struct{})
	go func() {
		defer close(served)
		a.out = 4 // 2 and 3 were sent to nobody
		a.accept()
		a.send("A", "98=0 108=30")
		a.wants("35=2", "7=2", "16=0")
		a.send("2", "7=1 16=0")
		a.wants("35=4", "34=1", "43=Y", "36=2")
		a.wants("35=D", "34=2", "43=Y", "11=first")
		a.wants("35=4", "34=3", "36=5")
		a.out = 2
		a.send("8", "43=Y 122=20260105-09:30:00 37=missed")
		a.send("4", "43=Y 122=20260105-09:30:00 36=6 123=Y")
		a.out = 6
		a.send("1", "112=there")
		a.wants("35=0", "112=there") // so it has all of the above
		close(caughtUp)
		a.wants("35=5", "58=bye")
		a.send("5", "")
	}()
	got := make(chan string, 1)
	o := options(store)
	o.Message = func(m *codecfix.Message) {
		id, _ := m.Get(codecfix.OrderID)
		got <- string(m.Type) + " " + string(id)
	}
	c, err = fixclient.Dial(t.Context(), a.listener.Addr().String(), o)
	must(t, err)
	if text := <-got; text != "8 missed" {
		t.Errorf("got %s", text)
	}
	<-caughtUp
	c.Logout(t.Context(), "bye")
	<-served
	if in, out := store.Next(); in != 8 || out != 7 {
		t.Errorf("next numbers %d and %d", in, out)
	}
	must(t, store.Close())
}

// TestLogonRefused: the text of a Logout, a closed connection and the end of ctx.
func TestLogonRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(*acceptor)
		want   string
	}{
		"Logout": {func(a *acceptor) { a.send("5", "58=unknown") }, "Logon refused: unknown"},
		"closed": {func(a *acceptor) { a.conn.Close() }, "the server has closed the connection"},
		"other":  {func(a *acceptor) { a.send("0", "") }, "the answer to Logon is no Logon of the peer"},
	} {
		t.Run(name, func(t *testing.T) {
			a := listen(t)
			go func() {
				a.accept()
				tc.answer(a)
			}()
			_, err := fixclient.Dial(t.Context(), a.listener.Addr().String(), options(nil))
			if !errors.Is(err, fixclient.ErrEnded) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	a := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		a.accept()
		cancel()
	}()
	if _, err := fixclient.Dial(ctx, a.listener.Addr().String(), options(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestSeveralAddresses: an address where nobody listens and one that ends the connection are passed over;
// after a lost connection the next address is first, and the numbers go on. If all fail, the error names
// them all.
func TestSeveralAddresses(t *testing.T) {
	down, closing, a, b := listen(t), listen(t), listen(t), listen(t)
	down.listener.Close()
	list := ""
	for _, one := range []*acceptor{down, closing, a, b} {
		list += "," + one.listener.Addr().String()
	}
	list = list[1:]
	var served sync.WaitGroup
	defer served.Wait()
	served.Go(func() {
		closing.accept()
		closing.conn.Close()
		a.accept()
		a.send("A", "98=0 108=30")
		a.wants("35=D", "11=first")
		a.conn.Close()
		b.out = 2
		b.accept()
		b.send("A", "98=0 108=30")
		b.conn.Close()
	})
	o := options(fixclient.NewStore())
	c, err := fixclient.Dial(t.Context(), list, o)
	must(t, err)
	if c.Addr() != a.listener.Addr().String() {
		t.Errorf("logged on at %s", c.Addr())
	}
	_, err = c.Send("D", func(w *codecfix.Writer) { w.Text(11, "first") })
	must(t, err)
	<-c.Done()
	o.After = c.Addr()
	c, err = fixclient.Dial(t.Context(), list, o)
	must(t, err)
	if c.Addr() != b.listener.Addr().String() {
		t.Errorf("logged on at %s", c.Addr())
	}
	c.Close()
	if in, _ := o.Store.Next(); in != 3 {
		t.Errorf("next number %d", in)
	}
	served.Wait()
	for _, one := range []*acceptor{closing, a, b} {
		one.listener.Close()
	}
	_, err = fixclient.Dial(t.Context(), list, o)
	if !errors.As(err, new(*client.AddressesError)) {
		t.Fatal(err)
	}
	for addr := range strings.SplitSeq(list, ",") {
		if !strings.Contains(err.Error(), addr) {
			t.Errorf("%v does not name %s", err, addr)
		}
	}
}

// TestStoreFiles: a file whose last line was cut is read up to there; any other file is refused and
// stays as it is.
func TestStoreFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		in, out uint64 // 0: refused
	}{
		"empty":         {"", 1, 1},
		"numbers":       {"{\"in\":3,\"out\":5}\n{\"in\":4}\n", 4, 5},
		"reset":         {"{\"in\":3,\"out\":5}\n{\"reset\":true}\n{\"out\":2}\n", 1, 2},
		"cut":           {"{\"in\":3,\"out\":5}\n{\"in\":", 3, 5},
		"no store":      {"hello\nworld\n", 0, 0},
		"other objects": {"{\"a\":3}\n{\"a\":5}\n", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			must(t, os.WriteFile(path, []byte(tc.text), 0o600))
			s, err := fixclient.OpenStore(path)
			if tc.in == 0 {
				now, readErr := os.ReadFile(path)
				if !errors.Is(err, fixclient.ErrStore) || readErr != nil || string(now) != tc.text {
					t.Errorf("%v, %v, %q", err, readErr, now)
				}
				return
			}
			must(t, err)
			if in, out := s.Next(); in != tc.in || out != tc.out {
				t.Errorf("%d, %d", in, out)
			}
			must(t, s.Close())
		})
	}
}
