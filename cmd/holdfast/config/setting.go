package config

import (
	"fmt"
	"strings"
	"time"
)

// EnvPrefix begins the name of every environment variable that is a setting.
const EnvPrefix = "HOLDFAST_"

// minMemoryBytes is what the server needs to run at all.
const minMemoryBytes = 64 << 20

// maxSessionBytes bounds the settings that are bytes held for one session.
const maxSessionBytes = 1 << 30

// setting is one row of the table of settings.
type setting struct {
	key   string // in the file; "limits.x" stands in the object limits
	flag  string // without the dashes
	usage string
	value
}

// name is the key inside its object.
func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

// env is the name of the environment variable.
func (s setting) env() string { return EnvPrefix + strings.ToUpper(s.name()) }

// settings is the table: every setting of c, in the order people see them.
func (c *Config) settings() []setting {
	l := &c.Limits
	return []setting{
		{"listen", "listen", "address for clients, packet dialect", addressValue(&c.Listen)},
		{"admin", "admin", "address for metrics and pprof", addressValue(&c.Admin)},
		{"listeners", "listener", "further address for clients, as in tlv=:8890,byte_order=big,greet or packet=:8892; repeatable", listenersValue(&c.Listeners)},
		{"data", "data", "folder of the journal and the history", folderValue(&c.Data)},
		{"journal_url", "journal-url", "JetStream servers for the journal, commas between; empty: in the data folder", urlsValue(&c.JournalURL, "nats", "tls")},
		{"journal_monitor_urls", "journal-monitor-urls", "monitoring ports of all those servers, commas between", urlsValue(&c.JournalMonitor, "http", "https")},
		{"journal_copies", "journal-copies", "of those servers, how many keep each batch", intValue(&c.JournalCopies, 1, 5)},
		{"seed_file", "seed-file", "instruments and customers; empty: the shipped ones", fileValue(&c.SeedFile)},
		{"simulate", "simulate", "orders that the server itself places", rateValue(&c.Simulate)},
		{"price_moves", "price-moves", "price moves; unset: 10/s when simulate is on", rateValue(&c.PriceMoves)},
		{"random_seed", "seed", "random seed of the simulation", uintValue(&c.RandomSeed)},
		{"event_loops", "event-loops", "event loops; 0: one per processor", intValue(&c.EventLoops, 0, 256)},
		{"max_connections", "max-connections", "connections; 0: what the open-file limit leaves", intValue(&c.MaxConnections, 0, 1<<20)},
		{"heartbeat", "heartbeat", "interval that clients are told", durationValue(&c.Heartbeat, time.Second, time.Hour)},
		{"require_login", "require-login", "close sessions that have not logged in after 10 s", boolValue(&c.RequireLogin)},
		{"memory_limit", "memory-limit", "bytes of memory; 0: the cgroup's limit, or the machine's", memoryValue(&c.MemoryLimit, minMemoryBytes, 1<<44)},
		{"drain", "drain", "longest graceful stop", durationValue(&c.Drain, time.Millisecond, time.Hour)},
		{"recent_events", "recent-events", "events in memory for each account", intValue(&c.RecentEvents, 1, 1<<15-1)},
		{"disk_watermark", "disk-watermark", "free bytes below which orders are refused; 0: no watch", intValue(&c.DiskWatermark, 0, 1<<50)},
		{"log_level", "log-level", "debug, info, warn or error", levelValue(&c.LogLevel)},
		{"limits.max_frame_bytes", "max-frame-bytes", "longest frame", intValue(&l.MaxFrameBytes, 1<<10, 64<<20)},
		{"limits.login_frame_bytes", "login-frame-bytes", "longest frame before login", intValue(&l.LoginFrameBytes, 1<<10, 64<<20)},
		{"limits.connections_per_address", "connections-per-address", "connections of one address; 0: no limit", intValue(&l.ConnectionsPerAddress, 0, 1<<20)},
		{"limits.sessions_per_account", "sessions-per-account", "sessions logged in to one account", intValue(&l.SessionsPerAccount, 1, 1<<20)},
		{"limits.in_flight_requests", "in-flight-requests", "unanswered requests of a session", intValue(&l.InFlightRequests, 1, 1<<20)},
		{"limits.in_flight_bytes", "in-flight-bytes", "bytes of a session's unanswered requests", intValue(&l.InFlightBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_soft_bytes", "outbound-soft-bytes", "unsent bytes of a session: conflate", intValue(&l.OutboundSoftBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_soft_time", "outbound-soft-time", "longest time above those: close", limitTime(&l.OutboundSoftTime)},
		{"limits.outbound_hard_bytes", "outbound-hard-bytes", "unsent bytes of a session: close", intValue(&l.OutboundHardBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_total_bytes", "outbound-total-bytes", "unsent bytes of all sessions; 0: a part of the memory limit", intValue(&l.OutboundTotalBytes, 0, 1<<44)},
		{"limits.first_frame_time", "first-frame-time", "from the connect to the end of the first frame", limitTime(&l.FirstFrameTime)},
		{"limits.frame_time", "frame-time", "from the first byte of a frame to its last", limitTime(&l.FrameTime)},
		{"limits.idle_time", "idle-time", "longest time without a whole frame", limitTime(&l.IdleTime)},
		{"limits.write_stall_time", "write-stall-time", "longest time in which a peer takes nothing of what is unsent", limitTime(&l.WriteStallTime)},
		{"limits.password_guesses", "password-guesses", "wrong passwords of a customer from one address in a minute", intValue(&l.PasswordGuesses, 1, 1_000_000)},
	}
}

// find returns the setting with this key.
func find(table []setting, key string) (setting, bool) {
	for _, s := range table {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

// entryKey names an entry of a list in mistakes and origins.
func entryKey(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

// apply stores text, which stands at origin, as the value of s. The entries of a
// list have blanks between them.
func (c *Config) apply(s setting, origin, text string) error {
	if s.form == formList {
		c.clearList(s, origin)
		for i, entry := range strings.Fields(text) {
			if err := c.addEntry(s, i, origin, entry); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.set(text); err != nil {
		return mistake(origin, "%s %s", s.key, err)
	}
	c.origins[s.key] = origin
	return nil
}

// clearList takes all entries out of the list s because origin sets it anew.
func (c *Config) clearList(s setting, origin string) {
	s.empty()
	c.origins[s.key] = origin
}

// addEntry stores text, which stands at origin, as entry i of the list s.
func (c *Config) addEntry(s setting, i int, origin, text string) error {
	key := entryKey(s.key, i)
	if err := s.set(text); err != nil {
		return mistake(origin, "%s %s", key, err)
	}
	c.origins[key] = origin
	return nil
}
