//go:build gate && linux

package deploy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const image, release = "holdfast:latest", "v0.0.0-gate"

// TestGateContainers builds the image as "make image" does, and tries it: server and clients in
// containers, the compose file, and that of a cluster.
func TestGateContainers(t *testing.T) {
	e := newEngine(t)
	step := stopwatch(t)
	cmd := exec.CommandContext(t.Context(), "make", "image", "VERSION="+release, "IMAGE_FOLDER="+filepath.Join(e.folder, "image"))
	cmd.Dir, cmd.Env = "..", e.environ
	if out, errs, code := e.result(cmd); code != 0 {
		t.Fatalf("make image: exit code %d\n%s%s", code, out, errs)
	}
	if got := e.podman("inspect", image, "--format", "{{.User}} {{.HealthCheck.Test}}"); got != "65532:65532 [CMD /holdfast health --ready]" {
		t.Errorf("user and health check of the image: %q", got)
	}
	step("make image")
	t.Run("restart", func(t *testing.T) { restart(t, e.with(t)) })
	step("server and clients, with restarts")
	t.Run("compose", func(t *testing.T) { composeUp(t, e.with(t)) })
	step("compose")
	t.Run("cluster", func(t *testing.T) { clusterUp(t, e.with(t)) })
	step("cluster")
}

// stopwatch logs how long each step took.
func stopwatch(t *testing.T) (step func(name string)) {
	last := time.Now()
	return func(name string) {
		t.Logf("%5.1f s  %s", time.Since(last).Seconds(), name)
		last = time.Now()
	}
}

