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
	Data           string        // folder of the journal and the history, made when missing
	SeedFile       string        // instruments and customers; "" takes the shipped ones
	Simulate       Rate          // orders that the server itself places; 0 places none
	PriceMoves     Rate          // moves of a price; unset: 10 a second when Simulate is on, else 0
	RandomSeed     uint64        // of the simulation: the same seed gives the same run
	EventLoops     int           // 0: as many as there are processors
	MaxConnections int           // 0: what the open-file limit leaves
	Heartbeat      time.Duration // told to clients, which must be heard from within three of them
	Drain          time.Duration // longest graceful stop; what is left then is closed
	RecentEvents   int           // events kept in memory for each account, for resume and retries
	LogLevel       slog.Level
	Limits         Limits

	origins map[string]string // by key; a missing one is a default
}

// Limits are the bounds on what one session may hold. At each of them the client
// is told why and closed.
type Limits struct {
	MaxFrameBytes     int // a longer frame is refused on its declared length
	InFlightRequests  int // requests taken and not yet answered
	InFlightBytes     int // bytes of those requests
	OutboundSoftBytes int // unsent bytes above which quotes are conflated
	OutboundHardBytes int // unsent bytes at which the session is closed
}

// defaultPriceMoves is the rate of price moves while the simulation runs.
const defaultPriceMoves Rate = 10

// Default returns the configuration without any file, variable or flag.
func Default() *Config {
	return &Config{
		Listen:       "127.0.0.1:8888",
		Admin:        "127.0.0.1:8889",
		Data:         "holdfast-data",
		RandomSeed:   1,
		Heartbeat:    20 * time.Second,
		Drain:        10 * time.Second,
		RecentEvents: 256,
		LogLevel:     slog.LevelInfo,
		Limits: Limits{
			MaxFrameBytes:     1 << 20,
			InFlightRequests:  4096,
			InFlightBytes:     1 << 20,
			OutboundSoftBytes: 256 << 10,
			OutboundHardBytes: 1 << 20,
		},
		origins: make(map[string]string),
	}
}

// originDefault is the origin of a setting that nobody has set.
const originDefault = "default"

// Origin says where the value of the setting with this key came from: "default",
// "serve.json:7" (file and line), "HOLDFAST_LISTEN" or "--listen". The key is
// the one of the file; one inside limits is written "limits.max_frame_bytes".
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return originDefault
}
