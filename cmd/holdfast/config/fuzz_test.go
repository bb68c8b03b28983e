package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// FuzzFile: any file makes a configuration that prints and reads back, or one
// line that names the file; never a panic.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{everySetting, "{}", `{"limits":{"max_frame_bytes":1}}`, "[", `{"simulate":1e3}`, `{"a":{"b":[1]}}`, `{"listeners":["tlv=:1,greet",{}]}`} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "fuzz.json")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{File: path})
		if err != nil {
			wantOneLine(t, err, path)
			return
		}
		if err := os.WriteFile(path, []byte(texts(t, c)), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := config.Load(config.Sources{File: path})
		if err != nil || texts(t, again) != texts(t, c) {
			t.Errorf("%v: printed config differs when read back:\n%s", err, texts(t, c))
		}
	})
}

func wantOneLine(t *testing.T, err error, path string) {
	t.Helper()
	var mistake *config.Error
	if !errors.As(err, &mistake) || strings.ContainsAny(err.Error(), "\n\r") || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("bad error %q", err)
	}
}
