package gateway_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"holdfast/biz/ledger"
)

// TestFIXLongRefusal: the answer to a message of any length leaves a journal that can be read.
func TestFIXLongRefusal(t *testing.T) {
	play := newFIXStage(t)
	play("fix alice: logon")
	long := strings.Repeat("x", 100_000)
	if said := play("fix alice: D 11=a 55=" + long + " 54=1 38=1 40=1"); !strings.Contains(said, "|39=8|") {
		t.Fatalf("%.200s", said)
	}
	play("kill")
	if said := play("fix alice: logon"); !strings.Contains(said, "35=A|34=") {
		t.Errorf("after a restart: %.200s", said)
	}
}

// TestFIXRefusalWhileAway: a refusal that comes while the client is away keeps its number after a kill.
func TestFIXRefusalWhileAway(t *testing.T) {
	play := newFIXStage(t)
	play("world slow")
	play("fix alice: logon")
	play("fix alice: D 11=a 55=600100 54=1 38=100000000 40=1")
	play("fix alice: cut")
	play("step 1s")
	play("kill")
	said := play("fix alice: logon")
	if !strings.Contains(said, "35=A|34=3|") {
		t.Errorf("after a restart: %s", said)
	}
	said = play("fix alice: 2 7=2 16=2")
	if !strings.Contains(said, "35=8|34=2|43=Y|") {
		t.Errorf("sent again: %s", said)
	}
}

// TestFIXResendAfterDeposits: events without a report come between those with one, some of them no longer
// in memory, and every report is sent again.
func TestFIXResendAfterDeposits(t *testing.T) {
	for _, deposits := range []int{1, 3} {
		for later := range 6 {
			t.Run(fmt.Sprintf("%d deposits, %d orders", deposits, later), func(t *testing.T) {
				play := newFIXStage(t)
				play("world few")
				play("op: login")
				play("fix alice: logon")
				order := func(name string, n int) {
					play(fmt.Sprintf("fix alice: D 11=%s%d 55=600100 54=1 38=10 40=1", name, n))
				}
				order("a", 0)
				order("a", 1)
				for range deposits {
					play("op: deposit alice 5.00")
				}
				for n := range later {
					order("b", n)
				}
				said := play("fix alice: 2 7=1 16=0")
				if n := strings.Count(said, "35=8|"); n != 2+later {
					t.Errorf("%d reports were sent again, want %d:\n%s", n, 2+later, said)
				}
			})
		}
	}
}

// TestFIXRevokedOrder: a client whose login was revoked places no order, though its connection has not ended.
func TestFIXRevokedOrder(t *testing.T) {
	s := startFIX(t, worldOf(t, nil))
	c := &fixClient{t: t, name: "alice", customer: alice, out: 1}
	c.connect(s)
	c.logon()
	if _, err := c.read(); err != nil {
		t.Fatal(err)
	}
	s.service.RevokeFIX(ledger.Customer(alice), c.compID())
	c.send("D", "11=a", "55=600100", "54=1", "38=10", "40=1")
	c.close()
	s.gone(c)
	if in := c.state().In; in != 2 {
		t.Errorf("the next number is %d: the order was executed", in)
	}
}

// TestFIXCustomerComesBack: the numbers of a customer that a seed lacks go on when a reloaded seed has it
// again.
func TestFIXCustomerComesBack(t *testing.T) {
	s := startFIX(t, worldOf(t, nil))
	c := &fixClient{t: t, name: "dave", customer: dave, out: 1}
	logon := func(want string) {
		t.Helper()
		c.connect(s)
		c.logon()
		if line, _ := c.next(); !strings.HasPrefix(line, want) {
			t.Errorf("got %s, want %s", line, want)
		}
	}
	logon("35=A|34=1|")
	c.close()
	s.gone(c)
	s.stop()
	with := s.setup
	with.seed = edited(t, "},\n    {\"customer\": 100004, \"name\": \"Dave\", \"cash\": \"1000000.00\", \"token_sha256\": \"DAVE\"}", "}")
	s = start(t, with)
	s.reload()
	logon("35=A|34=2|")
}

// killed starts a server on the folder as a kill would leave it now, with requests that wait for their time.
func (r *fixStage) killed() {
	s := r.server
	must(r.t, s.service.Durable(r.t.Context()))
	eventually(r.t, "the history to catch up", func() bool {
		n, err := s.history.Progress(r.t.Context())
		must(r.t, err)
		return n == s.journal.LastBatch()
	})
	with := s.setup
	with.dir = r.t.TempDir()
	must(r.t, os.CopyFS(with.dir, os.DirFS(s.setup.dir)))
	r.ended()
	s.stop()
	r.open(with)
}

// TestFIXKilledWhileOrdersWait: after a kill the client is asked for an order that was waiting for its time,
// and no message that was decided after it is executed again.
func TestFIXKilledWhileOrdersWait(t *testing.T) {
	r := newFIXStageOf(t)
	r.do("world directives")
	r.do("fix alice: logon")
	requests := []string{
		"D 11=a!delay=5s 55=600100 54=1 38=10 40=1",
		"q 11=b 530=7",
		"D 11=c 55=600100 54=1 38=10 40=2 44=9 59=1",
		"D 11=d 55=600100 54=1 38=0 40=1",
	}
	for _, request := range requests {
		r.do("fix alice: " + request)
	}
	r.killed()
	d := r.desks["alice"]
	asked := false
	d.resend = func() {
		asked = true
		for n, request := range requests {
			words := strings.Fields(request)
			d.send(words[0], append(words[1:], fmt.Sprintf("34=%d", n+2), "43=Y", "122="+d.time())...)
		}
		d.send("4", "34=6", "43=Y", "122="+d.time(), "123=Y", "36=7")
	}
	if said := r.do("fix alice: logon"); !asked || !strings.Contains(said, "35=2|") || !strings.Contains(said, "|7=2|16=0") || strings.Count(said, "35=") != 2 {
		t.Errorf("the server asks for the order, and sends nothing else: %s", said)
	}
	if said := r.do("step 4s"); said != "silence" {
		t.Errorf("what was decided is executed again: %s", said)
	}
	if said := r.do("step 1s"); !strings.Contains(said, "|11=a!delay=5s|") || strings.Count(said, "35=8") != 1 {
		t.Errorf("the order that waited: %s", said)
	}
	r.killed()
	d.resend = func() { t.Error("the server asks for messages that are decided") }
	r.do("fix alice: logon")
}
