package console

import (
	"net/http"
	"strconv"
	"time"
)

// Figures are what operators see of the server. Totals are since its start.
type Figures struct {
	Time               time.Time `json:"time"`
	Ready              bool      `json:"ready"`
	ReadyReason        string    `json:"readyReason"`
	Troubles           string    `json:"troubles"`
	Version            string    `json:"version"`
	UptimeSeconds      float64   `json:"uptimeSeconds"`
	Sessions           int       `json:"sessions"`
	MaxSessions        int       `json:"maxSessions"`
	RequestsTotal      uint64    `json:"requestsTotal"`
	RepliesTotal       uint64    `json:"repliesTotal"`
	ReceivedBytesTotal uint64    `json:"receivedBytesTotal"`
	SentBytesTotal     uint64    `json:"sentBytesTotal"`
	LatencySeconds     float64   `json:"latencySeconds"` // that Latency, and the percentiles of Commits, count; 0: since the start
	Latency            []Latency `json:"latency"`
	Commits            Commits   `json:"commits"`
	Journal            Journal   `json:"journal"`
	History            History   `json:"history"`
	Slow               Slow      `json:"slow"`
	Closes             []Close   `json:"closes"`
	Memory             Memory    `json:"memory"`
	Disk               Disk      `json:"disk"`
	Market             Market    `json:"market"`
}

// Latency is how long requests with a command took, in seconds.
type Latency struct {
	Command string  `json:"command"`
	Count   uint64  `json:"count"`
	P50     float64 `json:"p50"`
	P90     float64 `json:"p90"`
	P99     float64 `json:"p99"`
}

// Commits are the group commits, with how long they took, in seconds.
type Commits struct {
	Total   uint64  `json:"total"`
	Records uint64  `json:"records"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Failed  bool    `json:"failed"`
}

// Journal is what the journal has.
type Journal struct {
	Bytes      uint64 `json:"bytes"`
	FirstBatch uint64 `json:"firstBatch"`
	LastBatch  uint64 `json:"lastBatch"`
}

// History is what the history has yet to read of the journal.
type History struct {
	BehindBatches uint64  `json:"behindBatches"`
	LagSeconds    float64 `json:"lagSeconds"`
	Damaged       bool    `json:"damaged"`
}

// Slow are the sessions whose clients do not read, or send too much.
type Slow struct {
	UnsentSessions  int    `json:"unsentSessions"`
	UnsentBytes     int    `json:"unsentBytes"`
	HeldSessions    int    `json:"heldSessions"`
	BlockedSessions int    `json:"blockedSessions"`
	PushesDropped   uint64 `json:"pushesDropped"`
	PushesConflated uint64 `json:"pushesConflated"`
}

// Close is how many sessions ended for a reason.
type Close struct {
	Reason string `json:"reason"`
	Count  uint64 `json:"count"`
}

// Memory is what the process uses, and its limit.
type Memory struct {
	LimitBytes uint64 `json:"limitBytes"`
	UsedBytes  uint64 `json:"usedBytes"`
}

// Disk is the free space of the data folder, and the watermark below which orders are refused.
type Disk struct {
	FreeBytes      uint64 `json:"freeBytes"`
	WatermarkBytes uint64 `json:"watermarkBytes"`
}

// Market is the trading clock and what moves the market.
type Market struct {
	Clock  string    `json:"clock"`
	Time   time.Time `json:"time"`
	Speed  float64   `json:"speed"`
	Script string    `json:"script"`
	Preset string    `json:"preset"`
}

// Counts are the counts that percentiles are made from, at one time: by buckets.
type Counts struct {
	Time    time.Time
	Latency map[string][]uint64 // by command
	Commits []uint64
}

// SessionList is the open sessions that a search has found.
type SessionList struct {
	Sessions []SessionRow `json:"sessions"`
	Matches  int          `json:"matches"` // how many there are
}

// SessionRow is an open session of the server.
type SessionRow struct {
	ID          uint64    `json:"id"`
	Customer    uint32    `json:"customer,omitempty"` // that is logged in
	Name        string    `json:"name,omitempty"`
	Address     string    `json:"address"`
	Dialect     string    `json:"dialect"`
	Connected   time.Time `json:"connected"`
	UnsentBytes int64     `json:"unsentBytes"`
}

// observer returns the session of a customer who may now see all accounts; else it answers and
// returns nil.
func (c *Console) observer(w http.ResponseWriter, r *http.Request) *session {
	s := c.session(w, r)
	if s != nil && !s.pass.ReadsOthers() {
		fail(w, http.StatusForbidden, "this needs the operator or viewer role")
		return nil
	}
	return s
}

// figures answers the figures. Percentiles count what came since the last answer to the session.
func (c *Console) figures(w http.ResponseWriter, r *http.Request) {
	s := c.observer(w, r)
	if s == nil {
		return
	}
	s.counting.Lock()
	defer s.counting.Unlock()
	f, counts := c.config.Figures(s.counts)
	s.counts = counts
	reply(w, http.StatusOK, &f)
}

// maxRows and defaultRows are how many sessions an answer has at most, and without a limit.
const (
	maxRows     = 1000
	defaultRows = 100
	maxSearch   = 200 // bytes
)

// listSessions answers the open sessions that the search has found.
func (c *Console) listSessions(w http.ResponseWriter, r *http.Request) {
	if c.observer(w, r) == nil {
		return
	}
	query, limit := r.URL.Query(), defaultRows
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxRows {
			fail(w, http.StatusBadRequest, "limit is a number from 1 to "+strconv.Itoa(maxRows))
			return
		}
		limit = n
	}
	search := query.Get("search")
	if len(search) > maxSearch {
		fail(w, http.StatusBadRequest, "search is at most "+strconv.Itoa(maxSearch)+" bytes")
		return
	}
	reply(w, http.StatusOK, c.config.Sessions(search, limit))
}
