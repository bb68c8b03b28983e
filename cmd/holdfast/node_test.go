package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"holdfast/biz/seed"
)

// needs skips the test where a program is missing; in .ci/run that is a failure.
func needs(t *testing.T, program, packages string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		unavailable(t, fmt.Sprintf("%s: apt-get install %s", program, packages))
	}
}

func unavailable(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("HOLDFAST_CI") != "" {
		t.Fatal("needs", what)
	}
	t.Skip("skip: needs", what)
}

// installNode copies the folder of a Node program and installs the packages of its lock file
// there.
func installNode(t *testing.T, from string) (dir string) {
	t.Helper()
	needs(t, "node", "nodejs")
	needs(t, "npm", "npm")
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		unavailable(t, fmt.Sprintf("the npm packages of %s: npm ci: %v\n%s", from, err, out))
	}
	return dir
}

// TestNodeClient: the package ws of Node does all that it can with the server; the steps are
// in testdata/node/client.js.
func TestNodeClient(t *testing.T) {
	t.Parallel()
	dir := installNode(t, "testdata/node")
	s := serveDoors(t, "--heartbeat", "1s", "--pong-time", "1m")
	out := newOutput()
	node := exec.CommandContext(t.Context(), "node", "client.js",
		"ws://"+s.listener(t, "websocket")+"/ws", fmt.Sprint(trader), fmt.Sprintf("%x", seed.DemoToken(trader)))
	node.Dir, node.Stdout, node.Stderr = dir, out, out
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Wait() }()
	for waiting := false; ; {
		select {
		case <-out.changed:
			if !waiting && strings.Contains(out.String(), "waiting\n") {
				waiting = true
				if code := s.stop(); code != 0 {
					t.Errorf("the server stopped with %d: %s", code, s.errs)
				}
			}
		case err := <-ended:
			if err != nil || !strings.HasSuffix(out.String(), " steps\n") {
				t.Errorf("%v\n%s", err, out)
			}
			return
		}
	}
}
