package config

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes c as a file that Load reads back to the same settings.
func (c *Config) WriteJSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "{")
	separator, inLimits := "\n", false
	for _, s := range c.settings() {
		indent := "  "
		if strings.HasPrefix(s.key, limitsKey+".") {
			if !inLimits {
				fmt.Fprintf(b, "%s  %q: {", separator, limitsKey)
				separator, inLimits = "\n", true
			}
			indent = "    "
		}
		fmt.Fprintf(b, "%s%s%q: %s", separator, indent, s.name(), s.literal())
		separator = ",\n"
	}
	fmt.Fprint(b, "\n  }\n}\n")
	return b.Flush()
}

// WriteOrigins writes a table of key, value and where the value came from.
func (c *Config) WriteOrigins(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range c.settings() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.key, s.literal(), c.Origin(s.key))
	}
	return table.Flush()
}

// literal is the value as JSON.
func (s setting) literal() string {
	var v any = s.get()
	switch s.form {
	case formNumber, formBool:
		return s.get()
	case formList:
		v = strings.Fields(s.get())
	}
	text, _ := json.Marshal(v) // strings cannot fail
	return string(text)
}
