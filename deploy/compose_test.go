package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// compose returns what docker-compose makes of a file of this folder.
func compose(t *testing.T, file string, environ []string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker-compose", "-f", file, "config")
	cmd.Env = append(os.Environ(), environ...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// TestComposeFiles: each compose file is valid, has its services, publishes ports of the loopback
// address only unless an address is set, and asks for what it can't do without.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	needs(t, "docker-compose", "docker-compose")
	for _, tc := range []struct {
		file     string
		environ  []string
		services []string
	}{
		{"compose.yaml", nil, []string{"clients", "grafana", "node-exporter", "prometheus", "server"}},
		{"compose.server.yaml", []string{"HOLDFAST_ADDRESS=192.0.2.7"}, []string{"grafana", "node-exporter", "prometheus", "server"}},
		{"compose.clients.yaml", []string{"HOLDFAST_SERVER=192.0.2.7:8888"}, []string{"clients"}},
		{"cluster/compose.yaml", nil, []string{"clients", "n1", "n2", "n3", "prometheus"}},
	} {
		out, err := compose(t, tc.file, tc.environ)
		_, services, _ := strings.Cut(out, "services:\n")
		services, _, _ = strings.Cut(services, "\nv") // version and volumes
		if names := submatches(`(?m)^  ([a-z0-9-]+):$`, services); err != nil || !slices.Equal(names, tc.services) {
			t.Errorf("%s: %v: services %q in\n%s", tc.file, err, names, out)
		}
		for line := range strings.Lines(out) {
			port, found := strings.CutSuffix(strings.TrimSpace(line), "/tcp")
			if found && !strings.HasPrefix(port, "- 127.0.0.1:") && port != "- 192.0.2.7:8888:8888" {
				t.Errorf("%s publishes %s", tc.file, port)
			}
		}
		if strings.Contains(out, "network_mode") || strings.Contains(out, "rslave") || strings.Contains(out, "privileged: true") {
			t.Errorf("%s uses the host's network or mounts:\n%s", tc.file, out)
		}
		if tc.environ == nil {
			continue
		}
		name, _, _ := strings.Cut(tc.environ[0], "=")
		if out, err := compose(t, tc.file, []string{name + "="}); err == nil || !strings.Contains(out, name) {
			t.Errorf("%s without %s: %v: %s", tc.file, name, err, out)
		}
	}
}

// submatches returns the first group of every match.
func submatches(pattern, text string) (found []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}
