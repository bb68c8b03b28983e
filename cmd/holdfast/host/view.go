package host

import (
	"cmp"
	"context"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/console"
	"holdfast/biz/journal"
	"holdfast/codec"
	"holdfast/codec/chat"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// view is what operators see of the server in the console. Goroutine: any.
type view struct {
	*Server
	health  *engine.Health
	started time.Time
}

// figures returns the figures. Percentiles count what came since the counts of an earlier call; nil:
// since the start.
func (v *view) figures(since *console.Counts) (console.Figures, *console.Counts) {
	core, traffic, load, commits, now := v.Core, v.Core.Traffic(), v.Core.Load(), v.Desk.Stats(), time.Now()
	counts := newCounts(now, core.Timings(), &commits)
	f := console.Figures{
		Time: now, Ready: true, Troubles: v.troubles(), Version: v.version, UptimeSeconds: now.Sub(v.started).Seconds(),
		Sessions: core.Len(), MaxSessions: core.Limits().MaxConnections,
		RequestsTotal: traffic.Requests, RepliesTotal: traffic.Replies,
		ReceivedBytesTotal: traffic.BytesIn, SentBytesTotal: traffic.BytesOut,
		Commits: console.Commits{Total: commits.Commits, Records: commits.Records, Failed: v.Desk.Failed() != nil},
		Journal: console.Journal{Bytes: uint64(v.Journal.SizeBytes()), FirstBatch: v.Journal.FirstBatch(), LastBatch: v.Journal.LastBatch()},
		History: console.History{BehindBatches: v.Desk.HistoryBehind(), LagSeconds: v.Desk.HistoryLag().Seconds(), Damaged: v.Desk.HistoryDamage() != nil},
		Slow: console.Slow{
			UnsentSessions: load.UnsentSessions, UnsentBytes: load.UnsentBytes, HeldSessions: load.Held, BlockedSessions: load.Blocked,
			PushesDropped: core.Stats.Dropped.Load(), PushesConflated: core.Stats.Conflated.Load(),
		},
		Memory: console.Memory{LimitBytes: uint64(v.Memory.LimitBytes), UsedBytes: usedMemory()},
		Disk:   console.Disk{FreeBytes: v.Desk.DiskFree(), WatermarkBytes: uint64(v.config.DiskWatermark)},
		Market: v.market(now), Closes: []console.Close{},
	}
	if err := v.ready(context.Background(), v.health); err != nil {
		f.Ready, f.ReadyReason = false, err.Error()
	}
	for _, r := range engine.Reasons() {
		if n := core.Stats.Closes(r); n > 0 {
			f.Closes = append(f.Closes, console.Close{Reason: r.String(), Count: n})
		}
	}
	if since == nil {
		since = new(console.Counts)
	} else {
		f.LatencySeconds = now.Sub(since.Time).Seconds()
	}
	f.Latency = latencies(since.Latency, counts.Latency)
	times := newPercentiles(seconds(journal.TimeBounds()), since.Commits, counts.Commits)
	f.Commits.P50, f.Commits.P99 = times.at(0.5), times.at(0.99)
	return f, counts
}

func newCounts(now time.Time, t engine.Timings, commits *journal.Stats) *console.Counts {
	c := &console.Counts{Time: now, Latency: make(map[string][]uint64), Commits: slices.Clone(commits.ByTime[:])}
	for command, d := range t.Requests {
		c.Latency[command.String()] = slices.Clone(d.Counts[:])
	}
	c.Latency[otherCommand] = slices.Clone(t.OtherRequests.Counts[:])
	return c
}

// latencies returns the commands with requests since then, those with the most first.
func latencies(since, now map[string][]uint64) []console.Latency {
	list, bounds := []console.Latency{}, seconds(engine.DurationBounds())
	for command, counts := range now {
		if p := newPercentiles(bounds, since[command], counts); p.total > 0 {
			list = append(list, console.Latency{Command: command, Count: p.total, P50: p.at(0.5), P90: p.at(0.9), P99: p.at(0.99)})
		}
	}
	slices.SortFunc(list, func(a, b console.Latency) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Command, b.Command))
	})
	return list
}

