package host

import (
	"cmp"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"holdfast/biz/gateway"
	"holdfast/biz/journal"
	"holdfast/engine"
)

// collector reads the server's own counters when Prometheus asks, so that a
// request pays nothing for being measured.
type collector struct {
	server *Server
	core   *engine.Core
	ready  func() bool
	closes *prometheus.Desc

	fixReceived, fixSent *prometheus.Desc
	metrics              []metric
	histograms
}

type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*scrape) float64
}

// scrape is what several metrics of one answer show.
type scrape struct {
	*Server
	core    *engine.Core
	traffic engine.Traffic
	load    engine.Load
	commits journal.Stats
	older   olderJournal
	fix     gateway.FIXCounts
	ready   bool
}

// olderJournal is what desk.Desk.OlderJournal returns.
type olderJournal struct {
	checked, total int64
	damage         error
}

func (s *scrape) checkpointBatch() float64 {
	if c := s.Desk.Checkpoint(); c != nil {
		return float64(c.Point.Batch)
	}
	return 0
}

func (s *scrape) checkpointAge() float64 {
	if c := s.Desk.Checkpoint(); c != nil {
		return max(0, time.Since(time.Unix(0, c.Time)).Seconds())
	}
	return 0
}

func (s *scrape) certificateExpires() float64 {
	if at, ok := s.CertificateExpires(); ok {
		return float64(at.Unix())
	}
	return 0
}

