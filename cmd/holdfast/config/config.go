package config

import (
	"log/slog"
	"time"
)

// Config is the effective configuration of the server. Load gives a checked one;
// it is not changed afterwards.
type Config struct {
	Listen         string        // address of the packet dialect; port 0 takes a free one
	Admin          string        // address of metrics and pprof; port 0 takes a free one
	Listeners      []Listener    // further addresses for clients, at most 16
	Data           string        // folder of the journal and the history, made when missing
	JournalURL     string        // JetStream servers that keep the journal; "" keeps it in Data
	JournalMonitor string        // monitoring ports of all of them
	JournalCopies  int           // servers that keep each batch
	SeedFile       string        // instruments and customers; "" takes the shipped ones
	Simulate       Rate          // orders that the server itself places; 0 places none
	PriceMoves     Rate          // moves of a price; unset: 10 a second when Simulate is on, else 0
	RandomSeed     uint64        // of the simulation: the same seed gives the same run
	EventLoops     int           // 0: as many as there are processors
	MaxConnections int           // 0: what the open-file limit leaves
	Heartbeat      time.Duration // told to clients, which must be heard from within three of them
	RequireLogin   bool          // a session that has not logged in after 10 s is closed
	MemoryLimit    int           // bytes of the process; 0: the cgroup's, or the machine's
	Drain          time.Duration // longest graceful stop; what is left then is closed
	RecentEvents   int           // events kept in memory for each account, for resume and retries
	DiskWatermark  int           // free bytes below which orders are refused; 0: no watch
	LogLevel       slog.Level
	Limits         Limits

	origins map[string]string // by key; a missing one is a default
}

// Limits are the bounds on what one session, one address and all sessions together
// may take up. At each of them the client is told why, where it can be, and closed.
type Limits struct {
	MaxFrameBytes         int           // a longer frame is refused on its declared length
	LoginFrameBytes       int           // the same before login
	ConnectionsPerAddress int           // 0: no limit
	SessionsPerAccount    int           // logged in to one account
	InFlightRequests      int           // requests taken and not yet answered
	InFlightBytes         int           // bytes of those requests
	OutboundSoftBytes     int           // unsent bytes above which quotes are conflated
	OutboundSoftTime      time.Duration // longest stay above those
	OutboundHardBytes     int           // unsent bytes at which the session is closed
	OutboundTotalBytes    int           // unsent bytes of all sessions; 0: a part of the memory limit
	FirstFrameTime        time.Duration // from the connect to the end of the first frame
	FrameTime             time.Duration // from the first byte of a frame to its last
	IdleTime              time.Duration // without a whole frame
	PasswordGuesses       int           // wrong ones for a customer from one address in a minute
	WriteStallTime        time.Duration // of unsent bytes that the peer takes none of
}

// defaultPriceMoves is the rate of price moves while the simulation runs.
const defaultPriceMoves Rate = 10

// Default returns the configuration without any file, variable or flag.
func Default() *Config {
	return &Config{
		Listen: "127.0.0.1:8888",
		Admin:  "127.0.0.1:8889",
		Data:   "holdfast-data",

		JournalCopies: 1,

		RandomSeed:   1,
		Heartbeat:    20 * time.Second,
		Drain:        10 * time.Second,
		RecentEvents: 256,

		DiskWatermark: 256 << 20,

		LogLevel: slog.LevelInfo,
		Limits: Limits{
			MaxFrameBytes:         1 << 20,
			LoginFrameBytes:       64 << 10,
			ConnectionsPerAddress: 1024,
			SessionsPerAccount:    1024,
			InFlightRequests:      4096,
			InFlightBytes:         1 << 20,
			OutboundSoftBytes:     256 << 10,
			OutboundSoftTime:      5 * time.Second,
			OutboundHardBytes:     1 << 20,
			FirstFrameTime:        5 * time.Second,
			FrameTime:             10 * time.Second,
			IdleTime:              time.Minute,
			WriteStallTime:        10 * time.Second,
			PasswordGuesses:       5,
		},
		origins: make(map[string]string),
	}
}

// originDefault is the origin of a setting that nobody has set.
const originDefault = "default"

// Origin says where the value of the setting with this key came from: "default",
// "serve.json:7" (file and line), "HOLDFAST_LISTEN" or "--listen". The key is
// the one of the file; one inside limits is written "limits.max_frame_bytes", the
// first entry of a list "listeners[0]".
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return originDefault
}
