package terminal

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEventsPage: docs/commands.md has the fields of the events of client and chat, and no others.
func TestEventsPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]any{"Events": event{}, "chat events": chatEvent{}} {
		_, section, _ := strings.Cut(string(text), "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		var documented, fields []string
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(section, -1) {
			documented = append(documented, regexp.MustCompile("[a-z]+").FindAllString(row[1], -1)...)
		}
		for f := range reflect.TypeOf(object).Fields() {
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, field)
		}
		slices.Sort(documented)
		if slices.Sort(fields); !slices.Equal(documented, fields) {
			t.Errorf("%s: the page has %q, the events have %q", name, documented, fields)
		}
	}
}
