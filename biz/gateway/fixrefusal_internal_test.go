package gateway

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/codec/pb"
)

// TestFIXReasons: each reason of the protocol has its OrdRejReason and CxlRejReason, which FIX 4.4 has,
// and a Text; the table has no others.
func TestFIXReasons(t *testing.T) {
	dictionary := codecfix.NewDictionary()
	meaning := func(tag int, v int64) string { return dictionary.Meaning(tag, strconv.AppendInt(nil, v, 10)) }
	for n, name := range pb.Reason_name {
		if _, ok := fixReasons[pb.Reason(n)]; !ok {
			t.Errorf("%s is not in the table", name)
		}
		order, cancel, text := refusedBy(ledger.Refusal(n))
		if meaning(codecfix.OrdRejReason, order) == "" || meaning(codecfix.CxlRejReason, cancel) == "" || text == "" {
			t.Errorf("%s: 103=%d, 102=%d, %q", name, order, cancel, text)
		}
	}
	if len(fixReasons) != len(pb.Reason_name) {
		t.Errorf("%d reasons in the table, %d in the protocol", len(fixReasons), len(pb.Reason_name))
	}
}

// TestFIXErrors: what is not a reason of the protocol, with what a client gets for it.
func TestFIXErrors(t *testing.T) {
	for _, tc := range []struct {
		err           error
		order, cancel int64
		text          string
	}{
		{ledger.ErrDuplicate, 6, 6, "used before"},
		{desk.ErrOverloaded, 0, 2, "busy"},
		{desk.ErrDiskLow, 0, 2, "disk"},
		{desk.ErrUnavailable, 0, 2, "can't make orders durable"},
		{desk.ErrWithdrawn, 0, 2, "revoked"},
		{ledger.ErrExhausted, 0, 2, "numbers"},
		{errStopping, 0, 2, "stopping"},
		{errRevoked, 0, 2, "revoked"},
		{errNotTrader, 0, 2, "role"},
		{errors.New("secret"), 0, 2, "internal error"},
		{onDemand(ledger.ErrHalted, "a directive"), 2, 99, "demanded by a directive"},
	} {
		order, cancel, text := refusedBy(tc.err)
		if order != tc.order || cancel != tc.cancel || !strings.Contains(text, tc.text) || strings.Contains(text, "secret") {
			t.Errorf("%v: 103=%d, 102=%d, %q", tc.err, order, cancel, text)
		}
	}
}
