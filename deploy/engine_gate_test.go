//go:build gate && linux

package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is for everything that a container does; only a test that fails waits for it.
const patience = 90 * time.Second

// engine runs containers in a network namespace and a storage that are its own, so that it meets
// nobody else's ports, networks and images, and leaves none.
type engine struct {
	t         *testing.T
	folder    string
	namespace string
	environ   []string
}

// newEngine prepares an engine and removes it, with all that it started, at the end of the test.
func newEngine(t *testing.T) *engine {
	t.Helper()
	for _, pair := range []string{
		"podman:podman", "buildah:buildah", "runc:runc", "iptables:iptables", "make:make", "ip:iproute2", "nsenter:util-linux",
		"docker-compose:docker-compose", "ldd:libc-bin",
		"prometheus:prometheus", "promtool:prometheus", "prometheus-node-exporter:prometheus-node-exporter",
	} {
		program, packages, _ := strings.Cut(pair, ":")
		needs(t, program, packages)
	}
	for _, program := range []string{"netavark", "aardvark-dns"} {
		needs(t, filepath.Join("/usr/lib/podman", program), program)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make the network of the containers")
	}
	folder, err := os.MkdirTemp("", "holdfast-c") //nolint:usetesting // podman wants short paths
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, folder: folder, namespace: filepath.Base(folder)}
	t.Cleanup(e.remove)
	e.configure()
	e.run("ip", "netns", "add", e.namespace)
	e.run("ip", "-n", e.namespace, "link", "set", "lo", "up")
	return e
}

// with returns the same engine for a subtest.
func (e *engine) with(t *testing.T) *engine {
	sub := *e
	sub.t = t
	return &sub
}

// configure writes files that podman reads in place of those of the machine and its users. The
// limits are no higher than those of this process: not everyone may raise them.
func (e *engine) configure() {
	e.t.Helper()
	var files, tasks syscall.Rlimit
	const nproc = 6
	if err := errors.Join(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files), syscall.Getrlimit(nproc, &tasks)); err != nil {
		e.t.Fatal(err)
	}
	limit := func(most, wanted uint64) string { return fmt.Sprintf("%d:%[1]d", min(most, wanted)) }
	for name, text := range map[string]string{
		"containers.conf": fmt.Sprintf(`[containers]
default_ulimits = ["nofile=%s", "nproc=%s"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
tmp_dir = "%[3]s/run/libpod"
[network]
network_config_dir = "%[3]s/networks"
`, limit(files.Max, 20_000), limit(tasks.Max, 9000), e.folder),
		"storage.conf": fmt.Sprintf("[storage]\ndriver = \"vfs\"\nrunroot = \"%[1]s/run\"\ngraphroot = \"%[1]s/graph\"\n", e.folder),
	} {
		name = filepath.Join(e.folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			e.t.Fatal(err)
		}
	}
	e.environ = append(os.Environ(),
		"CONTAINERS_CONF="+filepath.Join(e.folder, "containers.conf"),
		"CONTAINERS_STORAGE_CONF="+filepath.Join(e.folder, "storage.conf"),
		"BUILDAH_LAYERS=false", // one layer: a copy of the program less for each line
		"DOCKER_HOST=unix://"+e.socket())
}

// socket is where podman answers docker-compose.
func (e *engine) socket() string { return filepath.Join(e.folder, "s") }

// command returns a command in the network namespace.
func (e *engine) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"--net=/run/netns/" + e.namespace}, args...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = e.environ
	return cmd
}

// try runs a command in the network namespace and returns its standard output and exit code.
func (e *engine) try(args ...string) (stdout, stderr string, code int) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also at the end of the test
	defer cancel()
	return e.result(e.command(ctx, args...))
}

func (e *engine) result(cmd *exec.Cmd) (stdout, stderr string, code int) {
	e.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // a container holds the pipe
		e.t.Fatalf("%q: %v", cmd.Args, err)
	}
	return out.String(), errs.String(), code
}

// run runs a command of this machine, which has to succeed.
func (e *engine) run(args ...string) (stdout string) {
	e.t.Helper()
	cmd := exec.CommandContext(e.t.Context(), args[0], args[1:]...)
	cmd.Env = e.environ
	stdout, stderr, code := e.result(cmd)
	if code != 0 {
		e.t.Fatalf("%q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// podman runs podman, which has to succeed.
func (e *engine) podman(args ...string) (stdout string) {
	e.t.Helper()
	stdout, stderr, code := e.try(append([]string{"podman"}, args...)...)
	if code != 0 {
		e.t.Fatalf("podman %q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return strings.TrimSpace(stdout)
}

// until waits until a container command succeeds.
func (e *engine) until(args ...string) (stdout string) {
	e.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		stdout, stderr, code := e.try(args...)
		if code == 0 {
			return stdout
		}
		if time.Now().After(deadline) {
			logs, _, _ := e.try("podman", "ps", "-a")
			e.t.Fatalf("%q: exit code %d\n%s%s%s", args, code, stdout, stderr, logs)
		}
	}
}

// remove ends and removes containers, networks, volumes, images, mounts and folders.
func (e *engine) remove() {
	e.try("podman", "rm", "--force", "--all", "--time", "1")
	e.try("podman", "network", "prune", "--force")
	e.try("podman", "volume", "prune", "--force")
	e.try("podman", "rmi", "--force", "--all")
	if out, err := exec.Command("ip", "netns", "pids", e.namespace).Output(); err == nil && len(bytes.TrimSpace(out)) > 0 {
		e.t.Errorf("processes are left: %s", bytes.Fields(out))
	}
	if out, err := exec.Command("ip", "netns", "del", e.namespace).CombinedOutput(); err != nil {
		e.t.Errorf("ip netns del: %v: %s", err, out)
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || bytes.Contains(mounts, []byte(e.folder+"/")) {
		e.t.Errorf("mounts are left (%v):\n%s", err, mounts)
		return // not RemoveAll, which would go into them
	}
	if err := os.RemoveAll(e.folder); err != nil {
		e.t.Error(err)
	}
}
