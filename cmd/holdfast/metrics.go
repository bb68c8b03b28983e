package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/engine"
)

// serverCollector reads the server's own counters when Prometheus asks, so that
// a request pays nothing for being measured.
type serverCollector struct {
	server  *server
	closes  *prometheus.Desc
	metrics []metric
}

type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*snapshot) float64
}

// snapshot is what one scrape shows.
type snapshot struct {
	connected int
	traffic   engine.Traffic
	stats     *engine.Stats
	load      engine.Load
	memory    int64
	commits   commitStats
	behind    uint64
	delayed   uint64
	refused   uint64
	diskFree  uint64
}

type commitStats struct{ commits, records, bytes, seconds float64 }

func newServerCollector(s *server) *serverCollector {
	c := &serverCollector{
		server: s,
		closes: prometheus.NewDesc("holdfast_closes_total", "Sessions that ended or were refused, by reason.", []string{"reason"}, nil),
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	c.add("client_connected", "Sessions that are open.", gauge, func(s *snapshot) float64 { return float64(s.connected) })
	c.add("req_recv_total", "Requests received.", counter, func(s *snapshot) float64 { return float64(s.traffic.Requests) })
	c.add("rsp_send_total", "Requests answered.", counter, func(s *snapshot) float64 { return float64(s.traffic.Replies) })
	c.add("received_bytes_total", "Bytes of requests.", counter, func(s *snapshot) float64 { return float64(s.traffic.BytesIn) })
	c.add("sent_bytes_total", "Bytes of replies and pushes.", counter, func(s *snapshot) float64 { return float64(s.traffic.BytesOut) })
	c.add("handler_panics_total", "Handlers that panicked; each cost one session.", counter, func(s *snapshot) float64 { return float64(s.stats.Panics.Load()) })
	c.add("pushes_dropped_total", "Quotes that slow sessions did not get.", counter, func(s *snapshot) float64 { return float64(s.stats.Dropped.Load()) })
	c.add("pushes_conflated_total", "Newest states that were sent instead of those, once there was room.", counter, func(s *snapshot) float64 { return float64(s.stats.Conflated.Load()) })
	c.add("heartbeats_total", "Heartbeats to sessions that had nothing else to get.", counter, func(s *snapshot) float64 { return float64(s.stats.Heartbeats.Load()) })
	c.add("unsent_bytes", "Bytes that clients have not taken, without those in the kernel.", gauge, func(s *snapshot) float64 { return float64(s.load.UnsentBytes) })
	c.add("unsent_sessions", "Sessions that have such bytes.", gauge, func(s *snapshot) float64 { return float64(s.load.UnsentSessions) })
	c.add("blocked_sessions", "Sessions whose requests wait for room in the lane.", gauge, func(s *snapshot) float64 { return float64(s.load.Blocked) })
	c.add("pushes_waiting", "Prices and repriced positions on their way to sessions, not yet written.", gauge, func(s *snapshot) float64 { return float64(s.load.PushesWaiting) })
	c.add("lane_bytes", "Bytes of requests that wait for a worker.", gauge, func(s *snapshot) float64 { return float64(s.load.LaneBytes) })
	c.add("lane_pieces", "Pieces that those came in, each of one session.", gauge, func(s *snapshot) float64 { return float64(s.load.LanePieces) })
	c.add("memory_limit_bytes", "Memory that the process plans with.", gauge, func(s *snapshot) float64 { return float64(s.memory) })
	c.add("commits_total", "Group commits.", counter, func(s *snapshot) float64 { return s.commits.commits })
	c.add("committed_records_total", "Events made durable.", counter, func(s *snapshot) float64 { return s.commits.records })
	c.add("committed_bytes_total", "Bytes of those events.", counter, func(s *snapshot) float64 { return s.commits.bytes })
	c.add("commit_seconds_total", "Time spent writing commits, fsync included.", counter, func(s *snapshot) float64 { return s.commits.seconds })
	c.add("history_behind_batches", "Batches of the journal that the history lacks.", gauge, func(s *snapshot) float64 { return float64(s.behind) })
	c.add("password_guesses_delayed_total", "Passwords that waited or were refused because of wrong ones before them.", counter, func(s *snapshot) float64 { return float64(s.delayed) })
	c.add("sessions_per_account_refused_total", "Logins refused because the account had as many sessions as one may have.", counter, func(s *snapshot) float64 { return float64(s.refused) })
	c.add("disk_free_bytes", "Free bytes of the disk with the data; 0 without a disk_watermark.", gauge, func(s *snapshot) float64 { return float64(s.diskFree) })
	return c
}

func (c *serverCollector) add(name, help string, kind prometheus.ValueType, value func(*snapshot) float64) {
	c.metrics = append(c.metrics, metric{prometheus.NewDesc("holdfast_"+name, help, nil, nil), kind, value})
}

// Describe implements prometheus.Collector.
func (c *serverCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.closes
	for _, m := range c.metrics {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c *serverCollector) Collect(out chan<- prometheus.Metric) {
	core, journal := c.server.Core, c.server.Desk.Stats()
	s := &snapshot{
		connected: core.Len(), traffic: core.Traffic(), stats: &core.Stats, load: core.Load(), memory: c.server.memory.limitBytes,
		behind:  c.server.Desk.HistoryBehind(),
		delayed: c.server.Gateway.DelayedGuesses(), refused: c.server.Gateway.RefusedSessions(), diskFree: c.server.Desk.DiskFree(),
		commits: commitStats{float64(journal.Commits), float64(journal.Records), float64(journal.Bytes), journal.Total.Seconds()},
	}
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s))
	}
	for _, r := range engine.Reasons() {
		out <- prometheus.MustNewConstMetric(c.closes, prometheus.CounterValue, float64(core.Stats.Closes(r)), r.String())
	}
}
