package main_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

func TestSeedWritesBothFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "load.json")
	code, stdout, stderr := run(t, "seed", "--customers", "12", "--instruments", "3", "--random", "7", "--out", out)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "12 customers, 3 instruments") {
		t.Fatalf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	made, err := seed.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	tokens := readTokens(t, out+".tokens")
	if len(made.Instruments) != 3 || len(made.Customers) != 13 || len(tokens) != 13 {
		t.Fatalf("%d instruments, %d customers with the operator, %d tokens", len(made.Instruments), len(made.Customers), len(tokens))
	}
	for i := range made.Customers {
		if !made.Customers[i].VerifyToken(tokens[made.Customers[i].Number]) {
			t.Errorf("the token of %d is not the one in the seed", made.Customers[i].Number)
		}
	}
	for _, name := range []string{out, out + ".tokens"} {
		if stat, err := os.Stat(name); err != nil || stat.Mode() != 0o600 {
			t.Errorf("%v: %v, want mode 0600", stat, err)
		}
	}
}

func TestSeedMainland(t *testing.T) {
	out := filepath.Join(t.TempDir(), "mainland.json")
	if code, _, stderr := run(t, "seed", "--customers", "50", "--instruments", "30", "--positions", "9", "--mainland", "--directives", "--out", out); code != 0 {
		t.Fatal(stderr)
	}
	made, err := seed.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, c := range made.Customers {
		most = max(most, len(c.Holdings))
	}
	if most != 9 || made.Markets[0].SharesDays != 1 || !made.Customers[1].Directives {
		t.Errorf("at most %d positions, rules %+v", most, made.Markets[0])
	}
}

func TestSeedIsTheSameAgain(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a.json", "b.json"} {
		if code, _, stderr := run(t, "seed", "--customers=5", "--out", filepath.Join(folder, name)); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, suffix := range []string{"", ".tokens"} {
		a, b := read(t, filepath.Join(folder, "a.json"+suffix)), read(t, filepath.Join(folder, "b.json"+suffix))
		if !bytes.Equal(a, b) || len(a) == 0 {
			t.Errorf("%q differs", suffix)
		}
	}
}

func TestSeedRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there.json", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("half.json.tokens", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no file", []string{"--out="}, 2, `--out wants a file name, or - for the standard output, got ""; see "holdfast seed --help"`},
		{"existing file", []string{"--out=there.json"}, 1, `there.json exists: choose another --out, or --force to replace it`},
		{"existing tokens", []string{"--out=half.json"}, 1, `half.json.tokens exists: choose another --out, or --force to replace it`},
		{"no customers", []string{"--out=new.json", "--customers=0"}, 2, `--customers wants a whole number from 1 to 499999, got "0"`},
		{"no number", []string{"--out=new.json", "--customers=many"}, 2, `--customers wants a whole number from 1 to 499999, got "many"`},
		{"long password", []string{"--out=new.json", "--password=" + strings.Repeat("x", 2000)}, 2, `--password is longer than 1024 bytes`},
		{"no such folder", []string{"--out=none/new.json"}, 1, `none/new.json.tokens: no such file or directory: none; create it, or choose another path`},
		{"two files with one name", []string{"--out=new.json", "--tokens=new.json"}, 2, `--tokens "new.json" is also --out`},
		{"two names of one file", []string{"--out=new.json", "--tokens=./new.json"}, 2, `--tokens "./new.json" is also --out`},
		{"two standard outputs", []string{"--out=-", "--tokens=-"}, 2, `--tokens "-" is also --out`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"seed"}, tc.args...)...)
			if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.want) {
				t.Errorf("code %d, stdout %q, stderr %q; want %d, %q", code, stdout, stderr, tc.code, tc.want)
			}
		})
	}
	wantFiles(t, "half.json.tokens", "there.json")
}

func TestSeedForce(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there.json", []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, "seed", "--customers=1", "--force", "--out=there.json"); code != 0 {
		t.Fatal(stderr)
	}
	if _, err := seed.Load("there.json"); err != nil {
		t.Error(err)
	}
}

func TestSeedLeavesNoHalf(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := run(t, "seed", "--customers=1", "--force", "--out=folder")
	if code != 1 || !strings.Contains(stderr, "folder") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	wantFiles(t, "folder")
}

func TestSeedInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr strings.Builder
	p := &main.Program{Args: []string{"seed", "--out=new.json"}, Stderr: &stderr}
	if code := p.Run(ctx); code != 130 || stderr.Len() > 0 {
		t.Errorf("code %d, stderr %q", code, stderr.String())
	}
	wantFiles(t)
}

func wantFiles(t *testing.T, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files %q, want %q", got, want)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// readTokens returns the tokens of a file by customer.
func readTokens(t *testing.T, name string) map[ledger.Customer][]byte {
	t.Helper()
	tokens, err := seed.ReadTokens(bytes.NewReader(read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[ledger.Customer][]byte)
	for _, token := range tokens {
		by[token.Customer] = token.Token
	}
	return by
}
