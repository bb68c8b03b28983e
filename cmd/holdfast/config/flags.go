package config

import "github.com/spf13/pflag"

// AddFlags defines a flag for every setting, with its default in the help text. Load
// checks the values, so that the errors for flags, variables and the file have the same
// words.
func AddFlags(flags *pflag.FlagSet) {
	for _, s := range Default().settings() {
		f := flags.VarPF(&flagText{text: s.get(), kind: s.kind, list: s.form == formList}, s.flag, "", s.usage)
		if s.form == formBool {
			f.NoOptDefVal = "true" // --flag means --flag=true
		}
	}
	// derive sets these.
	flags.Lookup("price-moves").DefValue = defaultPriceMoves.String() + " with --simulate, else 0/s"
	flags.Lookup("idle-time").DefValue = short(Default().Limits.IdleTime) + ", or three heartbeats if that is longer"
}

// applyFlags applies the flags that are set.
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

// flagText is the text of a flag, as written. Each occurrence of a list's flag adds one
// entry; the defaults of lists are empty.
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

// Type implements pflag.Value: the word for the value in the help.
func (f *flagText) Type() string { return f.kind }
