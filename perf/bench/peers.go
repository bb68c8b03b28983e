package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/perf/load"
)

// peersFolder is the folder of the peers' source, below the root of the module.
const peersFolder = "perf/peers"

// goPeers returns the servers in the Go module of peersFolder, in the order of results.
func goPeers() []string { return []string{"netpoll", "nbio", "zinx"} }

// webPeers returns the WebSocket servers there.
func webPeers() []string { return []string{"gorilla", "nbiows"} }

// cPeer is the server in C.
const cPeer = "c"

// isPeer reports whether a server is built from peersFolder.
func isPeer(name string) bool {
	return name == cPeer || slices.Contains(goPeers(), name) || slices.Contains(webPeers(), name)
}

var errNoSource = errors.New("no go.mod of holdfast in the working directory or above it")

// peers builds the servers in peersFolder and returns those that could be built, the Go
// ones first. For the others a note says what is missing and how to install it.
func (b *bench) peers(ctx context.Context) (servers []load.Server, notes []string) {
	goNames := slices.Concat(goPeers(), webPeers())
	names := strings.Join(goNames, ", ")
	source, err := peersSource()
	if err != nil {
		return nil, []string{names + " and " + cPeer + " were left out: they are built from source: run this in the source tree"}
	}
	built := func(name string) load.Server {
		return load.Server{Name: name, Addr: b.addr, Disposable: true, Cmd: []string{filepath.Join(b.dir, name), "--listen", b.addr}}
	}
	err = compile(ctx, source, "go", "install Go 1.26 from https://go.dev/dl", "build", "-o", b.dir+string(filepath.Separator), "./...")
	if err != nil {
		notes = append(notes, names+" were left out: "+err.Error())
	} else {
		for _, name := range goNames {
			s := built(name)
			s.Cmd, s.Mallocs = append(s.Cmd, "--stats", b.admin), mallocsAt(b.admin)
			if slices.Contains(webPeers(), name) {
				s.Dialect = load.DialectEcho
			}
			servers = append(servers, s)
		}
	}
	c := built(cPeer)
	if err := compile(ctx, source, "gcc", "apt-get install gcc libc6-dev", "-O2", "-o", c.Cmd[0], "epoll/epoll.c"); err != nil {
		return servers, append(notes, cPeer+" was left out: "+err.Error())
	}
	return append(servers, c), notes
}

// peersSource returns peersFolder of the source tree that the working directory is in.
func peersSource() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module holdfast\n")) {
			return filepath.Join(dir, peersFolder), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errNoSource
		}
	}
}

// compile runs a compiler in the folder dir. Its error says how to install the compiler,
// or ends with its last line of output.
func compile(ctx context.Context, dir, compiler, install string, args ...string) error {
	if _, err := exec.LookPath(compiler); err != nil {
		return fmt.Errorf("%w: %s", err, install)
	}
	cmd := exec.CommandContext(ctx, compiler, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s failed: %w: %s", compiler, err, lines[len(lines)-1])
	}
	return nil
}

// SourceRevision returns the revision of the source tree that the working directory is
// in, or "". It is for builds without their own revision, as with "go run".
func SourceRevision(ctx context.Context) string {
	source, err := peersSource()
	if err != nil {
		return ""
	}
	git := func(args ...string) string {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", source}, args...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	revision := git("rev-parse", "--short=12", "HEAD")
	if revision == "" {
		return ""
	}
	if git("status", "--porcelain", "--untracked-files=no") != "" {
		revision += ", modified"
	}
	return ", source tree at " + revision
}
