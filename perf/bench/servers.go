package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/perf/load"
)

// pool holds the servers that can run here, by the name that workloads have for them.
type pool map[string]load.Server

// makePool returns the wanted servers. It builds the libraries only if names has one of
// them; notes say what could not be built and what to install.
func (b *bench) makePool(ctx context.Context, names []string) (servers pool, notes []string) {
	all := []load.Server{
		{
			Name: "gnet", Addr: b.addr, Disposable: true, Mallocs: mallocsAt(b.admin),
			Cmd: []string{b.Program, "bench", "rawgnet", "--listen", b.addr, "--stats", b.admin},
		},
		b.serve("reactor"),
		b.serve("reactor-loop", "--submit-on-loop"),
		b.serve("textbook", "--plumbing", "textbook"),
		b.serve("buffered", "--plumbing", "buffered"),
		b.serve("pooled", "--plumbing", "pooled"),
		b.serve("readwriter", "--plumbing", "readwriter"),
		b.serve("readwriter-sql", "--plumbing", "readwriter", "--transaction-per-order"),
		b.serveOther("reactor-tlv", load.DialectTLV),
		b.serveOther("reactor-websocket", load.DialectWebSocket, halfOpenFlags()...),
		b.serveOther("reactor-json", load.DialectJSON),
		b.serveOther("reactor-fix", load.DialectFIX),
		b.serveOther(chatPrefix+"reactor", load.DialectChat),
		b.serveChat("readwriter"),
		b.serveChat("coalescing"),
		b.serve(quotesPrefix+"reactor", quotesFlags()...),
		b.serveOther(quotesPrefix+"reactor-websocket", load.DialectWebSocket, quotesFlags()...),
		b.serveOther(quotesPrefix+"reactor-mixed", load.DialectMixed, quotesFlags()...),
	}
	if slices.ContainsFunc(names, func(name string) bool { return b.wants(name) && isPeer(name) }) {
		fmt.Fprintln(b.Stderr, "holdfast: building the libraries' servers")
		var peers []load.Server
		peers, notes = b.peers(ctx)
		all = append(all, peers...)
	}
	if slices.ContainsFunc(names, func(name string) bool { return b.wants(name) && isQuickFIX(name) }) {
		fmt.Fprintln(b.Stderr, "holdfast: building the executor on QuickFIX")
		executors, missing := b.quickFIXPeers(ctx)
		all, notes = append(all, executors...), append(notes, missing...)
	}
	b.hideFolders(notes)
	for _, note := range notes {
		fmt.Fprintf(b.Stderr, "holdfast: %s\n", note)
	}
	servers = make(pool)
	for _, s := range all {
		key := s.Name
		if s.Name = plainName(key); b.wants(s.Name) {
			servers[key] = s
		}
	}
	return servers, notes
}

// The servers of some workloads have the names of other servers, but other listeners and
// settings. In the pool, their names have a prefix.
const (
	chatPrefix   = "chat:"
	quotesPrefix = "quotes:"
)

func plainName(key string) string {
	_, name, prefixed := strings.Cut(key, ":")
	if !prefixed {
		return key
	}
	return name
}

// halfOpenFlags leave handshakes open as long as a run lasts.
func halfOpenFlags() []string { return []string{"--handshake-time", "10m"} }

// quotesFlags make quotes, one after the other.
func quotesFlags() []string { return []string{"--price-moves", "5/s"} }

// serveOther returns a holdfast server with a listener of another dialect.
func (b *bench) serveOther(name string, d load.Dialect, flags ...string) load.Server {
	dialect, _, _ := strings.Cut(string(d), "-") // all of WebSocket's have one listener
	s := b.serve(name, append([]string{"--listener", dialect + "=" + b.other}, flags...)...)
	s.Addr, s.Dialect = b.other, d
	return s
}

// serveChat returns a holdfast server whose carrier serves the chat dialect.
func (b *bench) serveChat(carrier string) load.Server {
	s := b.serve(chatPrefix+carrier, "--plumbing", carrier, "--plumbing-chat")
	s.Dialect = load.DialectChat
	return s
}

// pick returns the named servers that can run, in that order.
func (p pool) pick(names []string) []load.Server {
	var servers []load.Server
	for _, name := range names {
		if s, ok := p[name]; ok {
			servers = append(servers, s)
		}
	}
	return servers
}

// serve returns a holdfast server with a new data folder for each run. It is killed after
// the run: a drain would only take time.
func (b *bench) serve(name string, flags ...string) load.Server {
	cmd := []string{
		b.Program, "serve", "--listen", b.addr, "--admin", b.admin, "--event-loops", "1",
		"--throwaway", "--log-level", "error", "--seed-file", b.seedFile(),
	}
	return load.Server{
		Name: name, Cmd: append(cmd, flags...), Addr: b.addr, Env: []string{"TMPDIR=" + b.dataFolder()},
		Mallocs: mallocsAt(b.admin), Disposable: true, Ready: b.ready,
	}
}

// ready succeeds when the server accepts connections. Then it removes the data folders of
// earlier, killed servers: all but the newest.
func (b *bench) ready(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	return removeAllButNewest(b.dataFolder())
}

// removeAllButNewest removes all folders in dir except the newest.
func removeAllButNewest(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	newest, when := "", time.Time{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		older := entry.Name()
		if info.ModTime().After(when) {
			newest, older, when = older, newest, info.ModTime()
		}
		if older != "" {
			err = os.RemoveAll(filepath.Join(dir, older))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
