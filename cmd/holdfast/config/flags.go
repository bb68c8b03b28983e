package config

import "github.com/spf13/pflag"

// AddFlags defines a flag for every setting, with its default in the help text.
// The values are checked by Load, so that flags, variables and the file are
// refused in the same words.
func AddFlags(flags *pflag.FlagSet) {
	for _, s := range Default().settings() {
		flags.Var(&flagText{text: s.get(), kind: s.kind, list: s.form == formList}, s.flag, s.usage)
	}
}

// applyFlags applies the flags that were given.
func (c *Config) applyFlags(flags *pflag.FlagSet) error {
	for _, s := range c.settings() {
		f := flags.Lookup(s.flag)
		if f == nil || !f.Changed {
			continue
		}
		if err := c.apply(s, "--"+s.flag, f.Value.String()); err != nil {
			return err
		}
	}
	return nil
}

// flagText is a flag's text, kept as it was written. Each occurrence of a list's
// flag adds one entry; the defaults of lists are empty.
type flagText struct {
	text, kind string
	list       bool
}

// String implements pflag.Value.
func (f *flagText) String() string { return f.text }

// Set implements pflag.Value.
func (f *flagText) Set(text string) error {
	if f.list {
		text = f.text + " " + text
	}
	f.text = text
	return nil
}

// Type implements pflag.Value: the word that stands for the value in the help.
func (f *flagText) Type() string { return f.kind }
