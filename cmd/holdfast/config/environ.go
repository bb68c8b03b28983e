package config

import "strings"

// applyEnviron applies the variables that are settings. Others are left alone,
// also with the prefix (an orchestrator adds its own), unless one is so close to
// a setting that it must be a slip.
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
	known := make([]string, 0, len(names))
	for n := range names {
		known = append(known, n)
	}
	most := min(2, len(strings.TrimPrefix(name, EnvPrefix))/3) // a short name may well be somebody else's
	if near, ok := nearest(name, known, most); ok {
		return mistake(name, "unknown variable (did you mean %q?)", near)
	}
	return nil
}
