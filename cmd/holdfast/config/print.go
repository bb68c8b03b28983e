package config

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"holdfast/perf/table"
)

// WriteJSON writes c as a file from which Load reads the same settings, except for passwords,
// which are not shown.
func (c *Config) WriteJSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "{")
	separator, object := "\n", ""
	for _, s := range c.settings() {
		indent := "  "
		if s.object() != "" {
			indent = "    "
		}
		if s.object() != object {
			if object != "" {
				separator = "\n  },\n"
			}
			object = s.object()
			fmt.Fprintf(b, "%s  %q: {", separator, object)
			separator = "\n"
		}
		fmt.Fprintf(b, "%s%s%q: %s", separator, indent, s.name(), s.literal())
		separator = ",\n"
	}
	fmt.Fprint(b, "\n  }\n}\n")
	return b.Flush()
}

// WriteOrigins writes a table of keys, values and origins.
func (c *Config) WriteOrigins(w io.Writer) error {
	t := table.Table{Align: "l"}
	for _, s := range c.settings() {
		t.Add(s.key, s.literal(), c.Origin(s.key))
	}
	_, err := w.Write(t.AppendText(nil))
	return err
}

// literal returns the value as JSON.
func (s setting) literal() string {
	var v any = s.shown()
	switch s.form {
	case formNumber, formBool:
		return s.get()
	case formList:
		v = strings.Fields(s.get())
	}
	text, _ := json.Marshal(v) // strings cannot fail
	return string(text)
}
