package gateway

import (
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

// listedPerMessage is how many instruments a SecurityList has, some 5 KiB.
const listedPerMessage = 50

// Values of SecurityRequestResult (560).
const (
	listValid       = 0
	listNone        = 2
	listUnsupported = 5
)

// securities lists all instruments, or one.
func (t *fixTurn) securities(m *codecfix.Message) {
	l := &securityList{request: string(get(m, codecfix.SecurityReqID)), total: t.g.market.Len()}
	kind := string(get(m, codecfix.SecurityListType))
	id, named, found := t.g.symbolOf(m)
	switch subscribe := char(m, codecfix.SubscriptionRequest); {
	case kind != "0" && kind != "4" || subscribe != 0 && subscribe != '0':
		l.total, l.result = 0, listUnsupported
	case kind == "0" && (!named || !found):
		l.total, l.result = 0, listNone
	case kind == "0":
		l.first, l.total = id, 1
	}
	t.answerAll(m, &fixAnswer{
		messages: max(1, (l.total+listedPerMessage-1)/listedPerMessage), piece: 10,
		send: func(t *fixTurn, from, to int) {
			for n := from; n < to; n++ {
				t.send(codecfix.SecurityList, func(w *codecfix.Writer) { t.appendSecurities(w, l, n) })
			}
		},
	})
}

// securityList is an answer to a SecurityListRequest.
type securityList struct {
	request string
	result  int
	first   ledger.InstrumentID
	total   int
}

// appendSecurities appends the body of the nth message of a list.
func (t *fixTurn) appendSecurities(w *codecfix.Writer, l *securityList, n int) {
	from := n * listedPerMessage
	to := min(from+listedPerMessage, l.total)
	if l.total > 0 {
		w.Int(codecfix.NoRelatedSym, int64(to-from))
	}
	for at := from; at < to; at++ {
		i := t.g.market.At(l.first + ledger.InstrumentID(at))
		w.Text(codecfix.Symbol, i.Code)
		w.Text(codecfix.SecurityExchange, i.Market)
		if i.Name != "" {
			w.Text(codecfix.SecurityDesc, i.Name)
		}
		w.Int(codecfix.NoInstrAttrib, 1)
		w.Int(codecfix.InstrAttribType, 99) // text: FIX 4.4 has no field for the price step
		w.Text(codecfix.InstrAttribValue, "TICK="+i.Tick.String())
		w.Int(codecfix.RoundLot, int64(i.LotSize()))
		w.Int(codecfix.MinTradeVol, int64(i.MinimumLot()))
	}
	w.Text(codecfix.SecurityReqID, l.request)
	t.uniqueID(w, codecfix.SecurityResponseID, "s")
	w.Int(codecfix.TotNoRelatedSym, int64(l.total))
	w.Int(codecfix.SecurityRequestResult, int64(l.result))
	w.Char(codecfix.LastFragment, yes(to == l.total))
}
