package host

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/desk"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
)

// Reload applies the seed file of c to the running server and logs what has changed: see
// gateway.Gateway.Reload. Other settings of c are not applied; the log names those that have changed.
// After an error everything is as it was. Without a seed file, before and in c, the demo
// seed stays.
//
// Goroutine: one at a time.
func (s *Server) Reload(c *config.Config) error {
	if err := s.reloadSeed(c.SeedFile); err != nil {
		return err
	}
	others := slices.DeleteFunc(c.Changed(s.config), func(key string) bool { return key == "seed_file" || key == "log_level" })
	if len(others) > 0 {
		s.log.Warn("some settings have changed and need a restart of the server: they stay as they were", "settings", strings.Join(others, ", "))
	}
	return nil
}

func (s *Server) reloadSeed(path string) error {
	if path == "" && s.seedFile == "" {
		return nil
	}
	loaded, err := LoadSeed(path)
	if err != nil {
		return err
	}
	s.Day.adapt(loaded)
	r, err := s.Gateway.Reload(loaded)
	if err != nil {
		return err
	}
	s.seedFile = path
	s.log.Info("the seed file was reloaded", "seed_file", path, "new_instruments", len(r.Instruments), "new_customers", len(r.Customers),
		"changed_credentials", r.Credentials, "ended_sessions", r.Sessions)
	if len(r.Withdrawn) > 0 {
		s.log.Warn("customers that are no longer in the seed file can't log in; the next start removes them",
			"customers", list(r.Withdrawn, func(a *desk.Account) string { return fmt.Sprint(a.Customer()) }))
	}
	if len(r.Later) > 0 {
		s.log.Warn("instruments have another name, lot or last price in the seed file: that applies at the next start",
			"instruments", list(r.Later, seed.Key.String))
	}
	return nil
}

// listed is how many entries of a list the log shows.
const listed = 20

// list returns the names of the entries, at most listed of them.
func list[T any](entries []T, name func(T) string) string {
	var names []string
	for _, e := range entries[:min(len(entries), listed)] {
		names = append(names, name(e))
	}
	text := strings.Join(names, ", ")
	if more := len(entries) - listed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
