package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/journal"
	"holdfast/biz/journal/streamtest"
)

// sharedPatience is how long a test waits for what comes at once. Only a failing test waits so long.
const sharedPatience = time.Minute

// A member is a process that has the shared journal open.
type member struct {
	*journal.Journal

	t     *testing.T
	leads atomic.Bool
	led   chan error // what Lead returned
	c     *committer // from lead on

	mu   sync.Mutex
	seen []string // records that Lead has passed
}

// join opens the journal of a node, which leads if the test says so.
func join(t *testing.T, n *streamtest.Node, dir string) *member {
	t.Helper()
	m := &member{t: t, led: make(chan error, 1)}
	m.open(n, dir, m.leads.Load)
	return m
}

func (m *member) open(n *streamtest.Node, dir string, leads func() bool) {
	m.t.Helper()
	var err error
	if m.Journal, err = journal.Open(m.t.Context(), journal.Options{Dir: dir, Shared: n.Shared(leads)}); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = m.Close(context.Background()) }) // the test looks at what matters
}

// follow calls Lead in a goroutine.
func (m *member) follow(from uint64) {
	go func() {
		m.led <- m.Lead(m.t.Context(), from, func(b *journal.Batch) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, rec := range b.Records() {
				m.seen = append(m.seen, string(rec))
			}
			return nil
		})
	}()
}

// lead makes a following member lead.
func (m *member) lead() {
	m.t.Helper()
	m.leads.Store(true)
	m.awaitLead()
}

func (m *member) awaitLead() {
	m.t.Helper()
	select {
	case err := <-m.led:
		if err != nil {
			m.t.Fatal(err)
		}
	case <-time.After(sharedPatience):
		m.t.Fatal("does not lead")
	}
	m.c = newCommitter(m.Journal, journal.CommitterOptions{})
}

// await waits until Lead has passed a record.
func (m *member) await(rec string) {
	m.t.Helper()
	for start := time.Now(); !slices.Contains(m.records(), rec); time.Sleep(time.Millisecond) {
		if time.Since(start) > sharedPatience {
			m.t.Fatalf("%q has not come: %q", rec, m.records())
		}
	}
}

func (m *member) records() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen)
}

// TestSharedTakeover: a member that follows has everything when it leads, and the one before can
// write nothing any more, even though it never learns of it.
func TestSharedTakeover(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	if a.Epoch() != 0 || a.Proven() < time.Hour || !a.Shared() {
		t.Errorf("epoch %d, proven %v before Lead", a.Epoch(), a.Proven())
	}
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one", "two")
	b.follow(1)
	b.await("two")
	mustWrite(t, a.c, "three")
	b.await("three")
	before := a.Proven()
	b.lead()
	if err := write(a.c, "stale"); !errors.Is(err, errAbandoned) || !errors.Is(a.c.Failed(), journal.ErrFenced) {
		t.Errorf("%v: %v", err, a.c.Failed())
	}
	if now := a.Proven(); now < before {
		t.Errorf("a batch that was refused proves something: %v, before %v", now, before)
	}
	mustWrite(t, b.c, "four")
	want := []string{"alone fence 1", "one", "two", "three", "alone fence 2", "four"}
	got, _, err := replay(t.Context(), b.Journal, 1)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
	if seen := b.records(); !slices.Equal(seen, want[:5]) {
		t.Errorf("Lead has passed %q", seen)
	}
	if a.Epoch() != 1 || b.Epoch() != 4 || b.Voids() != 0 || b.Proven() > sharedPatience {
		t.Errorf("epochs %d and %d, %d voids, proven %v", a.Epoch(), b.Epoch(), b.Voids(), b.Proven())
	}
	if _, epoch := n.Batch(5); epoch != "4" {
		t.Errorf("the header has epoch %q", epoch)
	}
}

// TestSharedRace: a member takes over from one that writes as fast as it can. What that one was
// acknowledged is before the fence.
func TestSharedRace(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	b.follow(1)
	written := make(chan int)
	go func() {
		for i := 0; ; i++ {
			if write(a.c, numbered(i, 10)) != nil {
				written <- i
				return
			}
		}
	}()
	b.await(numbered(20, 10))
	b.lead()
	acknowledged := <-written
	got, _, err := replay(t.Context(), b.Journal, 1)
	if err != nil || len(got) != acknowledged+2 || got[len(got)-1] != "alone fence 2" {
		t.Errorf("%d acknowledged, %d there, the last is %q (%v)", acknowledged, len(got), got[len(got)-1], err)
	}
}

// TestSharedOpenAgain: a folder that was used before, and a new one, find the end of the stream, and lead
// without a second pass over what they have.
func TestSharedOpenAgain(t *testing.T) {
	n, dir := streamtest.Alone(t), t.TempDir()
	a := join(t, n, dir)
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	closeJournal(t, a.Journal)
	for i, dir := range []string{dir, t.TempDir()} {
		b := join(t, n, dir)
		last := b.LastBatch()
		if want := uint64(2*i + 2); last != want {
			t.Errorf("ends with batch %d, want %d", last, want)
		}
		b.follow(last + 1)
		b.lead()
		mustWrite(t, b.c, "more")
		if seen := b.records(); !slices.Equal(seen, []string{fmt.Sprintf("alone fence %d", i+2)}) {
			t.Errorf("%q", seen)
		}
		closeJournal(t, b.Journal)
	}
}

