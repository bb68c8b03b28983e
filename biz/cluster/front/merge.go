package front

import (
	"cmp"
	"slices"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// merge is a request to all venues.
type merge struct {
	reply engine.Request
	left  int    // parts without a reply
	parts []part // by stream
}

// part is the reply of one venue.
type part struct {
	result codec.Result
	body   []byte
}

// add takes the reply of a venue. The last one answers the request. Goroutine: Front.receive.
func (m *merge) add(f *Front, stream int, r codec.Result, body []byte) {
	m.parts[stream] = part{r, slices.Clone(body)}
	if m.left--; m.left > 0 {
		return
	}
	for _, p := range m.parts {
		if p.result != codec.ResultOK {
			f.out.Reply(m.reply, p.result, f.bodies.of(m.reply.Session, m.reply.Command, p.result, p.body))
			return
		}
	}
	var body0 codec.Body
	switch m.reply.Command {
	case codec.CommandCancelOrder:
		all := new(pb.CancelOrderReply)
		for _, p := range m.parts {
			var one pb.CancelOrderReply
			_ = one.UnmarshalVT(p.body) // a venue makes no malformed ones
			all.Count += one.Count
		}
		body0 = all
	case codec.CommandBust:
		body0 = m.busts()
	default:
		body0 = m.operations()
	}
	f.out.Reply(m.reply, codec.ResultOK, body0)
}

// maxBusts is how many executions and refusals the reply to a Bust has.
const maxBusts = 1000

func (m *merge) busts() *pb.BustReply {
	all := new(pb.BustReply)
	for _, p := range m.parts {
		var one pb.BustReply
		_ = one.UnmarshalVT(p.body) // as above
		if one.Count > 0 && all.Count == 0 {
			all.Execution, all.Position = one.Execution, one.Position
		}
		all.Count += one.Count
		all.Accounts += one.Accounts
		all.Executions = append(all.Executions, one.Executions...)
		all.Refused = append(all.Refused, one.Refused...)
	}
	if all.Accounts > 1 {
		all.Position = nil
	}
	slices.SortStableFunc(all.Executions, func(a, b *pb.Execution) int { return cmp.Compare(a.Time, b.Time) })
	all.Executions = all.Executions[:min(len(all.Executions), maxBusts)]
	all.Refused = all.Refused[:min(len(all.Refused), maxBusts)]
	return all
}

// operations merges replies to Operate. All venues have the same market and the same seed, so that what
// they count is the same, except the sessions.
func (m *merge) operations() *pb.OperateReply {
	all, sessions, longest := new(pb.OperateReply), uint32(0), 0
	for i := len(m.parts) - 1; i >= 0; i-- { // the last one is that of stream 0
		entries, more := all.Entries, all.More
		all = new(pb.OperateReply)
		_ = all.UnmarshalVT(m.parts[i].body) // as above
		sessions += all.Reloaded.GetEndedSessions()
		longest = max(longest, len(all.Entries))
		all.Entries, all.More = append(all.Entries, entries...), all.More || more
	}
	if all.Reloaded != nil {
		all.Reloaded.EndedSessions = sessions
	}
	slices.SortStableFunc(all.Entries, func(a, b *pb.AuditEntry) int { return cmp.Compare(b.Time, a.Time) })
	all.More = all.More || len(all.Entries) > longest
	all.Entries = all.Entries[:longest]
	return all
}
