package config

// Changed returns the keys of the settings that have other values in c than in before, in
// the order of the output.
func (c *Config) Changed(before *Config) []string {
	var keys []string
	was := before.settings()
	for n, s := range c.settings() {
		if s.get() != was[n].get() {
			keys = append(keys, s.key)
		}
	}
	return keys
}
