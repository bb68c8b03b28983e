package host

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/gateway"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
)

// Reload applies the seed file and the certificate files of c to the running server and logs what has
// changed: see gateway.Gateway.Reload. Other settings of c are not applied; the log names those that have changed.
// After an error everything is as it was. Without a seed file, before and in c, the demo
// seed stays.
//
// Goroutine: one at a time.
func (s *Server) Reload(c *config.Config) (gateway.Reloaded, error) {
	applied := []string{"seed_file", "log_level"}
	var renewed *tls.Config
	if s.encryption != nil && c.TLSCert != "" {
		var err error
		if renewed, err = readEncryption(c, time.Now()); err != nil {
			return gateway.Reloaded{}, err
		}
		applied = append(applied, "tls_cert", "tls_key", "tls_client_ca")
	}
	r, err := s.reloadSeed(c.SeedFile)
	if err != nil {
		return r, err
	}
	if renewed != nil {
		s.encryption.current.Store(renewed)
		s.log.Info("the certificate was reloaded; new connections get it", "tls_cert", c.TLSCert, "expires", s.encryption.expires())
	}
	others := slices.DeleteFunc(c.Changed(s.config), func(key string) bool { return slices.Contains(applied, key) })
	if len(others) > 0 {
		s.log.Warn("some settings have changed and need a restart of the server: they stay as they were", "settings", strings.Join(others, ", "))
	}
	return r, nil
}

func (s *Server) reloadSeed(path string) (r gateway.Reloaded, err error) {
	if path == "" && s.seedFile == "" {
		return r, nil
	}
	loaded, err := LoadSeed(path)
	if err != nil {
		return r, err
	}
	s.Day.adapt(loaded)
	if r, err = s.Gateway.Reload(loaded); err != nil {
		return r, err
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
	return r, nil
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
