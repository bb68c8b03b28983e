package config

import (
	"fmt"
	"strings"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// EnvPrefix starts the name of every environment variable that is a setting.
const EnvPrefix = "HOLDFAST_"

// minMemoryBytes is what the server needs to run at all.
const minMemoryBytes = 64 << 20

// maxSessionBytes is the largest value of settings for the bytes of one session.
const maxSessionBytes = 1 << 30

// maxClientOrderIDs is the largest number of client order ids of an account: some 1.6 GB.
const maxClientOrderIDs = 100_000_000

// setting is one row of the table of settings.
type setting struct {
	key   string // in the file; "limits.x" is in the object limits
	flag  string // without the dashes
	usage string
	value
}

// object returns the object of the file that has the key; "": none.
func (s setting) object() string {
	object, _, inside := strings.Cut(s.key, ".")
	if !inside {
		return ""
	}
	return object
}

// name returns the key inside its object.
func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

// env returns the name of the environment variable.
func (s setting) env() string {
	key := strings.TrimPrefix(s.key, limitsKey+".")
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// settings returns the table of all settings of c, in the order of the output.
func (c *Config) settings() []setting {
	l := &c.Limits
	return []setting{
		{"listen", "listen", "address for clients, packet dialect: host:port, or unix:PATH of a socket file; with ,tls after it, it speaks TLS", encryptedValue(&c.Listen, &c.ListenTLS, checkClientAddress)},
		{"admin", "admin", "address for metrics and pprof", addressValue(&c.Admin)},
		{"console", "console", "address of the console, a web page for trading and operating, e.g. 127.0.0.1:8880; with ,tls after it, it speaks TLS; empty: no console", encryptedValue(&c.Console, &c.ConsoleTLS, checkOptionalAddress)},
		{"listeners", "listener", "another address for clients, dialect=address, e.g. tlv=127.0.0.1:8890,byte_order=big,greet or websocket=:8891,tls; dialects packet, tlv, chat, websocket, fix; repeatable", listenersValue(&c.Listeners)},
		{"tls_cert", "tls-cert", "PEM file of the certificate for the listeners that speak TLS, followed by its chain", fileValue(&c.TLSCert)},
		{"tls_key", "tls-key", "PEM file of the private key of tls-cert", fileValue(&c.TLSKey)},
		{"tls_client_ca", "tls-client-ca", "PEM file of authorities: clients can log in with certificates of theirs; empty: they are not asked for one", fileValue(&c.TLSClientCA)},
		{"allow_plaintext", "allow-plaintext", "let other machines reach listeners without TLS, and the admin port", boolValue(&c.AllowPlaintext)},
		{"data", "data", "folder of the journal and the history", folderValue(&c.Data)},
		{"journal_url", "journal-url", "JetStream servers for the journal, separated by commas; empty: the journal is in the data folder", urlsValue(&c.JournalURL, "nats", "tls")},
		{"journal_monitor_urls", "journal-monitor-urls", "monitoring addresses of all journal servers, separated by commas", urlsValue(&c.JournalMonitor, "http", "https")},
		{"journal_copies", "journal-copies", "how many journal servers store each batch", intValue(&c.JournalCopies, 1, 5)},
		{"journal_keep", "journal-keep", "how much of the journal stays once checkpoints and the history have it: never (nothing is removed), an age such as 72h or 30d, or a size such as 10GB", keepValue(&c.JournalKeep)},
		{"checkpoint_interval", "checkpoint-interval", "longest time from an order to a checkpoint that has it; a start replays what is later", durationValue(&c.CheckpointInterval, time.Second, 24*time.Hour)},
		{"history_url", "history-url", "PostgreSQL database of the history, e.g. postgres://holdfast@localhost/holdfast; empty: SQLite in the data folder", databaseValue(&c.HistoryURL, "postgres", "postgresql")},
		{"seed_file", "seed-file", "file of instruments and customers; empty: the demo seed", fileValue(&c.SeedFile)},
		{"simulate", "simulate", "simulated orders, e.g. 100/s", rateValue(&c.Simulate)},
		{"price_moves", "price-moves", "simulated price moves", rateValue(&c.PriceMoves)},
		{"random_seed", "seed", "random seed of the simulation", uintValue(&c.RandomSeed)},
		{"preset", "preset", "simulated broker: frictionless, realistic, thin or brutal; empty: that of the script, or the depth of the seed file without latency and rejections", optionalWord(&c.Preset, "preset", presets())},
		{"clock", "clock", "trading clock: wall (real time), virtual (from --start, at --speed) or stepped (moved by \"holdfast market step\"); empty: that of the script, virtual with --start or --speed, else wall", optionalWord(&c.Clock, "clock", clocks())},
		{"speed", "speed", "seconds that pass on a virtual clock in one of real time; 0: that of the script, or 1", intValue(&c.Speed, 0, market.MaxSpeed)},
		{"start", "start", "when a virtual or stepped clock starts, e.g. 2026-01-05T09:00:00+08:00; empty: that of the script, or now", timeValue(&c.Start)},
		{"script", "script", "script of a trading day: a JSON file, or quiet, wild or mistakes, which ship with holdfast", fileValue(&c.Script)},
		{"event_loops", "event-loops", "event loops; 0: one per processor", intValue(&c.EventLoops, 0, 256)},
		{"max_connections", "max-connections", "maximum number of client connections; 0: what the open-file limit allows", intValue(&c.MaxConnections, 0, 1<<20)},
		{"heartbeat", "heartbeat", "heartbeat interval for clients", durationValue(&c.Heartbeat, time.Second, time.Hour)},
		{"require_login", "require-login", "close sessions that do not log in within 10 s, not counting a wait for the password to be verified", boolValue(&c.RequireLogin)},
		{"memory_limit", "memory-limit", "memory that the server may use, in bytes; 0: the cgroup's limit, or the machine's memory", memoryValue(&c.MemoryLimit, minMemoryBytes, 1<<44)},
		{"drain", "drain", "longest time for a graceful stop", durationValue(&c.Drain, time.Millisecond, time.Hour)},
		{"recent_events", "recent-events", "events in memory per account", intValue(&c.RecentEvents, 1, 1<<15-1)},
		{"disk_watermark", "disk-watermark", "free bytes of disk space below which orders are refused; 0: no check", bytesValue(&c.DiskWatermark, 0, 1<<50)},
		{"log_level", "log-level", "debug, info, warn or error", levelValue(&c.LogLevel)},
		{"fix_comp_id", "fix-comp-id", "CompID of the server on FIX listeners", stringValue(&c.FIXCompID, "id", checkCompID)},
		{"cluster.node", "cluster-node", "name of this node of a cluster, one of cluster-peer; empty: a server on its own", stringValue(&c.Cluster.Node, "name", checkNode)},
		{"cluster.listen", "cluster-listen", "address for the other nodes of the cluster: host:port", stringValue(&c.Cluster.Listen, "host:port", checkOptionalAddress)},
		{"cluster.peers", "cluster-peer", "a node of the cluster and its address for the others, e.g. n1=10.0.0.1:6222; repeatable: all nodes, this one too, in the same order everywhere", peersValue(&c.Cluster.Peers)},
		{"cluster.secret_file", "cluster-secret-file", "file with the password of the nodes at each other; empty: they have none", fileValue(&c.Cluster.SecretFile)},
		{"cluster.tls_cert", "cluster-tls-cert", "PEM file of this node's certificate for the other nodes; empty: the connections between nodes are not encrypted", fileValue(&c.Cluster.TLSCert)},
		{"cluster.tls_key", "cluster-tls-key", "PEM file of the private key of cluster-tls-cert", fileValue(&c.Cluster.TLSKey)},
		{"cluster.tls_ca", "cluster-tls-ca", "PEM file of the authorities whose certificates the nodes have", fileValue(&c.Cluster.TLSCA)},
		{"limits.max_frame_bytes", "max-frame-bytes", "longest frame", bytesValue(&l.MaxFrameBytes, 1<<10, 64<<20)},
		{"limits.login_frame_bytes", "login-frame-bytes", "longest frame before login", bytesValue(&l.LoginFrameBytes, 1<<10, 64<<20)},
		{"limits.connections_per_address", "connections-per-address", "maximum number of connections of one address; 0: no limit", intValue(&l.ConnectionsPerAddress, 0, 1<<20)},
		{"limits.exempt_loopback", "exempt-loopback", "connections from this machine (127.0.0.0/8, ::1) do not count for connections-per-address", boolValue(&l.ExemptLoopback)},
		{"limits.sessions_per_account", "sessions-per-account", "maximum number of sessions logged in to one account", intValue(&l.SessionsPerAccount, 1, 1<<20)},
		{"limits.in_flight_requests", "in-flight-requests", "maximum number of unanswered requests of a session", intValue(&l.InFlightRequests, 1, 1<<20)},
		{"limits.in_flight_bytes", "in-flight-bytes", "maximum bytes of a session's unanswered requests", bytesValue(&l.InFlightBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_soft_bytes", "outbound-soft-bytes", "unsent bytes of a session above which quotes are conflated", bytesValue(&l.OutboundSoftBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_soft_time", "outbound-soft-time", "longest time in which a session above outbound-soft-bytes reads less than half of that", limitTime(&l.OutboundSoftTime)},
		{"limits.outbound_hard_bytes", "outbound-hard-bytes", "unsent bytes of a session above which it is closed; with replies among them, twice that", bytesValue(&l.OutboundHardBytes, 1<<10, maxSessionBytes)},
		{"limits.outbound_total_bytes", "outbound-total-bytes", "unsent bytes of all sessions above which those with the most are closed; 0: a part of the memory limit", bytesValue(&l.OutboundTotalBytes, 0, 1<<44)},
		{"limits.first_frame_time", "first-frame-time", "longest time from the connect to the first complete frame", limitTime(&l.FirstFrameTime)},
		{"limits.handshake_time", "handshake-time", "longest time from the connect of a WebSocket client to the end of its handshake, and for each part of that of TLS", limitTime(&l.HandshakeTime)},
		{"limits.pong_time", "pong-time", "longest time for the answer of a WebSocket client to a ping", limitTime(&l.PongTime)},
		{"limits.frame_time", "frame-time", "longest time from the first byte of a frame to its last", limitTime(&l.FrameTime)},
		{"limits.idle_time", "idle-time", "longest time without a complete frame", limitTime(&l.IdleTime)},
		{"limits.write_stall_time", "write-stall-time", "longest time in which a peer reads none of its unsent output", limitTime(&l.WriteStallTime)},
		{"limits.password_guesses", "password-guesses", "wrong passwords per customer, address and minute before further ones are delayed", intValue(&l.PasswordGuesses, 1, 1_000_000)},
		{"limits.login_queue", "login-queue", "logins that may wait for their password to be verified; one address: half of them", intValue(&l.LoginQueue, 2, 1<<20)},
		{"limits.login_wait", "login-wait", "longest time that a login waits for its password to be verified", limitTime(&l.LoginWait)},
		{"limits.working_orders", "working-orders", "maximum number of working orders of an account", intValue(&l.WorkingOrders, 1, ledger.MaxOrders)},
		{"limits.client_order_ids", "client-order-ids", "maximum number of client order ids that an account remembers, of today and yesterday", intValue(&l.ClientOrderIDs, 1, maxClientOrderIDs)},
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

// entryKey returns the name of entry i of a list, for errors and origins.
func entryKey(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

// isFlag reports whether origin is a flag.
func isFlag(origin string) bool { return strings.HasPrefix(origin, "--") }

// apply sets s to text, which comes from origin. Blanks separate the entries of a list.
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

// clearList removes all entries of the list s, because origin replaces them.
func (c *Config) clearList(s setting, origin string) {
	s.empty()
	c.origins[s.key] = origin
}

// addEntry adds text, which comes from origin, to the list s as entry i.
func (c *Config) addEntry(s setting, i int, origin, text string) error {
	key := entryKey(s.key, i)
	if err := s.set(text); err != nil {
		if isFlag(origin) {
			return mistake(origin, "%s", err) // the user wrote no index
		}
		return mistake(origin, "%s %s", key, err)
	}
	c.origins[key] = origin
	return nil
}
