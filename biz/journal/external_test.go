package journal_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/journal"
)

// An outside is an external JetStream server.
type outside struct {
	t       *testing.T
	dir     string
	port    int
	monitor int
	srv     *server.Server
}

func newOutside(t *testing.T, syncAlways bool) *outside {
	t.Helper()
	o := &outside{t: t, dir: t.TempDir(), port: -1, monitor: -1}
	o.start(syncAlways)
	t.Cleanup(o.stop)
	return o
}

// start starts the server on the same ports as before.
func (o *outside) start(syncAlways bool) {
	o.t.Helper()
	srv, err := server.NewServer(&server.Options{
		ServerName: "outside", Host: "127.0.0.1", Port: o.port, HTTPHost: "127.0.0.1", HTTPPort: o.monitor,
		JetStream: true, StoreDir: o.dir, SyncAlways: syncAlways, NoSigs: true, NoLog: true,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		o.t.Fatal("not ready")
	}
	o.srv = srv
	o.port, o.monitor = srv.Addr().(*net.TCPAddr).Port, srv.MonitorAddr().Port
}

func (o *outside) stop() {
	o.srv.Shutdown()
	o.srv.WaitForShutdown()
}

func (o *outside) options(dir string) journal.Options {
	return journal.Options{
		Dir: dir, AckTimeout: time.Second, URL: o.srv.ClientURL(), MonitorURLs: []string{fmt.Sprintf("http://127.0.0.1:%d", o.monitor)},
	}
}

func (o *outside) open(dir string) *journal.Journal {
	o.t.Helper()
	j, err := journal.Open(o.t.Context(), o.options(dir))
	if err != nil {
		o.t.Fatal(err)
	}
	// The error is that of a failed commit, which the test expects.
	o.t.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

// TestExternal writes to an external server, and opens the journal again from the same
// folder and from another one, as another machine would.
func TestExternal(t *testing.T) {
	o, dir := newOutside(t, true), t.TempDir()
	j := o.open(dir)
	want := writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 5, 3, 50)
	closeJournal(t, j)
	if !journal.IsExternal(dir) {
		t.Error("the folder looks like that of a local journal")
	}
	for _, dir := range []string{dir, t.TempDir()} {
		j := o.open(dir)
		mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "more")
		want = append(want, "more")
		recs, _, err := replay(t.Context(), j, 1)
		if err != nil || !slices.Equal(recs, want) {
			t.Fatalf("%q (%v), want %q", recs, err, want)
		}
		closeJournal(t, j)
	}
}

// TestExternalRefuses opens external journals that could lose acknowledged batches.
func TestExternalRefuses(t *testing.T) {
	cases := []struct {
		name  string
		lazy  bool
		with  func(o *outside, options *journal.Options)
		want  error
		names string
	}{
		{"sync interval", true, nil, journal.ErrLazySync, "sync_interval"},
		{"no monitoring port", false, func(_ *outside, options *journal.Options) { options.MonitorURLs = nil }, journal.ErrLazySync, `"outside"`},
		{"monitoring port of nobody", false, func(_ *outside, options *journal.Options) {
			options.MonitorURLs = []string{"http://127.0.0.1:1"}
		}, journal.ErrLazySync, "connection refused"},
		{"limits of age", false, func(o *outside, _ *journal.Options) {
			o.stream(func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour })
		}, journal.ErrForeign, "max_age"},
		{"messages can be deleted", false, func(o *outside, _ *journal.Options) {
			o.stream(func(c *jetstream.StreamConfig) { c.DenyDelete = false })
		}, journal.ErrForeign, "deny_delete"},
		{"written without a sync", false, func(o *outside, _ *journal.Options) {
			o.stream(func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode })
		}, journal.ErrForeign, "persist_mode"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			o := newOutside(t, !tc.lazy)
			options := o.options(t.TempDir())
			if tc.with != nil {
				tc.with(o, &options)
			}
			j, err := journal.Open(t.Context(), options)
			if j != nil {
				closeJournal(t, j)
			}
			if !errors.Is(err, tc.want) || !strings.Contains(fmt.Sprint(err), tc.names) {
				t.Errorf("%v, want %v with %q", err, tc.want, tc.names)
			}
		})
	}
}

// connect returns a connection of another client.
func (o *outside) connect() jetstream.JetStream {
	o.t.Helper()
	nc, err := nats.Connect(o.srv.ClientURL())
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		o.t.Fatal(err)
	}
	return js
}

// stream creates the stream of the journal with other settings.
func (o *outside) stream(change func(*jetstream.StreamConfig)) {
	o.t.Helper()
	c := jetstream.StreamConfig{
		Name: "JOURNAL", Subjects: []string{journal.Subject}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, DenyDelete: true, AllowDirect: true,
	}
	change(&c)
	if _, err := o.connect().CreateStream(o.t.Context(), c); err != nil {
		o.t.Fatal(err)
	}
}

