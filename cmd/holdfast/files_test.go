package main_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

// bom is the byte order mark that editors on Windows put at the start of UTF-8.
const bom = "\xef\xbb\xbf"

// TestByteOrderMarks: every text that the program reads may have one.
func TestByteOrderMarks(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := run(t, "seed", "--customers=3", "--out=s"); code != 0 {
		t.Fatal(stderr)
	}
	for name, text := range map[string]string{
		"marked": bom + string(read(t, "s")), "marked.tokens": bom + string(read(t, "s.tokens")),
		"c": bom + `{"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "seed_file": "marked", "data": "d"}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startServe(t, "--config", "c")
	code, stdout, stderr := run(t, "load", "--addr", s.addr, "--workload=orders", "--connections=3", "--warmup=0", "--duration=50ms",
		"--seed-file=marked", "--tokens=marked.tokens")
	if code != 0 || !strings.Contains(stdout, "requests") {
		t.Errorf("load: code %d: %s%s", code, stdout, stderr)
	}
	var out, errs bytes.Buffer
	tokens := readTokens(t, "marked.tokens")
	args := []string{"client", "--addr", s.addr, "--customer=100001", "--token", hex.EncodeToString(tokens[100001])}
	c := &main.Program{Args: args}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(bom+"help\n"), &out, &errs
	if code := c.Run(t.Context()); code != 0 {
		t.Errorf("client: code %d: %s%s", code, &out, &errs)
	}
	c = &main.Program{Args: args}
	errs.Reset()
	c.Stdin, c.Stderr = strings.NewReader("\xff\xfep\x00"), &errs
	if code := c.Run(t.Context()); code != 1 || errs.String() != "holdfast: standard input is UTF-16; save it as UTF-8\n" {
		t.Errorf("client: code %d: %s", code, &errs)
	}
}

// TestHostileFileNames: no command prints control characters of a name as they are.
func TestHostileFileNames(t *testing.T) {
	t.Chdir(t.TempDir())
	const name, shown = "\x1b[2J\nholdfast: forged", `\x1b[2J\nholdfast: forged`
	if err := os.Rename(traded(t), name); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"journal", "stats", "--data", name}, {"journal", "verify", "--data", name}, {"seed", "--customers=3", "--out", name + ".json"},
	} {
		code, stdout, stderr := run(t, args...)
		if code != 0 || strings.Contains(stdout, "\x1b") || strings.Contains(stdout, "\nholdfast") || !strings.HasPrefix(stdout, shown) {
			t.Errorf("%q: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// TestWrongFiles: a file for the program that is missing or wrong ends it with the code for
// usage; the error has the path as given, the cause and the way out.
func TestWrongFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"bad": "{\n\"x\": 1}", "utf16": "\xff\xfe{\x00", "hex": "# tokens\n1,zz\n", "marked16": "\xff\xfe1\x00", "empty": "# none\n900001,00\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir("folder", 0o700), os.Symlink("gone", "link")); err != nil {
		t.Fatal(err)
	}
	missing := ": cannot be read: no such file or directory; create it, or choose another path"
	for _, file := range []struct{ name, problem string }{
		{"none", "none" + missing},
		{"folder", "folder: cannot be read: it is a folder; name a file in it"},
		{"link", "link: cannot be read: link is a link to gone, which does not exist; create that, remove the link, or choose another path"},
		{"bad/x", "bad/x: cannot be read: bad is not a folder; choose another path"},
		{"bad", `bad:2: key "x": "format" must come first`},
		{"utf16", "utf16:1: the file is UTF-16; save it as UTF-8"},
	} {
		for _, command := range []string{
			"serve --throwaway --listen 127.0.0.1:0 --admin 127.0.0.1:0", "load --addr 127.0.0.1:1 --workload orders", "journal verify", "journal dump",
		} {
			code, stdout, stderr := run(t, append(strings.Fields(command), "--seed-file", file.name)...)
			if code != 2 || stdout != "" || stderr != "holdfast: "+file.problem+"\n" {
				t.Errorf("%s --seed-file %s: code %d, %q, %q", command, file.name, code, stdout, stderr)
			}
		}
	}
	for _, tt := range []struct{ args, problem string }{
		{"load --addr 127.0.0.1:1 --workload orders --tokens none", "none" + missing},
		{"load --addr 127.0.0.1:1 --workload orders --tokens hex", "hex: seed: bad token file: line 2: want customer,hexadecimal token"},
		{"load --addr 127.0.0.1:1 --workload orders --tokens marked16", "marked16: seed: bad token file: it is UTF-16; save it as UTF-8"},
		{"load --addr 127.0.0.1:1 --workload orders --tokens empty", "empty: has no customer who can log in and trade"},
		{"serve --config none", "none" + missing},
		{"serve --config utf16", "utf16:1: the file is UTF-16; save it as UTF-8"},
		{"doctor --config bad", `bad:2: unknown key "x"`},
	} {
		code, stdout, stderr := run(t, strings.Fields(tt.args)...)
		if code != 2 || stdout != "" || stderr != "holdfast: "+tt.problem+"\n" {
			t.Errorf("%s: code %d, %q, %q", tt.args, code, stdout, stderr)
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	for _, args := range []string{
		"client --token zz", "client --token 123", "bust 100001-1 --reason x --token zz",
		"bust 100001-1 --reason x --operator 0", "bust 0-1 --reason x", "bust 100001-0 --reason x", "bust 100001 --reason x", "bust +100001-1 --reason x", "bust 100001-1_0 --reason x",
	} {
		if code, stdout, stderr := run(t, append(strings.Fields(args), "--addr=127.0.0.1:1")...); code != 2 || stdout != "" || strings.Contains(stderr, "zz") {
			t.Errorf("%s: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// TestDataFolders: the error for a data folder has the path as given, the cause and the way
// out, and serve changes nothing.
func TestDataFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("file", nil, 0o600), os.Symlink("gone", "link")); err != nil {
		t.Fatal(err)
	}
	toNothing := "link is a link to gone, which does not exist; create that, remove the link, or choose another path"
	long := strings.Repeat("n", 300)
	for data, problem := range map[string]string{
		"file": "it is not a folder; choose another path", "file/": "it is not a folder; choose another path",
		"file/x": "file is not a folder; choose another path", "link": toNothing, "link/x": toNothing, long: "the name is too long; choose a shorter one",
	} {
		code, stdout, stderr := run(t, "serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--data", data)
		if want := "holdfast: --data: server: can't use the data folder: " + data + ": " + problem + "\n"; code != 2 || stdout != "" || !strings.HasSuffix(stderr, want) {
			t.Errorf("code %d, %q, %q; want %q", code, stdout, stderr, want)
		}
		if code, stdout, stderr := run(t, "journal", "stats", "--data", data); code != 1 || stdout != "" || !strings.HasPrefix(stderr, "holdfast: ") || !strings.Contains(stderr, "; ") && !strings.Contains(stderr, "set --data") {
			t.Errorf("journal: code %d, %q", code, stderr)
		}
		if code, stdout, _ := run(t, "doctor", "--data", data); code != 1 || !strings.Contains(stdout, data+" can't be used: "+problem) {
			t.Errorf("doctor: code %d: %s", code, stdout)
		}
	}
	wantFiles(t, "file", "link")
}

// TestCurrentFolderGone: relative paths have no meaning then.
func TestCurrentFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := os.Remove(dir); err != nil {
		t.Skip("skip: this system keeps the current folder: ", err)
	}
	want := "x: the current folder no longer exists; change to another folder, or use an absolute path\n"
	for args, code := range map[string]int{
		"serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --data x": 2, "seed --out x --tokens /dev/null": 1, "load --addr 127.0.0.1:1 --json x": 1, "bench compare --out x": 1,
	} {
		if got, _, stderr := run(t, strings.Fields(args)...); got != code || !strings.HasSuffix(stderr, want) {
			t.Errorf("%s: code %d: %s", args, got, stderr)
		}
	}
	for _, args := range []string{"serve --config x", "journal verify --seed-file x"} {
		want := "holdfast: x: cannot be read: the current folder no longer exists; change to another folder, or use an absolute path\n"
		if code, _, stderr := run(t, strings.Fields(args)...); code != 2 || stderr != want {
			t.Errorf("%s: code %d: %s", args, code, stderr)
		}
	}
	if code, _, stderr := run(t, "seed", "--customers=1", "--out", filepath.Join(t.TempDir(), "s")); code != 0 {
		t.Errorf("an absolute path: code %d: %s", code, stderr)
	}
}

// TestWithoutPermission runs the program as another user, because root may do everything.
func TestWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("skip: needs root, to become another user")
	}
	const nobody = 65534
	dir := t.TempDir()
	binary := filepath.Join(dir, "program")
	text := read(t, os.Args[0])
	for _, err := range []error{
		os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.WriteFile(binary, text, 0o755), os.Mkdir(filepath.Join(dir, "locked"), 0o755), os.Mkdir(filepath.Join(dir, "half"), 0o755),
		os.WriteFile(filepath.Join(dir, "locked", "mine.json"), make([]byte, 10_000), 0o600), os.Chown(filepath.Join(dir, "locked", "mine.json"), nobody, nobody),
		os.Chown(filepath.Join(dir, "half"), nobody, nobody), os.Mkdir(filepath.Join(dir, "half", "journal"), 0o700), os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --data locked", 2, "locked/journal: permission denied; let this user read and write there, or choose another path"},
		{"serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --data locked/x", 2, "locked/x: permission denied; let this user read and write there, or choose another path"},
		{"serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --data half", 2, "half/journal/lock: permission denied; let this user read and write there, or choose another path"},
		{"serve --config secret", 2, "secret: cannot be read: permission denied; let this user read and write there, or choose another path"},
		{"journal verify --seed-file secret", 2, "secret: cannot be read: permission denied; let this user read and write there, or choose another path"},
		{"seed --customers 3 --force --out locked/mine.json --tokens half/tokens", 0, ""},
		{"load --addr 127.0.0.1:1 --json locked/mine.json", 1, "is the server up, and is the port right?"}, // only then
		{"seed --out locked/s", 1, "locked/s.tokens: permission denied; let this user read and write there, or choose another path"},
	} {
		cmd := exec.CommandContext(t.Context(), binary, strings.Fields(tt.args)...)
		var stderr bytes.Buffer
		cmd.Dir, cmd.Stderr, cmd.Env = dir, &stderr, append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		_ = cmd.Run() // ProcessState says how it ended
		if cmd.ProcessState == nil {
			t.Skip("skip: other users cannot enter the folder for temporary files")
		}
		if code := cmd.ProcessState.ExitCode(); code != tt.code || tt.code > 0 && !strings.HasSuffix(stderr.String(), tt.want+"\n") {
			t.Errorf("%s: code %d: %s", tt.args, code, &stderr)
		}
	}
	if _, err := seed.Load(filepath.Join(dir, "locked", "mine.json")); err != nil {
		t.Errorf("a file in a folder that can't be written: %v", err)
	}
}

// TestClientAddresses: a malformed address is a mistake on the command line; one where
// nothing listens is a failure.
func TestClientAddresses(t *testing.T) {
	if err := client.CheckAddress("127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"client", "submit", "load", "scenario", "bust 100001-1 --reason x"} {
		args := strings.Fields(command)
		if code, _, stderr := run(t, append(args, "--addr=nohostport")...); code != 2 || !strings.Contains(stderr, `got "nohostport"`) {
			t.Errorf("%s: code %d: %s", command, code, stderr)
		}
		list := "127.0.0.1:1,127.0.0.1:99999"
		if code, _, stderr := run(t, append(args, "--addr="+list)...); code != 2 || !strings.Contains(stderr, `"127.0.0.1:99999" is wrong: the port is not a number`) || !strings.Contains(stderr, list) {
			t.Errorf("%s: code %d: %s", command, code, stderr)
		}
		if code, _, _ := run(t, append(args, "--addr=127.0.0.1:1")...); code != 1 {
			t.Errorf("%s: code %d where nothing listens", command, code)
		}
	}
}
