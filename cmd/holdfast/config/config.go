package config

import (
	"log/slog"
	"time"

	"holdfast/biz/ledger"
)

// Config is the effective configuration of the server. Load checks it; nobody changes it
// afterwards.
type Config struct {
	Listen         string        // address of the packet dialect, or unix:PATH; port 0 takes a free one
	ListenTLS      bool          // Listen speaks TLS
	Admin          string        // address of metrics and pprof; port 0 takes a free one
	Console        string        // address of the console, a web page; "": it is not served; port 0 takes a free one
	ConsoleTLS     bool          // Console speaks TLS
	Listeners      []Listener    // more addresses for clients, at most 16
	TLSCert        string        // PEM file of the certificate of all listeners that speak TLS, with its chain
	TLSKey         string        // PEM file of its private key
	TLSClientCA    string        // PEM file of the authorities of clients' certificates; "": these are not asked for
	AllowPlaintext bool          // other machines may reach listeners without TLS, and the admin port
	Data           string        // folder of the journal and the history, created if missing
	JournalURL     string        // JetStream servers that store the journal; "": it is in Data
	JournalMonitor string        // monitoring addresses of all these servers
	JournalCopies  int           // servers that store each batch
	JournalKeep    Keep          // what of the journal stays once checkpoints and history have it
	HistoryURL     string        // PostgreSQL database of the history; "": SQLite in Data
	SeedFile       string        // instruments and customers; "": the demo seed
	Simulate       Rate          // simulated orders; 0: none
	PriceMoves     Rate          // simulated price moves; unset: 10/s if Simulate is on, else 0
	RandomSeed     uint64        // of the simulation: the same seed produces the same run
	Preset         string        // of the simulated broker: a market.Preset; "": that of Script, or none
	Clock          string        // a market.ClockMode; "": that of Script, virtual with Start or Speed, else wall
	Speed          int           // seconds that pass on a virtual clock in one of real time; 0: that of Script, or 1
	Start          time.Time     // of a virtual or stepped clock; zero: that of Script, or now
	Script         string        // a shipped script or a file; "": none
	EventLoops     int           // 0: one per processor
	MaxConnections int           // 0: what the open-file limit allows
	Heartbeat      time.Duration // interval for clients; unless set, IdleTime is at least three of them
	RequireLogin   bool          // a session that has not logged in after 10 s is closed
	MemoryLimit    int           // bytes; 0: the cgroup's limit, or the machine's memory
	Drain          time.Duration // longest graceful stop; sessions that remain are then closed
	RecentEvents   int           // events in memory per account, for resume and retries
	DiskWatermark  int           // free bytes below which orders are refused; 0: no check
	LogLevel       slog.Level
	FIXCompID      string // the server's CompID on FIX listeners

	CheckpointInterval time.Duration // longest time from an order to a checkpoint that has it

	Cluster Cluster
	Limits  Limits

	origins map[string]string // by key; a missing one means the default
}

// Limits bound what one session, one address and all sessions together may use. If a
// limit closes a session, the client gets the reason in a Notice where possible.
type Limits struct {
	MaxFrameBytes         int           // longer frames are refused as soon as their length is read
	LoginFrameBytes       int           // the same before login
	ConnectionsPerAddress int           // 0: no limit
	ExemptLoopback        bool          // ConnectionsPerAddress is not for connections from this machine
	SessionsPerAccount    int           // sessions logged in to one account
	InFlightRequests      int           // unanswered requests of a session
	InFlightBytes         int           // bytes of these requests
	OutboundSoftBytes     int           // unsent bytes of a session above which quotes are conflated
	OutboundSoftTime      time.Duration // longest time above OutboundSoftBytes
	OutboundHardBytes     int           // unsent bytes above which the session is closed
	OutboundTotalBytes    int           // unsent bytes of all sessions; 0: a part of the memory limit
	FirstFrameTime        time.Duration // from the connect to the end of the first frame
	HandshakeTime         time.Duration // from the connect to the end of the WebSocket handshake
	PongTime              time.Duration // from a WebSocket ping to its pong
	FrameTime             time.Duration // from the first byte of a frame to its last
	IdleTime              time.Duration // longest time without a complete frame
	PasswordGuesses       int           // wrong passwords per customer, address and minute
	LoginQueue            int           // logins that wait for their password to be verified; one address: half
	LoginWait             time.Duration // longest time that they wait
	WorkingOrders         int           // working orders of an account
	ClientOrderIDs        int           // client order ids that an account remembers, of today and yesterday
	WriteStallTime        time.Duration // longest time in which the peer reads none of its unsent output
}

// defaultPriceMoves is the rate of price moves while the simulation runs.
const defaultPriceMoves Rate = 10

// Default returns the configuration without file, variables and flags.
func Default() *Config {
	return &Config{
		Listen: "127.0.0.1:8888",
		Admin:  "127.0.0.1:8889",
		Data:   "holdfast-data",

		JournalCopies: 1,

		CheckpointInterval: 5 * time.Minute,

		RandomSeed:   1,
		Heartbeat:    20 * time.Second,
		Drain:        10 * time.Second,
		RecentEvents: 256,

		DiskWatermark: 256 << 20,

		LogLevel:  slog.LevelInfo,
		FIXCompID: "HOLDFAST",
		Limits: Limits{
			MaxFrameBytes:         1 << 20,
			LoginFrameBytes:       64 << 10,
			ConnectionsPerAddress: 1024,
			ExemptLoopback:        true,
			SessionsPerAccount:    1024,
			InFlightRequests:      4096,
			InFlightBytes:         1 << 20,
			OutboundSoftBytes:     256 << 10,
			OutboundSoftTime:      5 * time.Second,
			OutboundHardBytes:     1 << 20,
			FirstFrameTime:        5 * time.Second,
			HandshakeTime:         5 * time.Second,
			PongTime:              10 * time.Second,
			FrameTime:             10 * time.Second,
			IdleTime:              time.Minute,
			WriteStallTime:        10 * time.Second,
			PasswordGuesses:       5,
			LoginQueue:            8192,
			LoginWait:             30 * time.Second,
			WorkingOrders:         ledger.MaxOrders,
			ClientOrderIDs:        ledger.DefaultClientOrderIDs,
		},
		origins: make(map[string]string),
	}
}

// originDefault is the origin of a setting that is not set anywhere.
const originDefault = "default"

// Origin returns where the value of a setting came from: "default", "serve.json:7" (file
// and line), "HOLDFAST_LISTEN" or "--listen". The key is that of the file. Keys inside
// limits look like "limits.max_frame_bytes", entries of lists like "listeners[0]".
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return originDefault
}
