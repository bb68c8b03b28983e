package journal_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/journal"
	"holdfast/biz/journal/streamtest"
)

// trimTo trims a journal, which must start with batch first then.
func (m *member) trimTo(upTo, first uint64) {
	m.t.Helper()
	if got, err := m.Trim(m.t.Context(), upTo); err != nil || got != first || m.FirstBatch() != first {
		m.t.Fatalf("the journal starts with batch %d (%v), want %d", got, err, first)
	}
}

// TestSharedTrim: the leader trims; who follows goes on, notices it, and can take over and trim further.
func TestSharedTrim(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	if _, err := b.Trim(t.Context(), 1); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("a member that does not lead: %v", err)
	}
	a.follow(1)
	a.lead()
	b.follow(1)
	for _, rec := range []string{"one", "two", "three"} { // batches 2 to 4
		mustWrite(t, a.c, rec)
	}
	b.await("three")
	a.trimTo(2, 3)
	a.trimTo(1, 3)
	if first := b.FirstBatch(); first != 1 {
		t.Errorf("starts with batch %d before it was told", first)
	}
	if err := b.Refresh(t.Context()); err != nil || b.FirstBatch() != 3 {
		t.Errorf("starts with batch %d (%v)", b.FirstBatch(), err)
	}
	mustWrite(t, a.c, "four")
	b.await("four")
	b.lead()
	a.leads.Store(false)
	if _, err := a.Trim(t.Context(), 3); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("the member that led before: %v", err)
	}
	b.trimTo(100, 6)
	mustWrite(t, b.c, "five")
	got, _, err := replay(t.Context(), b.Journal, 6)
	if err != nil || !slices.Equal(got, []string{"alone fence 2", "five"}) {
		t.Errorf("%q (%v)", got, err)
	}
	c := join(t, n, t.TempDir())
	if c.FirstBatch() != 6 || c.LastBatch() != 7 {
		t.Errorf("batches %d to %d", c.FirstBatch(), c.LastBatch())
	}
	c.follow(6)
	c.lead()
	mustWrite(t, c.c, "six")
}

// TestSharedTrimUnnoticed: who reads what was trimmed meanwhile is told so, not that there is damage.
func TestSharedTrimUnnoticed(t *testing.T) {
	n := streamtest.Alone(t)
	a, b := join(t, n, t.TempDir()), join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	point, err := a.Point(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, a.c, "two")
	a.trimTo(2, 3)
	if err := b.Lead(t.Context(), 1, func(*journal.Batch) error { return nil }); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("a follower that is late: %v", err)
	}
	_, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(t.TempDir(), "j"), Shared: n.Shared(b.leads.Load), Checked: point})
	if !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("a checkpoint from before the start: %v", err)
	}
}

// TestSharedTrimAtVoids: the first batch that stays is not void.
func TestSharedTrimAtVoids(t *testing.T) {
	n := streamtest.Alone(t)
	a := join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	mustWrite(t, a.c, "one")
	b := join(t, n, t.TempDir())
	b.follow(1)
	b.lead()
	mustWrite(t, b.c, "two")
	stale, epoch := n.Batch(2)
	n.Publish(stale, epoch) // batch 5
	n.Publish(stale, epoch)
	c := join(t, n, t.TempDir())
	c.follow(1)
	c.lead() // batch 7
	mustWrite(t, c.c, "three")
	c.trimTo(5, 4) // batch 4 shows that the two after it are void
	c.trimTo(6, 7)
	d := join(t, n, t.TempDir())
	got, _, err := replay(t.Context(), d.Journal, 7)
	if err != nil || !slices.Equal(got, []string{"alone fence 3", "three"}) || d.LastBatch() != 8 {
		t.Errorf("%q (%v), the last is batch %d", got, err, d.LastBatch())
	}
}

// TestSharedTrimWentBack: the leader writes again where the journal starts, if another process has
// written an older place after it.
func TestSharedTrimWentBack(t *testing.T) {
	n := streamtest.Alone(t)
	a := join(t, n, t.TempDir())
	a.follow(1)
	a.lead()
	for range 3 {
		mustWrite(t, a.c, "one")
	}
	a.trimTo(1, 2)
	metadata := func(change func(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) error) {
		n.JetStream(func(ctx context.Context, js jetstream.JetStream) error {
			stream, err := js.Stream(ctx, streamtest.Stream)
			if err != nil {
				return err
			}
			return change(ctx, js, stream.CachedInfo().Config)
		})
	}
	var older, newer map[string]string
	metadata(func(_ context.Context, _ jetstream.JetStream, c jetstream.StreamConfig) error {
		older = c.Metadata
		return nil
	})
	a.trimTo(2, 3)
	metadata(func(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) error {
		newer, c.Metadata = c.Metadata, older
		_, err := js.UpdateStream(ctx, c)
		return err
	})
	if err := a.Refresh(t.Context()); err != nil || a.FirstBatch() != 3 {
		t.Errorf("starts with batch %d (%v)", a.FirstBatch(), err)
	}
	metadata(func(_ context.Context, _ jetstream.JetStream, c jetstream.StreamConfig) error {
		if c.Metadata["holdfast-trimmed"] != newer["holdfast-trimmed"] {
			t.Error("the older place stays")
		}
		return nil
	})
}
