package config

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"holdfast/biz/market"
)

// Sources are what Load reads, in rising precedence.
type Sources struct {
	File    string         // JSON file; "" for none
	Environ []string       // "NAME=value" as in os.Environ; the last value of a name counts
	Flags   *pflag.FlagSet // parsed flags made by AddFlags; nil for none
}

// maxFileBytes bounds the configuration file.
const maxFileBytes = 1 << 20

// Load merges the defaults, the file, the environment and the flags, and checks the
// result. It returns the first mistake, as an *Error: one line that names the place.
func Load(from Sources) (*Config, error) {
	c := Default()
	if from.File != "" {
		if err := c.readFile(from.File); err != nil {
			return nil, err
		}
	}
	if err := c.applyEnviron(from.Environ); err != nil {
		return nil, err
	}
	if from.Flags != nil {
		if err := c.applyFlags(from.Flags); err != nil {
			return nil, err
		}
	}
	c.derive()
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// readFile applies the file at path.
func (c *Config) readFile(path string) error {
	stat, err := os.Stat(path)
	if err != nil {
		return Unreadable(path, err)
	}
	switch {
	case stat.IsDir():
		return Unreadable(path, syscall.EISDIR)
	case !stat.Mode().IsRegular():
		return mistake(path, "is no regular file; name a file on disk")
	case stat.Size() > maxFileBytes:
		return mistake(path, "has %d bytes, a file of settings at most %d; is it the right file?", stat.Size(), maxFileBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Unreadable(path, err)
	}
	return c.applyFile(path, text)
}

// derive sets the settings whose default depends on another.
func (c *Config) derive() {
	if c.Origin("price_moves") == originDefault && c.Simulate > 0 && c.Script == "" {
		c.PriceMoves = defaultPriceMoves
	}
	if c.Origin("limits.idle_time") == originDefault {
		c.Limits.IdleTime = max(c.Limits.IdleTime, 3*c.Heartbeat)
	}
	if c.Origin("limits.login_frame_bytes") == originDefault {
		c.Limits.LoginFrameBytes = min(c.Limits.LoginFrameBytes, c.Limits.MaxFrameBytes)
	}
}

// check returns an error for settings that contradict each other.
func (c *Config) check() error {
	if c.Limits.OutboundSoftBytes > c.Limits.OutboundHardBytes {
		return c.clash("limits.outbound_soft_bytes", "must not be above", "limits.outbound_hard_bytes")
	}
	if c.Limits.MaxFrameBytes > c.Limits.InFlightBytes {
		return c.clash("limits.max_frame_bytes", "must not be above", "limits.in_flight_bytes")
	}
	if c.Limits.LoginFrameBytes > c.Limits.MaxFrameBytes {
		return c.clash("limits.login_frame_bytes", "must not be above", "limits.max_frame_bytes")
	}
	if total := c.Limits.OutboundTotalBytes; total != 0 && total < c.Limits.OutboundHardBytes {
		return c.clash("limits.outbound_total_bytes", "must be 0 or not below", "limits.outbound_hard_bytes")
	}
	if c.Limits.IdleTime <= c.Heartbeat {
		return c.clash("limits.idle_time", "must be longer than", "heartbeat")
	}
	if err := c.checkClock(); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if err := c.checkCluster(); err != nil {
		return err
	}
	if c.RequireLogin {
		for i, l := range c.Listeners {
			if l.Dialect == DialectChat {
				return c.clash(entryKey("listeners", i), "has no login, so that it can't be combined with", "require_login")
			}
		}
	}
	return c.checkAddresses()
}

// checkClock returns an error for settings of the clock that contradict each other or the script,
// which says when it starts.
func (c *Config) checkClock() error {
	wall, stepped := c.Clock == market.WallClock.String(), c.Clock == market.SteppedClock.String()
	switch {
	case c.Script != "" && !c.Start.IsZero():
		return c.clash("start", "can't be combined with", "script")
	case c.Script != "" && wall:
		return c.clash("clock", "can't be combined with", "script")
	case wall && !c.Start.IsZero():
		return c.clash("start", "can't be combined with", "clock")
	case (wall || stepped) && c.Speed != 0:
		return c.clash("speed", "can't be combined with", "clock")
	}
	return nil
}

// clash returns the error for two settings or entries of lists that break a rule. Its
// place is the one that is set.
func (c *Config) clash(key, rule, other string) error {
	at := c.Origin(key)
	if at == originDefault {
		at = c.Origin(other)
	}
	return mistake(at, "%s %s %s", c.describe(key), rule, c.describe(other))
}

// describe returns key, value and origin of a setting or of an entry of a list.
func (c *Config) describe(key string) string {
	name, origin := key, c.Origin(key)
	if list, _, entry := strings.Cut(key, "["); entry && isFlag(origin) {
		name = list // the user wrote no index
	}
	return fmt.Sprintf("%s %s (%s)", name, c.textOf(key), origin)
}

// textOf returns the value of a setting or of an entry of a list.
func (c *Config) textOf(key string) string {
	for _, s := range c.settings() {
		if s.key == key {
			return s.shown()
		}
		if s.form != formList {
			continue
		}
		for i, entry := range strings.Fields(s.get()) {
			if entryKey(s.key, i) == key {
				return entry
			}
		}
	}
	return ""
}