// percentiles are estimated from counts by buckets.
type percentiles struct {
	bounds []float64 // upper, of all buckets but the last
	counts []uint64
	total  uint64
}

// newPercentiles returns those of what came between two looks at the counts; since may be empty.
func newPercentiles(bounds []float64, since, now []uint64) percentiles {
	p := percentiles{bounds: bounds, counts: slices.Clone(now)}
	for n := range p.counts {
		if n < len(since) {
			p.counts[n] -= since[n]
		}
		p.total += p.counts[n]
	}
	return p
}

// at returns a percentile, such as 0.99: as if the values of a bucket were spread evenly. Those above all
// bounds count as the highest bound. Without values it is 0.
func (p *percentiles) at(share float64) float64 {
	rank, lower := share*float64(p.total), 0.0
	for n, bound := range p.bounds {
		count := float64(p.counts[n])
		if count > 0 && rank <= count {
			return lower + (bound-lower)*rank/count
		}
		rank -= count
		lower = bound
	}
	if p.total == 0 {
		return 0
	}
	return lower
}

// usedMemory returns what the Go runtime has from the system, which its limit is for.
func usedMemory() uint64 {
	read := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(read)
	return read[0].Value.Uint64() - read[1].Value.Uint64()
}

func (v *view) market(now time.Time) console.Market {
	m := console.Market{Clock: "wall", Time: now, Speed: 1, Preset: v.Day.Preset.Name}
	if c := v.Day.Clock; c != nil {
		m.Clock, m.Time, m.Speed = c.Mode().String(), time.Unix(0, c.Now()), float64(c.Speed())
	}
	if v.Day.Script != nil {
		m.Script = v.Day.Script.Name
	}
	return m
}

// sessions returns the open sessions whose id, customer, name, address or dialect has the text in it, the
// newest first, at most limit of them. The event loops go on meanwhile: they wait only while the list of
// the sessions is copied.
func (v *view) sessions(search string, limit int) console.SessionList {
	search = strings.ToLower(search)
	all := v.Core.Sessions()
	slices.SortFunc(all, func(a, b *engine.Session) int { return cmp.Compare(b.ID(), a.ID()) })
	found := console.SessionList{Sessions: []console.SessionRow{}}
	for _, s := range all {
		row := console.SessionRow{ID: uint64(s.ID()), Address: s.RemoteAddr().String(), Dialect: dialectOf(s.Listener())}
		if owner := v.Gateway.OwnerOf(s); owner != nil {
			row.Customer, row.Name = uint32(owner.Number), owner.Name
		}
		if !matches(&row, search) {
			continue
		}
		if found.Matches++; len(found.Sessions) < limit {
			row.Connected, row.UnsentBytes = s.Connected().UTC(), s.Unsent()
			found.Sessions = append(found.Sessions, row)
		}
	}
	return found
}

// matches reports whether a text in lower case is in what a person reads of a session.
func matches(s *console.SessionRow, text string) bool {
	return text == "" || strings.Contains(s.Address, text) || strings.Contains(s.Dialect, text) || strings.Contains(strings.ToLower(s.Name), text) ||
		strings.Contains(strconv.FormatUint(s.ID, 10), text) || s.Customer != 0 && strings.Contains(strconv.FormatUint(uint64(s.Customer), 10), text)
}

// dialectOf returns the dialect of a listener, as in its setting.
func dialectOf(l *engine.Listener) string {
	switch l.Dialect.(type) {
	case codec.TLV:
		return "tlv"
	case chat.Dialect:
		return "chat"
	case codecfix.Dialect:
		return "fix"
	}
	if l.WebSocket != nil {
		return "websocket"
	}
	return "packet"
}
