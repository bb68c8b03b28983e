package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Sessions of a socket file are served by all loops, alone and beside TCP, and without an
// address they do not count for the limit of one. The file goes with the server.
func TestSocketFile(t *testing.T) {
	for name, others := range map[string][]engine.Listener{
		"alone": nil, "beside TCP": {{Address: "127.0.0.1:0"}}, "two": {{Address: "unix:" + filepath.Join(t.TempDir(), "b")}},
	} {
		t.Run(name, func(t *testing.T) {
			const loops = 3
			path := filepath.Join(t.TempDir(), "a")
			core := newCore(t, engine.Config{Limits: engine.Limits{ConnectionsPerAddress: 1, LimitLoopback: true}})
			r := serve(t, core, engine.ReactorConfig{
				Listeners: append([]engine.Listener{{Address: "unix:" + path, Dialect: codec.TLV{}}}, others...), Loops: loops,
			})
			if r.Addr != "unix:"+path {
				t.Errorf("says %q", r.Addr)
			}
			for range 4 * loops {
				p := dial(t, r.Addr)
				p.Dialect = codec.TLV{}
				p.Echoes(onLane)
				p.Echoes(onLoop)
				p.Echoes(offLane)
			}
			for i := range r.Len() {
				s, ok := r.Find(engine.SessionID(i + 1))
				if !ok || s.RemoteAddr().String() != r.Addr {
					t.Errorf("session %d: %v, %v", i, s, ok)
				}
			}
			for _, addr := range r.Addrs[1:] {
				dial(t, addr).Echoes(onLane)
			}
			large := strings.Repeat("x", 60<<10)
			p := dial(t, r.Addr)
			p.Dialect = codec.TLV{}
			for i := range uint64(50) {
				p.Send(onLane, i, large)
				p.Expect(onLane.Reply(), i, "\x00"+large)
			}
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
			p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("left in the folder: %v", left)
			}
		})
	}
}

// The limit of all connections holds for a socket file, too.
func TestSocketFileAtTheLimit(t *testing.T) {
	var log bytes.Buffer
	core := newCore(t, engine.Config{Limits: engine.Limits{MaxConnections: 1}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	path := filepath.Join(t.TempDir(), "a")
	r := serve(t, core, engine.ReactorConfig{Listeners: at("unix:" + path), Loops: 2})
	dial(t, r.Addr).Echoes(onLane)
	dial(t, r.Addr).ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "remote=unix:"+path) {
		t.Errorf("the peer is missing from the log: %s", &log)
	}
}

// A socket file whose server has ended is replaced; nothing else is.
func TestSocketFileThatIsThere(t *testing.T) {
	for name, tc := range map[string]struct {
		path  string
		make  func(t *testing.T, path string)
		wrong error  // nil: any, if text is set
		text  string // "": it is replaced
	}{
		"stale": {make: func(t *testing.T, path string) {
			l := listenUnix(t, path)
			l.SetUnlinkOnClose(false)
			l.Close()
		}},
		"in use":           {make: func(t *testing.T, path string) { listenUnix(t, path) }, wrong: syscall.EADDRINUSE, text: "in use"},
		"in use, datagram": {make: listenDatagrams, wrong: syscall.EADDRINUSE, text: "in use"},
		"file":             {make: write, text: "not a socket"},
		"folder":           {make: func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, text: "not a socket"},
		"link": {make: func(t *testing.T, path string) {
			listenUnix(t, path+"2")
			must(t, os.Symlink(path+"2", path))
		}, text: "not a socket"},
		"no folder": {path: "/does/not/exist", wrong: fs.ErrNotExist, text: "no such file"},
		"too long":  {path: "/" + strings.Repeat("x", 107), text: "108 bytes, the system allows 107"},
		"no path":   {path: "", text: "empty"},
		"abstract":  {path: "@x", text: "abstract"},
	} {
		t.Run(name, func(t *testing.T) {
			path := tc.path
			if tc.make != nil {
				path = filepath.Join(t.TempDir(), "s")
				tc.make(t, path)
			}
			before, _ := os.Lstat(path)
			core := newCore(t, engine.Config{})
			defer core.Close(context.Background())
			_, err := core.NewReactor(engine.ReactorConfig{Listeners: at("unix:" + path), Loops: 1})
			var listen *engine.ListenError
			switch {
			case tc.text == "" && err != nil:
				t.Error(err)
			case tc.text != "" && (!errors.As(err, &listen) || !strings.Contains(err.Error(), tc.text)),
				tc.wrong != nil && !errors.Is(err, tc.wrong):
				t.Errorf("got %v, want %q", err, tc.text)
			}
			if after, _ := os.Lstat(path); before != nil && tc.text != "" && !os.SameFile(before, after) {
				t.Error("the file was replaced")
			}
		})
	}
}

// A path of the greatest length works. A file that takes the place of the socket while the
// server runs stays.
func TestSocketFileOfTheLongestPath(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/" + strings.Repeat("x", 106-len(dir))
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listeners: at("unix:" + path), Loops: 2})
	dial(t, r.Addr).Echoes(onLane)
	must(t, os.Remove(path))
	write(t, path)
	must(t, r.Stop())
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// A server that starts again takes over the socket file at once, and one that is killed
// leaves a file that does not prevent the next start.
func TestSocketFileAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for range 3 {
		r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listeners: at("unix:" + path), Loops: 2})
		dial(t, r.Addr).Echoes(onLane)
		second := newCore(t, engine.Config{})
		if _, err := second.NewReactor(engine.ReactorConfig{Listeners: at("unix:" + path)}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a second server: %v", err)
		}
		must(t, second.Close(context.Background()))
		must(t, r.Stop())
	}
}

// A stop while clients connect to a socket file keeps none of their connections.
func TestSocketFileThatClientsConnectToAtTheStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(files)
	}
	before := open()
	for range 20 {
		r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Listeners: at("unix:" + path), Loops: 2})
		var clients sync.WaitGroup
		connected := make(chan struct{}, 1000)
		for range 4 {
			clients.Go(func() {
				for {
					conn, err := net.Dial("unix", path)
					if err != nil {
						return
					}
					conn.Close()
					select {
					case connected <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 20 {
			<-connected
		}
		must(t, r.Stop())
		clients.Wait()
	}
	eventually(t, "the end of all connections", func() bool { return open() <= before })
}

// Link-local addresses need an interface.
func TestLinkLocalAddress(t *testing.T) {
	core := newCore(t, engine.Config{})
	defer core.Close(context.Background())
	_, err := core.NewReactor(engine.ReactorConfig{Listeners: at("[fe80::1]:0")})
	if err == nil || !strings.Contains(err.Error(), "[fe80::1%eth0]") {
		t.Errorf("without: %v", err)
	}
	interfaces, err := net.Interfaces()
	must(t, err)
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() == nil && ip.IP.IsLinkLocalUnicast() {
				config := engine.ReactorConfig{Listeners: at("[" + ip.IP.String() + "%" + i.Name + "]:0"), Loops: 2}
				dial(t, serve(t, newCore(t, engine.Config{}), config).Addr).Echoes(onLane)
				return
			}
		}
	}
	t.Skip("skip: needs a network interface with a link-local address")
}

func listenUnix(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func listenDatagrams(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { l.Close() })
}

func write(t *testing.T, path string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte("mine"), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
