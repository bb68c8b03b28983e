package gateway_test

import (
	"bytes"
	"os"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// identity returns what Conn says of the history.
func (w *wire) identity() []byte {
	w.t.Helper()
	r, body := w.ask(codec.CommandConn, 1, nil)
	var reply pb.ConnReply
	must(w.t, reply.UnmarshalVT(body))
	if r != codec.ResultOK || len(reply.HistoryId) != 16 {
		w.t.Fatalf("conn: %s, history %x", r, reply.HistoryId)
	}
	return reply.HistoryId
}

// TestSnapshotReason: a login that can't resume says why.
func TestSnapshotReason(t *testing.T) {
	s := start(t, setup{recent: 2})
	tr := s.login(alice)
	for range 4 {
		tr.buy(tin, 1)
	}
	here := s.wire().identity()
	other := bytes.Clone(here)
	other[15]++
	for _, tc := range []struct {
		name    string
		from    uint64
		history []byte
		resumed bool
		why     pb.SnapshotReason
	}{
		{"asks for a snapshot", 0, here, false, 0},
		{"the first login", 0, nil, false, 0},
		{"a snapshot, wherever it was before", 0, other, false, 0},
		{"resumes", 4, here, true, 0},
		{"nothing missed", 8, here, true, 0},
		{"no history", 8, nil, false, pb.SnapshotReason_SNAPSHOT_REASON_NO_HISTORY_ID},
		{"another history", 8, other, false, pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET},
		{"another history, further than this one", 100, other, false, pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET},
		{"the beginning of the id", 8, here[:15], false, pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET},
		{"too much missed", 3, here, false, pb.SnapshotReason_SNAPSHOT_REASON_TOO_OLD},
		{"ahead", 9, here, false, pb.SnapshotReason_SNAPSHOT_REASON_AHEAD},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.wire()
			request := tokenLogin(alice)
			request.ResumeFrom, request.HistoryId = tc.from, tc.history
			r, body := w.ask(codec.CommandLogin, 1, request)
			var reply pb.LoginReply
			must(t, reply.UnmarshalVT(body))
			if r != codec.ResultOK || reply.Resumed != tc.resumed || reply.SnapshotReason != tc.why {
				t.Errorf("%s, resumed %v, %s", r, reply.Resumed, reply.SnapshotReason)
			}
			if !bytes.Equal(reply.HistoryId, here) || tc.resumed != (len(reply.Positions) == 0) {
				t.Errorf("history %x with %d positions", reply.HistoryId, len(reply.Positions))
			}
		})
	}
}

// TestReset: the data folder is deleted while clients are away. Their positions in the pushes,
// and the orders that they send again, belong to the history before.
func TestReset(t *testing.T) {
	s := start(t, setup{})
	w := s.watch(alice, 0)
	before := w.identity()
	s.login(alice).buy(tin, 7)
	w.until(executionPushes)
	s = s.restart()
	if after := s.wire().identity(); !bytes.Equal(after, before) {
		t.Errorf("history %x after a restart, %x before", after, before)
	}
	if w.again(s, alice); w.snapshots != 1 { // the first login
		t.Error("not resumed after a restart")
	}
	s.stop()
	must(t, os.RemoveAll(s.setup.dir))
	s = start(t, s.setup)
	tr := s.login(alice)
	tr.buy(rail, 1)
	tr.buy(rail, 1)
	reply := w.again(s, alice)
	if reply.Resumed || reply.SnapshotReason != pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET || len(reply.Positions) != 1 {
		t.Errorf("resumed %v, %s, %d positions", reply.Resumed, reply.SnapshotReason, len(reply.Positions))
	}
	state := s.service.StateHash()
	order := &pb.PlaceOrderRequest{Market: tin.Market, Code: tin.Code, Side: pb.Side_SIDE_BUY, Quantity: 7, ClientOrderId: "1", HistoryId: before}
	r, body := w.ask(codec.CommandPlaceOrder, 5, order)
	var e pb.Error
	must(t, e.UnmarshalVT(body))
	if r != codec.ResultRejected || e.Reason != pb.Reason_REASON_HISTORY_RESET || e.Message == "" || s.service.StateHash() != state {
		t.Errorf("an order of the history before: %s %s %q", r, e.Reason, e.Message)
	}
	for _, history := range [][]byte{w.identity(), nil} {
		order.HistoryId = history
		w := s.wire()
		w.login(alice)
		r, _ := w.ask(codec.CommandPlaceOrder, 6, order)
		if want := map[bool]codec.Result{true: codec.ResultOK, false: codec.ResultDuplicate}[history != nil]; r != want {
			t.Errorf("the same order in this history: %s, want %s", r, want)
		}
	}
	now := tr.positions()
	if p, _ := now.Find(tin); p.Quantity != client.Quantity(7) {
		t.Errorf("holds %d", p.Quantity)
	}
}