func oneIf(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

// newCollector returns the collector of a process whose core has the clients. s has no Server.Server if the
// accounts are elsewhere: in the venues of a cluster. ready answers for holdfast_ready.
func newCollector(s *Server, core *engine.Core, ready func() bool) *collector {
	c := &collector{
		server: s, core: core, ready: ready,
		fixReceived: prometheus.NewDesc("holdfast_fix_messages_received_total", "FIX messages received, by MsgType.", []string{"type"}, nil),
		fixSent:     prometheus.NewDesc("holdfast_fix_messages_sent_total", "FIX messages sent, by MsgType; 2 is a ResendRequest for a gap, 3, 9 and j are rejects.", []string{"type"}, nil),
		closes:      prometheus.NewDesc("holdfast_closes_total", "Sessions closed and connections refused, by reason.", []string{"reason"}, nil),
		histograms:  newHistograms(),
	}
	c.addTraffic()
	c.addProcess()
	if s.Server != nil {
		c.addStores()
		c.addAccounts()
	}
	return c
}

const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue

// addTraffic adds what the engine counts.
func (c *collector) addTraffic() {
	c.add("max_connections", "Open sessions at most; further connections are refused.", gauge, func(s *scrape) float64 { return float64(s.core.Limits().MaxConnections) })
	c.add("client_connected", "Open sessions.", gauge, func(s *scrape) float64 { return float64(s.core.Len()) })
	c.add("req_recv_total", "Requests received.", counter, func(s *scrape) float64 { return float64(s.traffic.Requests) })
	c.add("rsp_send_total", "Requests answered.", counter, func(s *scrape) float64 { return float64(s.traffic.Replies) })
	c.add("received_bytes_total", "Bytes of requests received.", counter, func(s *scrape) float64 { return float64(s.traffic.BytesIn) })
	c.add("sent_bytes_total", "Bytes of replies and pushes sent.", counter, func(s *scrape) float64 { return float64(s.traffic.BytesOut) })
	c.add("tls_handshakes_total", "TLS handshakes that succeeded.", counter, func(s *scrape) float64 { return float64(s.core.Stats.Handshakes.Load()) })
	c.add("tls_handshakes_failed_total", "TLS handshakes that failed because of the client or its certificate.", counter, func(s *scrape) float64 { return float64(s.core.Stats.HandshakesFailed.Load()) })
	c.add("tls_certificate_expires_timestamp_seconds", "When the certificate of the listeners expires, in seconds since 1970; 0 if none speaks TLS.", gauge, func(s *scrape) float64 { return s.certificateExpires() })
	c.add("handler_panics_total", "Handlers that panicked; each panic closes one session.", counter, func(s *scrape) float64 { return float64(s.core.Stats.Panics.Load()) })
	c.add("pushes_dropped_total", "Droppable pushes (quotes, revalued positions) that slow sessions did not get.", counter, func(s *scrape) float64 { return float64(s.core.Stats.Dropped.Load()) })
	c.add("pushes_conflated_total", "Instruments whose newest state was sent to a session after it had missed pushes.", counter, func(s *scrape) float64 { return float64(s.core.Stats.Conflated.Load()) })
	c.add("heartbeats_total", "Heartbeats sent to sessions without other output.", counter, func(s *scrape) float64 { return float64(s.core.Stats.Heartbeats.Load()) })
	c.add("unsent_bytes", "Output that clients have not read yet, without what is in kernel buffers.", gauge, func(s *scrape) float64 { return float64(s.load.UnsentBytes) })
	c.add("unsent_sessions", "Sessions with unsent output.", gauge, func(s *scrape) float64 { return float64(s.load.UnsentSessions) })
	c.add("blocked_sessions", "Sessions whose requests wait because the lane is full.", gauge, func(s *scrape) float64 { return float64(s.load.Blocked) })
	c.add("held_sessions", "Sessions whose requests wait until the client has read earlier replies.", gauge, func(s *scrape) float64 { return float64(s.load.Held) })
	c.add("half_closed_lost_total", "Sessions that lost replies because their client ended its stream and no descriptor was free.", counter, func(s *scrape) float64 { return float64(s.core.Stats.HalfClosedLost.Load()) })
	c.add("pushes_waiting", "Droppable pushes that are queued and not yet written.", gauge, func(s *scrape) float64 { return float64(s.load.PushesWaiting) })
	c.add("lane_bytes", "Bytes of requests waiting for a worker.", gauge, func(s *scrape) float64 { return float64(s.load.LaneBytes) })
	c.add("lane_pieces", "Request batches waiting for a worker.", gauge, func(s *scrape) float64 { return float64(s.load.LanePieces) })
}

// addStores adds what journal, history and checkpoints count.
func (c *collector) addStores() {
	c.add("commits_total", "Group commits.", counter, func(s *scrape) float64 { return float64(s.commits.Commits) })
	c.add("committed_records_total", "Events made durable.", counter, func(s *scrape) float64 { return float64(s.commits.Records) })
	c.add("committed_bytes_total", "Bytes of events made durable.", counter, func(s *scrape) float64 { return float64(s.commits.Bytes) })
	c.add("commit_seconds_total", "Time spent writing commits, fsync included.", counter, func(s *scrape) float64 { return s.commits.Total.Seconds() })
	c.add("history_behind_batches", "Journal batches that are not in the history yet.", gauge, func(s *scrape) float64 { return float64(s.Desk.HistoryBehind()) })
	c.add("history_lag_seconds", "Time from the last batch in the history to the newest durable one; 0 if the history has all.", gauge, func(s *scrape) float64 { return s.Desk.HistoryLag().Seconds() })
	c.add("history_damaged", "1 if the history can't be used until the next start, else 0.", gauge, func(s *scrape) float64 { return oneIf(s.Desk.HistoryDamage() != nil) })
	c.add("journal_first_batch", "Number of the oldest batch in the journal; above 1 once older ones were trimmed.", gauge, func(s *scrape) float64 { return float64(s.Journal.FirstBatch()) })
	c.add("journal_last_batch", "Number of the newest durable batch in the journal.", gauge, func(s *scrape) float64 { return float64(s.Journal.LastBatch()) })
	c.add("journal_bytes", "Size of the journal.", gauge, func(s *scrape) float64 { return float64(s.Journal.SizeBytes()) })
	c.add("journal_older_bytes", "Size of the part of the journal that the start did not read, and that is checked while the server runs.", gauge, func(s *scrape) float64 { return float64(s.older.total) })
	c.add("journal_older_checked_bytes", "How much of journal_older_bytes was checked so far.", gauge, func(s *scrape) float64 { return float64(s.older.checked) })
	c.add("journal_older_damaged", "1 if the part of the journal that the start did not read is damaged, else 0.", gauge, func(s *scrape) float64 { return oneIf(s.older.damage != nil) })
	c.add("checkpoint_batch", "Last batch of the journal that the newest checkpoint has; 0 without a checkpoint.", gauge, func(s *scrape) float64 { return s.checkpointBatch() })
	c.add("checkpoint_age_seconds", "Age of the newest checkpoint; 0 without a checkpoint.", gauge, func(s *scrape) float64 { return s.checkpointAge() })
	c.add("checkpoint_interval_seconds", "Longest time from an order to a checkpoint that has it, as configured.", gauge, func(s *scrape) float64 { return s.config.CheckpointInterval.Seconds() })
}

// addProcess adds what concerns the process as a whole.
func (c *collector) addProcess() {
	c.add("ready", "1 if the server takes orders, as /readyz says, else 0.", gauge, func(s *scrape) float64 { return oneIf(s.ready) })
	c.add("memory_limit_bytes", "Memory limit that the queues are sized for.", gauge, func(s *scrape) float64 { return float64(s.Memory.LimitBytes) })
	c.add("log_lines_dropped_total", "Lines for standard output and standard error that were dropped because their reader did not read, or went away.", counter, func(s *scrape) float64 { return float64(s.droppedLines()) })
}

// addAccounts adds what gateway and desk count.
func (c *collector) addAccounts() {
	c.add("orders_refused", "1 while all orders are refused, as the disk is nearly full or the journal failed, else 0.", gauge, func(s *scrape) float64 { return oneIf(s.Desk.Accepting() != nil) })
	c.add("password_guesses_delayed_total", "Password logins delayed or refused because of earlier wrong passwords.", counter, func(s *scrape) float64 { return float64(s.Gateway.DelayedGuesses()) })
	c.add("logins_waiting", "Logins that wait for their password to be verified.", gauge, func(s *scrape) float64 { return float64(s.Gateway.WaitingLogins()) })
	c.add("sessions_per_account_refused_total", "Logins refused because of the limit of sessions per account.", counter, func(s *scrape) float64 { return float64(s.Gateway.RefusedSessions()) })
	c.add("fix_clients", "FIX clients that are logged on.", gauge, func(s *scrape) float64 { return float64(s.fix.Online) })
	c.add("fix_messages_resent_total", "FIX messages sent again after a ResendRequest of the client.", counter, func(s *scrape) float64 { return float64(s.fix.Resent) })
	c.add("fix_garbled_total", "Frames on FIX listeners that were no messages, and were ignored.", counter, func(s *scrape) float64 { return float64(s.fix.Garbled) })
	c.add("fix_logons_refused_total", "FIX connections that were closed because of their Logon, or without one.", counter, func(s *scrape) float64 { return float64(s.fix.Refused) })
	c.add("disk_free_bytes", "Free bytes on the disk of the data folder; 0 without a disk_watermark.", gauge, func(s *scrape) float64 { return float64(s.Desk.DiskFree()) })
	c.add("disk_watermark_bytes", "Free bytes below which orders are refused; 0: no check.", gauge, func(s *scrape) float64 { return float64(s.config.DiskWatermark) })
}

func (c *collector) add(name, help string, kind prometheus.ValueType, value func(*scrape) float64) {
	c.metrics = append(c.metrics, metric{prometheus.NewDesc("holdfast_"+name, help, nil, nil), kind, value})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := &scrape{Server: c.server, core: c.core, traffic: c.core.Traffic(), load: c.core.Load(), ready: c.ready()}
	if s.Server.Server != nil {
		s.commits, s.fix = s.Desk.Stats(), s.Gateway.FIXCounts()
		s.older.checked, s.older.total, s.older.damage = s.Desk.OlderJournal()
		c.collectCommits(out, &s.commits)
		c.collectFIX(out, &s.fix)
	}
	for _, m := range c.metrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s))
	}
	for _, r := range engine.Reasons() {
		out <- prometheus.MustNewConstMetric(c.closes, prometheus.CounterValue, float64(c.core.Stats.Closes(r)), r.String())
	}
	c.collectTimings(out, c.core.Timings())
}

