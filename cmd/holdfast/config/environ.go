package config

import (
	"strings"

	"holdfast/biz/textfile"
)

// applyEnviron applies the variables that are settings. It ignores others, also with
// the prefix (an orchestrator adds some), unless a name is so close to a setting that
// it must be a typing error.
func (c *Config) applyEnviron(environ []string) error {
	table := c.settings()
	names := make(map[string]setting, len(table))
	for _, s := range table {
		names[s.env()] = s
	}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		if err := c.applyVariable(names, name, text); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) applyVariable(names map[string]setting, name, text string) error {
	if s, ok := names[name]; ok {
		return c.apply(s, name, text)
	}
	all := make([]string, 0, len(names))
	for n := range names {
		all = append(all, n)
	}
	most := min(2, len(strings.TrimPrefix(name, EnvPrefix))/3) // a short name may well belong to another program
	if near, ok := textfile.Nearest(name, all, most); ok {
		return mistake(name, "unknown variable (did you mean %q?)", near)
	}
	return nil
}
