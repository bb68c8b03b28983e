package main_test

import (
	"os"
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
)

func TestConfigOfProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"serve.json": "{\n\"listen\": \"127.0.0.1:7000\"}",
		"bad.json":   "{\n\"lisen\": \"127.0.0.1:7000\"}",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name    string
		args    []string
		environ []string
		code    int
		stdout  string
		stderr  string
	}{
		{"defaults", []string{}, nil, 0, `"listen": "127.0.0.1:8888"`, "127.0.0.1:8888\"  default\n"},
		{"file", []string{"--config", "serve.json"}, nil, 0, `"listen": "127.0.0.1:7000"`, "serve.json:2\n"},
		{"file by variable", []string{}, []string{"HOLDFAST_CONFIG=serve.json"}, 0, `"listen": "127.0.0.1:7000"`, "serve.json:2\n"},
		{"flag beats variable for the file", []string{"--config=serve.json"}, []string{"HOLDFAST_CONFIG=bad.json"}, 0, `"listen": "127.0.0.1:7000"`, "serve.json:2\n"},
		{"bad file", []string{"--config=bad.json"}, nil, 2, "", "holdfast: bad.json:2: unknown key \"lisen\" (did you mean \"listen\"?)\n"},
		{"no such file", []string{"--config=none.json"}, nil, 2, "", "holdfast: none.json: cannot be read: no such file or directory; create it, or choose another path\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs strings.Builder
			p := &main.Program{Args: tc.args, Stdout: &out, Stderr: &errs, Environ: tc.environ}
			if code := p.PrintConfig(t.Context()); code != tc.code {
				t.Errorf("code %d, want %d", code, tc.code)
			}
			if !strings.Contains(out.String(), tc.stdout) || !strings.Contains(errs.String(), tc.stderr) {
				t.Errorf("stdout %q\nstderr %q\nwant %q and %q", out.String(), errs.String(), tc.stdout, tc.stderr)
			}
		})
	}
}