func (c *collector) collectFIX(out chan<- prometheus.Metric, counts *gateway.FIXCounts) {
	for _, m := range counts.Messages {
		msgType := cmp.Or(m.Type, "other")
		out <- prometheus.MustNewConstMetric(c.fixReceived, prometheus.CounterValue, float64(m.Received), msgType)
		out <- prometheus.MustNewConstMetric(c.fixSent, prometheus.CounterValue, float64(m.Sent), msgType)
	}
}

// histograms are the metrics that count by size.
type histograms struct {
	requests, laneWait, loopLag            *prometheus.Desc
	writeTime, writtenRecords, writtenSize *prometheus.Desc
}

func newHistograms() histograms {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("holdfast_"+name, help, labels, nil)
	}
	return histograms{
		requests:       desc("request_duration_seconds", "Time from a request read from the socket to its reply written, commit included; of samples, about 1,000 a second of each event loop at most.", "command"),
		laneWait:       desc("lane_wait_seconds", "Time that the first requests of a lane's batch waited for the worker; of samples, as with request_duration_seconds."),
		loopLag:        desc("loop_lag_seconds", "Time that a task waited for its event loop, measured four times a second in each loop."),
		writeTime:      desc("commit_duration_seconds", "Time of a group commit: writing and fsync."),
		writtenRecords: desc("commit_records", "Records of a group commit."),
		writtenSize:    desc("commit_size_bytes", "Bytes of the records of a group commit."),
	}
}