// restart stops and kills the server while clients trade. The clients go on, and every order that
// was acknowledged is in the volume, once.
func restart(t *testing.T, e *engine) {
	e.podman("network", "create", "trade")
	serve := []string{"run", "--detach", "--name", "server", "--network", "trade", "--volume", "orders:/data", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", image}
	e.podman(serve...)
	e.ready("server")
	if got := e.podman("exec", "server", "/holdfast", "version"); !strings.HasPrefix(got, "holdfast "+release+",") {
		t.Errorf("the image has the version %q", got)
	}
	scenario := []string{"run", "--rm", "--network", "trade", "--read-only", image, "scenario", "--addr", "server:8888", "--timeout", "1m"}
	if out := e.podman(scenario...); !strings.Contains(out, "10 clients, ") {
		t.Errorf("the scenario says\n%s", out)
	}
	traders := []*trader{e.trade(t, 100051), e.trade(t, 100052)}
	answered(t, traders, 20)
	e.podman("stop", "--time", "30", "server")
	e.exited(t, "server", 0)
	e.podman("start", "server")
	e.ready("server")
	answered(t, traders, 20)
	e.podman("kill", "--signal", "KILL", "server")
	e.exited(t, "server", 137)
	e.podman("start", "server")
	e.ready("server")
	answered(t, traders, 20)
	for _, tr := range traders {
		// The client ends with 1 if an order had no answer, as its help says.
		if code := tr.stop(); code != min(1, tr.unknown) || tr.reconnects < 2 {
			t.Errorf("client %d: exit code %d, %d reconnects", tr.customer, code, tr.reconnects)
		}
	}
	if out := e.podman(scenario...); !strings.Contains(out, "10 clients, ") {
		t.Errorf("the scenario after the restarts says\n%s", out)
	}
	e.podman("stop", "--time", "30", "server")
	e.exited(t, "server", 0)
	e.sameOrders(t, traders)
	e.podman("rm", "server")
}

// ready waits until the health check of the image succeeds. Podman runs it by itself only under
// systemd.
func (e *engine) ready(container string) {
	e.t.Helper()
	e.until("podman", "healthcheck", "run", container)
}

// exited waits for the end of a container and checks its exit code.
func (e *engine) exited(t *testing.T, container string, code int) {
	t.Helper()
	if got := e.podman("wait", container); got != fmt.Sprint(code) {
		t.Errorf("%s ended with %s, want %d\n%s", container, got, code, e.podman("logs", container))
	}
}

// sameOrders compares what the clients were answered with what is in the volume.
func (e *engine) sameOrders(t *testing.T, traders []*trader) {
	t.Helper()
	program, data := filepath.Join(e.folder, "image", "holdfast"), e.podman("volume", "inspect", "orders", "--format", "{{.Mountpoint}}")
	if out := e.run(program, "journal", "verify", "--data", data); !strings.Contains(out, ": sound") {
		t.Errorf("journal verify says\n%s", out)
	}
	stored := make(map[uint32]map[string]int)
	for line := range strings.Lines(e.run(program, "journal", "dump", "--json", "--data", data)) {
		var r struct {
			Kind          string `json:"kind"`
			Customer      uint32 `json:"customer"`
			ClientOrderID string `json:"client_order_id"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if r.Kind != "fill" {
			continue
		}
		if stored[r.Customer] == nil {
			stored[r.Customer] = make(map[string]int)
		}
		stored[r.Customer][r.ClientOrderID]++
	}
	for _, tr := range traders {
		for id := range tr.answered {
			if stored[tr.customer][id] != 1 {
				t.Errorf("customer %d: the acknowledged order %s is %d times in the volume", tr.customer, id, stored[tr.customer][id])
			}
		}
		if others := len(stored[tr.customer]) - len(tr.answered); others > tr.unknown {
			t.Errorf("customer %d: %d orders in the volume were not acknowledged, and %d had no answer", tr.customer, others, tr.unknown)
		}
		t.Logf("customer %d: %d orders acknowledged and in the volume, %d without an answer, %d reconnects", tr.customer, len(tr.answered), tr.unknown, tr.reconnects)
	}
}

// trader is a client in a container. It sends an order after the answer to the one before, or
// after the reconnect if that one had no answer.
type trader struct {
	customer   uint32
	in         io.WriteCloser
	done       sync.WaitGroup
	progress   chan struct{} // a value for each answer
	quit       chan struct{}
	code       int
	answered   map[string]int // by client order id
	unknown    int            // orders without an answer, since the connection was lost
	reconnects int
}

// trade starts a client.
func (e *engine) trade(t *testing.T, customer uint32) *trader {
	t.Helper()
	cmd := e.command(t.Context(), "podman", "run", "--rm", "--interactive", "--network", "trade", "--read-only", image,
		"client", "--json", "--reconnect", "--addr", "server:8888", "--customer", fmt.Sprint(customer))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &trader{customer: customer, in: in, progress: make(chan struct{}, 1), quit: make(chan struct{}), answered: make(map[string]int)}
	tr.done.Go(func() {
		tr.read(t, out)
		_ = cmd.Wait() // the code says it
		tr.code = cmd.ProcessState.ExitCode()
	})
	return tr
}

// read reads the events of the client, and sends orders until stop.
func (tr *trader) read(t *testing.T, out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Event, Command, Message string
			Line                    int // of an error: that of the order which was refused
			Body                    struct {
				Executions []struct {
					ClientOrderID string `json:"clientOrderId"`
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("%v: %s", err, lines.Bytes())
			continue
		}
		switch {
		case e.Event == "connected":
			tr.next()
		case e.Event == "reconnected":
			tr.reconnects++
			tr.next()
		case e.Event == "error" && e.Line > 0 && strings.Contains(e.Message, "the order may have been accepted"):
			tr.unknown++ // the next order waits for the next session
		case e.Event == "error" && e.Line > 0 || e.Event == "break":
			t.Errorf("client %d: %s", tr.customer, lines.Bytes())
		case e.Event == "reply" && e.Command == "PlaceOrder":
			for _, x := range e.Body.Executions {
				tr.answered[x.ClientOrderID]++
			}
			select {
			case tr.progress <- struct{}{}:
			default:
			}
			tr.next()
		}
	}
}

// pace is how often a client trades: often enough that a stop comes between an order and its
// answer, and not so often that the containers have no processor to start.
const pace = 10 * time.Millisecond

// next sends an order, or ends the client.
func (tr *trader) next() {
	time.Sleep(pace)
	line := "buy 600100 1\n"
	select {
	case <-tr.quit:
		line = "quit\n"
	default:
	}
	_, _ = io.WriteString(tr.in, line) // a client that ended has an exit code
}

// stop ends the client after the answer to its last order and returns the exit code.
func (tr *trader) stop() (code int) {
	close(tr.quit)
	tr.done.Wait()
	return tr.code
}

// answered waits until each client has count more answers.
func answered(t *testing.T, traders []*trader, count int) {
	t.Helper()
	late := time.After(patience)
	for _, tr := range traders {
		for range count {
			select {
			case <-tr.progress:
			case <-late:
				t.Fatalf("client %d had no answer within %v", tr.customer, patience)
			}
		}
	}
}
