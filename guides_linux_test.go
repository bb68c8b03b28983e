package holdfast_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// guides are the pages whose commands run one after the other in an empty folder.
var guides = []string{"quickstart", "clients", "operations", "tuning"}

// shellBlock is a block of commands of a page.
var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestGuides runs every command of the guides, as they are, each page in a separate network: the ports
// are those of the defaults.
func TestGuides(t *testing.T) {
	if err := exec.Command("unshare", "--net", "--map-root-user", "true").Run(); err != nil {
		t.Skip("skip: needs a network namespace: apt-get install util-linux, and user namespaces or root")
	}
	for _, program := range [][2]string{{"ip", "iproute2"}, {"openssl", "openssl"}, {"pgrep", "procps"}, {"taskset", "util-linux"}} {
		if _, err := exec.LookPath(program[0]); err != nil {
			t.Skipf("skip: needs %s: apt-get install %s", program[0], program[1])
		}
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/holdfast").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range guides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runGuide(t, name, bin)
		})
	}
}

func runGuide(t *testing.T, name, bin string) {
	page, err := os.ReadFile(filepath.Join("docs", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eu\nip link set lo up\n"
	blocks := shellBlock.FindAllStringSubmatch(string(page), -1)
	for _, b := range blocks {
		script += b[1]
	}
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// Processes that a failed page leaves end with their namespace.
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--map-root-user", "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "XDG_STATE_HOME="+cmd.Dir)
	for i, e := range cmd.Env { // settings of whoever runs the test
		if strings.HasPrefix(e, "HOLDFAST_") {
			cmd.Env[i] = "IGNORED="
		}
	}
	log := filepath.Join(t.TempDir(), "log") // a file: what a page leaves running can't hold it
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Run(); err != nil {
		out, _ := os.ReadFile(log)
		t.Errorf("%v; the output was:\n%s", err, out)
	}
}
