package config_test

import (
	"os"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestReadmeListsEverySetting: the README's table has a row with key and default
// for each setting.
func TestReadmeListsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := config.Default().WriteOrigins(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		key, value := strings.Fields(line)[0], strings.Trim(strings.Fields(line)[1], `"`)
		row := "| `" + key + "` | "
		switch key {
		case "console", "seed_file", "price_moves", "journal_url", "journal_monitor_urls", "history_url", "preset", "clock", "start", "script", "tls_cert", "tls_key", "tls_client_ca",
			"cluster.node", "cluster.listen", "cluster.peers", "cluster.secret_file", "cluster.tls_cert", "cluster.tls_key", "cluster.tls_ca": // in words
		default:
			row += "`" + value + "`"
		}
		if !strings.Contains(string(readme), row) {
			t.Errorf("no row that begins with %s", row)
		}
	}
}
