//go:build gate && linux

package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// services are those of compose.yaml that a machine without a registry can have.
var services = []string{"server", "clients", "prometheus", "node-exporter"}

// composeUp starts compose.yaml: the clients trade, also after a restart of the server, and
// Prometheus has figures of the server and the host.
func composeUp(t *testing.T, e *engine) {
	step := stopwatch(t)
	e.scratchImage("prometheus", "/usr/bin/prometheus")
	e.scratchImage("node-exporter", "/usr/bin/prometheus-node-exporter")
	e.environ = append(e.environ, "PROMETHEUS_IMAGE=prometheus:latest", "NODE_EXPORTER_IMAGE=node-exporter:latest")
	step("images of Prometheus and node exporter")
	file := filepath.Join(e.files(), "compose.yaml")
	defer e.serve(t)()
	docker := func(args ...string) {
		e.compose(append([]string{"docker-compose", "-f", file, "--project-name", "one"}, args...)...)
	}
	docker(append([]string{"up", "--detach"}, services...)...)
	e.working(t)
	step("docker-compose up")
	docker("restart", "--timeout", "30", "server")
	e.working(t)
	step("docker-compose restart server")
}

// files returns a copy of this folder, for mounts and files that are made in it.
func (e *engine) files() (folder string) {
	e.t.Helper()
	folder, err := os.MkdirTemp(e.folder, "deploy")
	if err == nil {
		err = os.CopyFS(folder, os.DirFS("."))
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return folder
}

// serve makes podman answer docker-compose until stop.
func (e *engine) serve(t *testing.T) (stop func()) {
	t.Helper()
	service := e.command(t.Context(), "podman", "system", "service", "--time", "0", "unix://"+e.socket())
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	e.until("test", "-S", e.socket())
	return func() {
		_ = service.Process.Kill()
		_ = service.Wait()
		_ = os.Remove(e.socket())
	}
}

// compose runs a compose command, which has to succeed.
func (e *engine) compose(args ...string) {
	e.t.Helper()
	if stdout, stderr, code := e.try(args...); code != 0 {
		e.t.Fatalf("%q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
}

// working waits until the ten clients have traded a round, and Prometheus reaches all it scrapes.
func (e *engine) working(t *testing.T) {
	t.Helper()
	e.rounds(t)
	e.until("sh", "-c", `promtool query instant http://127.0.0.1:9090 'count(up == 1) == count(up)' | grep -q '=> [2-9]'`)
	out := e.until("promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", `{__name__=~"holdfast_client_connected|node_memory_MemTotal_bytes"}`)
	var series []any
	if err := json.Unmarshal([]byte(out), &series); err != nil || len(series) < 2 {
		t.Errorf("%v: Prometheus has no figures of server and host: %s", err, out)
	}
}

// rounds waits until the clients have finished another round.
func (e *engine) rounds(t *testing.T) {
	t.Helper()
	count := func() int {
		name := strings.TrimSpace(e.until("sh", "-c", "podman ps --all --format '{{.Names}}' | grep clients"))
		out, _, _ := e.try("podman", "logs", name)
		return strings.Count(out, ": all as expected")
	}
	before := count()
	for deadline := time.Now().Add(patience); count() <= before; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the clients have finished %d rounds, and no other within %v", before, patience)
		}
	}
}

// scratchImage builds an image of a program of this machine and the libraries that it needs, unless it is
// there.
func (e *engine) scratchImage(name, program string) {
	e.t.Helper()
	if _, _, code := e.try("podman", "image", "exists", name); code == 0 {
		return
	}
	folder := filepath.Join(e.folder, name)
	files := regexp.MustCompile(`/\S+\.so\S*`).FindAllString(e.run("ldd", program), -1)
	for _, file := range append(files, program) {
		e.run("install", "-D", file, filepath.Join(folder, file))
	}
	dockerfile := "FROM scratch\nCOPY . /\nENTRYPOINT [\"" + program + "\"]\n"
	if err := os.WriteFile(filepath.Join(e.folder, name+".Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.podman("build", "--tag", name, "--file", filepath.Join(e.folder, name+".Dockerfile"), folder)
}
