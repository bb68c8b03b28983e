package journal_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/journal"
)

// TestRepeatedBatch writes the same place twice, as after a lost
// acknowledgement.
func TestRepeatedBatch(t *testing.T) {
	ours := journal.AppendMessage(nil, 0, 1, []byte("ours"))
	theirs := journal.AppendMessage(nil, 0, 1, []byte("theirs"))
	cases := []struct {
		name  string
		there []byte
		err   error
	}{
		{"nobody was there", nil, nil},
		{"our own first attempt", ours, nil},
		{"another writer", theirs, journal.ErrFenced},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			j := open(t, t.TempDir())
			if tc.there != nil {
				if err := j.Publish(tc.there, 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := j.Publish(ours, 0); !errors.Is(err, tc.err) {
				t.Fatalf("%v, want %v", err, tc.err)
			}
			if last, err := j.StoreLast(t.Context()); last != 1 || err != nil {
				t.Fatalf("the store ends with %d (%v)", last, err)
			}
		})
	}
}

// An answerer acts as the store. answer sends text; an empty reply means the subject of the
// request.
type answerer func(attempt int, reply string, answer func(reply, text string))

// TestAnswers: the publisher understands every kind of answer to the write of batch 8.
func TestAnswers(t *testing.T) {
	says := func(answers ...string) answerer {
		return func(attempt int, _ string, answer func(reply, text string)) {
			if text := answers[min(attempt, len(answers))-1]; text != "" {
				answer("", text)
			}
		}
	}
	const good = `{"stream":"JOURNAL", "seq":8}`
	cases := []struct {
		name     string
		answer   answerer
		attempts int
		err      error
		text     string
	}{
		{"stored", says(good), 1, nil, ""},
		{"silence", says(""), 3, journal.ErrUnacknowledged, "batch 8, 3 attempts"},
		{"silence, then stored", says("", "", good), 3, nil, ""},
		{"full", says(`{"error":{"code":400,"err_code":10077,"description":"maximum bytes exceeded"}}`), 1, journal.ErrRefused, "maximum bytes"},
		{"stored elsewhere", says(`{"stream":"JOURNAL", "seq":9}`), 1, journal.ErrFenced, "stored as 9"},
		{"no answer to make sense of", says("what?"), 1, journal.ErrRefused, "what?"},
		{"nothing stored and no way to find out", says(`{"error":{"code":400,"err_code":10071}}`), 1, journal.ErrUnacknowledged, ""},
		{"the answer to an earlier batch", func(_ int, reply string, answer func(reply, text string)) {
			inbox := strings.TrimSuffix(reply, ".8")
			answer(inbox+".7", `{"error":{"code":400,"err_code":10071}}`)
			answer(reply, good)
		}, 1, nil, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), AckTimeout: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer closeJournal(t, j)
			var attempts atomic.Int64
			err = j.ImpersonateStore(func(m *nats.Msg) {
				attempts.Add(1)
				tc.answer(int(attempts.Load()), m.Reply, func(reply, text string) {
					if err := j.Answer(cmp.Or(reply, m.Reply), text); err != nil {
						t.Error(err)
					}
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			err = j.Publish([]byte("batch"), 7)
			if !errors.Is(err, tc.err) || err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("%v, want %v with %q", err, tc.err, tc.text)
			}
			if int(attempts.Load()) != tc.attempts {
				t.Fatalf("%d attempts, want %d", attempts.Load(), tc.attempts)
			}
		})
	}
}

// TestTroubleInTheStore: if the server logs an error instead of an answer, the attempts end
// long before their timeout, with that error.
func TestTroubleInTheStore(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), AckTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer closeJournal(t, j)
	err = j.ImpersonateStore(func(*nats.Msg) { j.LogServerError("sync 1.blk: input/output error") })
	if err != nil {
		t.Fatal(err)
	}
	err = j.Publish([]byte("batch"), 7)
	if !errors.Is(err, journal.ErrUnacknowledged) || !strings.Contains(err.Error(), "input/output error") {
		t.Fatal(err)
	}
}

// TestFailedWrite: if the server logs that a write failed permanently, there is no further
// attempt, since the server drops every later write without an answer.
func TestFailedWrite(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), AckTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer closeJournal(t, j)
	var attempts atomic.Int64
	err = j.ImpersonateStore(func(*nats.Msg) {
		attempts.Add(1)
		j.LogServerError("JetStream stream 'JOURNAL' critical write error: sync 1.blk: input/output error")
	})
	if err != nil {
		t.Fatal(err)
	}
	err = j.Publish([]byte("batch"), 7)
	if !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "sync 1.blk: input/output error") {
		t.Fatal(err)
	}
	if n := attempts.Load(); n != 1 {
		t.Fatalf("%d attempts", n)
	}
}

// TestCloseGivesUp closes a journal whose store does not answer.
func TestCloseGivesUp(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), AckTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{}, 1)
	if err := j.ImpersonateStore(func(*nats.Msg) { arrived <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	c := newCommitter(j, journal.CommitterOptions{})
	first := send(c, "a")
	<-arrived
	second := send(c, "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Close(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, journal.ErrUnacknowledged) {
		t.Fatal(err)
	}
	if a, b := <-first, <-second; a != "abandoned" || b != "abandoned" {
		t.Fatal(a, b)
	}
}