// TestExternalFencing has a second process write to the stream.
func TestExternalFencing(t *testing.T) {
	o := newOutside(t, true)
	first, second := o.open(t.TempDir()), o.open(t.TempDir())
	a, b := newCommitter(first, journal.CommitterOptions{}), newCommitter(second, journal.CommitterOptions{})
	mustWrite(t, a, "ours")
	if err := write(b, "theirs"); !errors.Is(err, errAbandoned) || !errors.Is(b.Failed(), journal.ErrFenced) {
		t.Fatalf("%v: %v", err, b.Failed())
	}
	mustWrite(t, a, "ours again")
}

// TestExternalLoses opens a folder whose acknowledged batches the servers lack.
func TestExternalLoses(t *testing.T) {
	o, dir := newOutside(t, true), t.TempDir()
	j := o.open(dir)
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "a")
	closeJournal(t, j)
	if err := o.connect().DeleteStream(t.Context(), "JOURNAL"); err != nil {
		t.Fatal(err)
	}
	var damage *journal.DamageError
	j, err := journal.Open(t.Context(), o.options(dir))
	if j != nil {
		closeJournal(t, j)
	}
	if !errors.As(err, &damage) || damage.Batch != 1 {
		t.Errorf("%v", err)
	}
}

// TestExternalRestart: a batch written while the server is down is acknowledged once after
// the restart, or never if the server then acknowledges without an fsync.
func TestExternalRestart(t *testing.T) {
	for _, syncAlways := range []bool{true, false} {
		t.Run(fmt.Sprintf("sync always %v", syncAlways), func(t *testing.T) {
			o := newOutside(t, true)
			j := o.open(t.TempDir())
			c := newCommitter(j, journal.CommitterOptions{})
			mustWrite(t, c, "a")
			o.stop()
			sent := send(c, "b")
			o.start(syncAlways)
			outcome := <-sent
			if syncAlways != (outcome == "released") {
				t.Fatalf("%s: %v", outcome, c.Failed())
			}
			if !syncAlways {
				if !errors.Is(c.Failed(), journal.ErrLazySync) {
					t.Error(c.Failed())
				}
				return
			}
			recs, _, err := replay(t.Context(), j, 1)
			if err != nil || !slices.Equal(recs, []string{"a", "b"}) {
				t.Errorf("%q (%v)", recs, err)
			}
		})
	}
}

// TestExternalTrim trims an external journal. Another folder, as that of another machine, finds
// where it starts, and loses nothing that must be there.
func TestExternalTrim(t *testing.T) {
	o, dir := newOutside(t, true), t.TempDir()
	j := o.open(dir)
	want := writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 10, 3, 50)
	middle, err := j.Point(t.Context(), 6)
	must(t, err)
	before := j.SizeBytes()
	if got := j.OverSize(before); got != 0 {
		t.Errorf("OverSize of all is %d", got)
	}
	if got := j.OverSize(before / 2); got < 4 || got > 6 {
		t.Errorf("OverSize of half is %d", got)
	}
	times := map[uint64]time.Time{}
	stop := errors.New("stop")
	err = j.Follow(t.Context(), 1, func(b *journal.Batch) error {
		times[b.Number] = time.Unix(0, b.Time)
		if b.CaughtUp {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if a, b := j.OlderThan(times[4].Add(1)), j.OlderThan(times[1]); a != 4 || b != 0 {
		t.Errorf("OlderThan is %d and %d", a, b)
	}
	if first, err := j.Trim(t.Context(), 4); err != nil || first != 5 {
		t.Fatal(first, err)
	}
	if j.SizeBytes() >= before {
		t.Errorf("%d bytes, before %d", j.SizeBytes(), before)
	}
	closeJournal(t, j)
	for _, dir := range []string{dir, t.TempDir()} {
		for _, checked := range []journal.Point{{}, middle} {
			options := o.options(dir)
			options.Checked = checked
			j, err := journal.Open(t.Context(), options)
			must(t, err)
			if _, _, err := replay(t.Context(), j, 4); !errors.Is(err, journal.ErrTrimmed) {
				t.Error(err)
			}
			recs, _, err := replay(t.Context(), j, j.FirstBatch())
			if err != nil || !slices.Equal(recs, want[4*3:]) {
				t.Errorf("%d records, %v", len(recs), err)
			}
			closeJournal(t, j)
		}
	}
	middle.Checksum++
	options := o.options(dir)
	options.Checked = middle
	var damage *journal.DamageError
	if _, err := journal.Open(t.Context(), options); !errors.As(err, &damage) || damage.Batch != 6 {
		t.Errorf("another checked batch: %v", err)
	}
	stream, err := o.connect().Stream(t.Context(), "JOURNAL")
	must(t, err)
	must(t, stream.Purge(t.Context(), jetstream.WithPurgeSequence(7)))
	if _, err := journal.Open(t.Context(), o.options(dir)); !errors.As(err, &damage) || damage.Batch != 5 {
		t.Errorf("batches lost at the start: %v", err)
	}
}
