package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/engine"
)

// fewDescriptors makes the test binary serve with this open-file limit.
const fewDescriptors = "HOLDFAST_TEST_DESCRIPTORS"

// ownFiles is how many other files that server has open from the start.
const ownFiles = 20

// serveWithFew is a server in a separate process, from 256 on with socket files: it says its
// addresses and for how many it has room, opens and closes files as long as it serves, and ends with its
// input.
func serveWithFew(limit string) error {
	n, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
		return err
	}
	for range ownFiles { // those of the journal and the database, kept open
		if _, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
			return err
		}
	}
	router := engine.NewRouter(echo)
	core, err := engine.NewCore(engine.Config{Router: router, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	config := engine.ReactorConfig{Listeners: at("127.0.0.1:0"), Loops: 2, Tick: tick}
	if n >= 256 {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		config.Loops = 4
		for i := range 3 {
			config.Listeners = append(config.Listeners, at(fmt.Sprintf("unix:%s/%d", dir, i))...)
		}
	}
	reactor, err := core.NewReactor(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	if n >= 128 { // more of those, opened when the room for clients is counted already
		for range n / 10 {
			if _, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
				return err
			}
		}
	}
	fmt.Println(strings.Join(reactor.Addrs(), ","), core.Limits().MaxConnections)
	go func() { // as the journal, the database and the admin port may
		for ctx.Err() == nil {
			var files []*os.File
			for range 16 {
				f, err := os.Open(os.DevNull)
				if err != nil {
					fmt.Println("no descriptor left:", err)
					os.Exit(3)
				}
				files = append(files, f)
			}
			for _, f := range files {
				f.Close()
			}
		}
	}()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return <-ended
}

// Six hundred clients connect at once, and 4 to 200 of them are accepted: in each round every
// client gets its reply or a Notice, and the server goes on.
func TestDescriptorsNeverRunOut(t *testing.T) {
	for _, limit := range []string{"64", "100", "128", "256"} {
		t.Run(limit, func(t *testing.T) {
			server := exec.Command(os.Args[0])
			server.Env = append(os.Environ(), fewDescriptors+"="+limit)
			in, err := server.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := server.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewReader(out)
			var addrs string
			var clients, files int
			if _, err := fmt.Fscanln(said, &addrs, &clients); err != nil {
				t.Fatal(err, server.Wait())
			}
			if _, err := fmt.Sscan(limit, &files); err != nil || clients+ownFiles >= files-24 {
				t.Errorf("room for %d beside %d files of %d", clients, ownFiles, files)
			}
			for range 5 {
				served, refused := round(t, strings.Split(addrs, ","), 600)
				if served == 0 || refused == 0 || served+refused != 600 { // those of the last round may still have their places
					t.Errorf("%d served and %d refused of 600", served, refused)
				}
			}
			in.Close()
			rest, _ := io.ReadAll(said)
			if err := server.Wait(); err != nil || len(rest) > 0 {
				t.Errorf("the server ended with %v, saying %q", err, rest)
			}
		})
	}
}

// round connects many clients at once, and counts the served and the refused ones.
func round(t *testing.T, addrs []string, n int) (served, refused int) {
	t.Helper()
	peers := make([]*peer, n)
	for i := range peers {
		peers[i] = dial(t, addrs[i%len(addrs)])
	}
	for _, p := range peers {
		_, _ = p.Write(codec.AppendMessage(nil, codec.Message{Command: onLane, ID: 1}))
		m, err := p.Next()
		switch {
		case err != nil:
			t.Errorf("neither reply nor Notice: %v", err)
		case m.Command == codec.PushNotice:
			refused++
		default:
			served++
		}
	}
	for _, p := range peers {
		p.Close()
	}
	return served, refused
}

func TestTooFewDescriptorsToServe(t *testing.T) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), fewDescriptors+"=48")
	var said bytes.Buffer
	server.Stderr = &said
	if err := server.Run(); err == nil || !strings.Contains(said.String(), "ulimit -n") {
		t.Errorf("ended with %v, saying %q", err, said.String())
	}
}