// otherCommand is the label of commands that have no handler.
const otherCommand = "other"

func (h *histograms) collectTimings(out chan<- prometheus.Metric, t engine.Timings) {
	durations := func(desc *prometheus.Desc, d engine.Durations, labels ...string) {
		out <- histogram(desc, seconds(engine.DurationBounds()), d.Counts[:], d.Sum.Seconds(), labels...)
	}
	for cmd, d := range t.Requests {
		durations(h.requests, d, cmd.String())
	}
	durations(h.requests, t.OtherRequests, otherCommand)
	durations(h.laneWait, t.LaneWait)
	durations(h.loopLag, t.LoopLag)
}

func (h *histograms) collectCommits(out chan<- prometheus.Metric, commits *journal.Stats) {
	out <- histogram(h.writeTime, seconds(journal.TimeBounds()), commits.ByTime[:], commits.Total.Seconds())
	out <- histogram(h.writtenRecords, numbers(journal.RecordBounds()), commits.ByRecords[:], float64(commits.Written))
	out <- histogram(h.writtenSize, numbers(journal.SizeBounds()), commits.BySize[:], float64(commits.Bytes))
}

// histogram returns a metric of the counts of its buckets; the last is above all bounds.
func histogram(desc *prometheus.Desc, bounds []float64, counts []uint64, sum float64, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(bounds))
	total := uint64(0)
	for n, bound := range bounds {
		total += counts[n]
		buckets[bound] = total
	}
	return prometheus.MustNewConstHistogram(desc, total+counts[len(bounds)], sum, buckets, labels...)
}

func seconds(bounds []time.Duration) []float64 {
	all := make([]float64, len(bounds))
	for n, b := range bounds {
		all[n] = b.Seconds()
	}
	return all
}

func numbers(bounds []int) []float64 {
	all := make([]float64, len(bounds))
	for n, b := range bounds {
		all[n] = float64(b)
	}
	return all
}

// newRegistry returns the metrics of own, and of the process.
func newRegistry(version string, own ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(own...)
	r.MustRegister(newBuildInfo(version), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// newBuildInfo returns the metric that names the version.
func newBuildInfo(version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "holdfast_build_info", Help: "1, with the version of holdfast and of Go that built it.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}