// TestSharedLeadAgain: after an error of its function, Lead can go on after the batch that caused it.
func TestSharedLeadAgain(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	stop := errors.New("stop")
	err := b.Lead(t.Context(), 1, func(*journal.Batch) error { return stop })
	if last := b.LastBatch(); !errors.Is(err, stop) || last != 1 {
		t.Fatalf("%v, the last batch is %d", err, last)
	}
	mustWrite(t, a.c, "one")
	b.follow(2)
	b.lead()
	if seen := b.records(); !slices.Equal(seen, []string{"one", "alone fence 2"}) {
		t.Errorf("%q", seen)
	}
}

// TestSharedVoid: a batch of an owner that was fenced is skipped by all readers, wherever it is.
func TestSharedVoid(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	b.follow(1)
	b.lead()
	mustWrite(t, b.c, "two")
	stale, epoch := n.Batch(2)
	n.Publish(stale, epoch) // batch 5
	n.Publish([]byte("not a batch at all"), "")
	if err := write(b.c, "three"); err == nil || !errors.Is(b.c.Failed(), journal.ErrFenced) {
		t.Fatalf("%v: %v", err, b.c.Failed())
	}
	c := join(t, n, t.TempDir())
	if last := c.LastBatch(); last != 4 || c.Voids() != 2 {
		t.Errorf("ends with batch %d, %d voids", last, c.Voids())
	}
	c.follow(1)
	c.lead()
	mustWrite(t, c.c, "four")
	n.Publish(stale, epoch)
	d := join(t, n, t.TempDir())
	for _, m := range []*member{c, d} {
		got, _, err := replay(t.Context(), m.Journal, 1)
		if want := []string{"alone fence 1", "one", "alone fence 2", "two", "alone fence 3", "four"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
	}
	if c.Epoch() != 7 || c.Voids() != 2 || d.Voids() != 3 || d.LastBatch() != 8 {
		t.Errorf("epoch %d, %d and %d voids, last batch %d", c.Epoch(), c.Voids(), d.Voids(), d.LastBatch())
	}
}

// TestSharedAdopts: a batch that is stored although its acknowledgement never came counts as written.
func TestSharedAdopts(t *testing.T) {
	n := streamtest.Alone(t)
	a := join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	lost := false
	a.SetPublisher(func(msg []byte, last uint64, real func([]byte, uint64) error) error {
		if !lost { // an earlier attempt was stored, and nobody has told us
			lost = true
			n.Publish(msg, "1")
		}
		return real(msg, last)
	})
	mustWrite(t, a.c, "two")
	mustWrite(t, a.c, "three")
	if got, _, err := replay(t.Context(), a.Journal, 1); err != nil || !slices.Equal(got, []string{"alone fence 1", "one", "two", "three"}) {
		t.Errorf("%q (%v)", got, err)
	}
	if s := a.SharedStats(); s.Adopted != 1 || s.Voids != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSharedGivesUp: a commit that gets no answer ends when the journal is given up, and Lead ends then, too.
func TestSharedGivesUp(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	b.follow(1)
	b.GiveUp()
	if err := <-b.led; !errors.Is(err, journal.ErrGivenUp) {
		t.Errorf("Lead: %v", err)
	}
	n.Stop()
	sent := send(a.c, "one")
	for a.SharedStats().Repeated < 3 {
		time.Sleep(time.Millisecond)
	}
	a.GiveUp()
	if outcome := <-sent; outcome != "abandoned" || !errors.Is(a.c.Failed(), journal.ErrUnacknowledged) {
		t.Errorf("%s: %v", outcome, a.c.Failed())
	}
}

// TestSharedGivesUpIdle: the committer fails although nothing waits for it.
func TestSharedGivesUpIdle(t *testing.T) {
	n := streamtest.Alone(t)
	a := join(t, n, t.TempDir())
	a.leads.Store(true)
	if err := a.Lead(t.Context(), 1, func(*journal.Batch) error { return nil }); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	newCommitter(a.Journal, journal.CommitterOptions{OnFailure: func(err error) { failed <- err }})
	a.GiveUp()
	if err := <-failed; !errors.Is(err, journal.ErrGivenUp) {
		t.Error(err)
	}
}

// TestSharedWithoutLead: nothing is written before Lead has returned.
func TestSharedWithoutLead(t *testing.T) {
	a := join(t, streamtest.Alone(t), t.TempDir())
	if err := write(newCommitter(a.Journal, journal.CommitterOptions{}), "one"); !errors.Is(err, errAbandoned) {
		t.Error(err)
	}
}

// TestSharedDamage: a stream in which a batch was changed is refused by those who read it.
func TestSharedDamage(t *testing.T) {
	n := streamtest.Alone(t)
	a := join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	mustWrite(t, a.c, "two")
	mustWrite(t, a.c, "three")
	closeJournal(t, a.Journal)
	type stored struct {
		msg   []byte
		epoch string
	}
	var batches []stored
	for number := range uint64(4) {
		msg, epoch := n.Batch(number + 1)
		batches = append(batches, stored{msg, epoch})
	}
	cases := []struct {
		name   string
		change func(list []stored) []stored
		batch  uint64
		what   string
	}{
		{"a byte", func(list []stored) []stored { list[2].msg[len(list[2].msg)-1] ^= 1; return list }, 3, "checksum"},
		{"a byte and its checksum", func(list []stored) []stored {
			list[1].msg[len(list[1].msg)-1] ^= 1
			list[1].msg = journal.Reseal(list[1].msg)
			return list
		}, 3, "follows a batch"},
		{"an epoch that did not begin", func(list []stored) []stored { list[2].epoch = "9"; return list }, 3, "epoch 9"},
		{"a batch is missing", func(list []stored) []stored { return slices.Delete(list, 1, 2) }, 2, "starts with record"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var list []stored
			for _, b := range batches {
				list = append(list, stored{slices.Clone(b.msg), b.epoch})
			}
			n.Empty()
			for i, b := range tc.change(list) {
				n.Publish(b.msg, strings.Replace(b.epoch, strconv.Itoa(i+2), strconv.Itoa(i+1), 1))
			}
			j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Shared: n.Shared(a.leads.Load)})
			if j != nil {
				closeJournal(t, j)
			}
			var damage *journal.DamageError
			if !errors.As(err, &damage) || damage.Batch != tc.batch || !strings.Contains(damage.What, tc.what) {
				t.Errorf("%v, want batch %d, %q", err, tc.batch, tc.what)
			}
		})
	}
}

// TestSharedDamageMet: a member that follows meets the damage.
func TestSharedDamageMet(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	b.follow(1)
	b.await("alone fence 1")
	msg, _ := n.Batch(1)
	n.Publish(msg, "1")
	var damage *journal.DamageError
	if err := <-b.led; !errors.As(err, &damage) || damage.Batch != 2 {
		t.Error(err)
	}
}

// TestSharedRefuses opens what is no journal of a cluster.
func TestSharedRefuses(t *testing.T) {
	n := streamtest.Alone(t)
	alone := t.TempDir()
	j := open(t, alone)
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "one")
	closeJournal(t, j)
	for name, tc := range map[string]struct {
		dir    string
		change func(*journal.Shared)
		want   string
	}{
		"a folder of a server that runs alone": {alone, func(*journal.Shared) {}, "holdfast cluster copy"},
		"no stream":                            {t.TempDir(), func(s *journal.Shared) { s.Stream = "HF9" }, "not found"},
		"a stream with another subject":        {t.TempDir(), func(s *journal.Shared) { s.Subject = "other" }, "subjects"},
	} {
		shared := n.Shared(func() bool { return false })
		tc.change(shared)
		j, err := journal.Open(t.Context(), journal.Options{Dir: tc.dir, Shared: shared})
		if j != nil {
			closeJournal(t, j)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSharedCluster: three nodes; the one whose server leads the stream writes. When it stops, another one
// takes over with all that was acknowledged.
func TestSharedCluster(t *testing.T) {
	nodes := streamtest.Cluster(t)
	members := make([]*member, len(nodes))
	var led = make(chan *member, len(nodes))
	for i, n := range nodes {
		m := &member{t: t, led: make(chan error, 1)}
		m.open(n, t.TempDir(), n.LeadsStream)
		m.follow(1)
		members[i] = m
		go func() {
			err := <-m.led
			m.led <- err
			if err == nil {
				led <- m
			}
		}()
	}
	next := func() *member {
		t.Helper()
		select {
		case m := <-led:
			m.awaitLead()
			return m
		case <-time.After(sharedPatience):
			t.Fatal("nobody leads")
			return nil
		}
	}
	first := next()
	acknowledged := make(chan int)
	go func() {
		for i := 0; ; i++ {
			if write(first.c, numbered(i, 10)) != nil {
				acknowledged <- i
				return
			}
		}
	}()
	for _, m := range members {
		if m != first {
			m.await(numbered(10, 10))
		}
	}
	nodes[slices.Index(members, first)].Stop()
	first.GiveUp()
	n := <-acknowledged
	second := next()
	mustWrite(t, second.c, "after")
	got, _, err := replay(t.Context(), second.Journal, 1)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range n {
		want = append(want, numbered(i, 10))
	}
	if len(got) < n+3 || !slices.Equal(got[1:n+1], want) || got[len(got)-1] != "after" {
		t.Errorf("%d acknowledged, %d there", n, len(got))
	}
	for _, m := range members {
		if m != first && m != second {
			m.await("after")
		}
	}
}
