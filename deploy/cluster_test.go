package deploy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// nodes are those of cluster/compose.yaml.
var nodes = []string{"n1", "n2", "n3"}

// TestClusterSettings: the image and the compose file make three nodes of one cluster, each with a volume
// and secrets of its own, and Prometheus knows them.
func TestClusterSettings(t *testing.T) {
	t.Parallel()
	needs(t, "docker-compose", "docker-compose")
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	image := submatches(`(?m)(HOLDFAST_\w+=\S+)`, string(dockerfile))
	out, err := compose(t, "cluster/compose.yaml", nil)
	if err != nil || len(image) < 4 {
		t.Fatalf("%v: %q %s", err, image, out)
	}
	peers := make([][]config.Peer, len(nodes))
	for i, node := range nodes {
		service := regexp.MustCompile(`(?ms)^  ` + node + `:\n(.*?)^  ?\w`).FindString(out)
		environ := slices.Clone(image)
		for _, pair := range submatches(`(?m)^      (HOLDFAST_\w+: .*)$`, service) {
			environ = append(environ, strings.Replace(pair, ": ", "=", 1))
		}
		c, err := config.Load(config.Sources{Environ: environ})
		if err != nil {
			t.Fatalf("%s: %v", node, err)
		}
		if err := c.CheckExposed(); err != nil {
			t.Errorf("%s: %v", node, err)
		}
		for _, key := range c.Exposed() {
			if key == "cluster.listen" {
				t.Errorf("%s does not encrypt what it sends to the other nodes", node)
			}
		}
		_, port, _ := strings.Cut(c.Cluster.Listen, ":")
		if peer := (config.Peer{Node: node, Address: node + ":" + port}); c.Cluster.Node != node || !slices.Contains(c.Cluster.Peers, peer) {
			t.Errorf("%s has the name %s, listens on %s and has the peers %v", node, c.Cluster.Node, c.Cluster.Listen, c.Cluster.Peers)
		}
		peers[i] = c.Cluster.Peers
		for _, file := range []string{c.Cluster.SecretFile, c.Cluster.TLSCert, c.Cluster.TLSKey, c.Cluster.TLSCA} {
			if filepath.Dir(file) != "/cluster" {
				t.Errorf("%s: %q is not in the folder that secrets.sh makes", node, file)
			}
		}
		if !strings.Contains(service, "- "+node+":/data:rw") || !strings.Contains(service, "/cluster/secrets/"+node+":/cluster:ro") {
			t.Errorf("%s has not its own volume and secrets:\n%s", node, service)
		}
	}
	if len(peers[0]) != len(nodes) || !slices.Equal(peers[0], peers[1]) || !slices.Equal(peers[0], peers[2]) {
		t.Errorf("the nodes differ in their peers: %v", peers)
	}
	if !strings.Contains(out, "- n1:8888,n2:8888,n3:8888\n") {
		t.Errorf("the clients do not have the addresses of all nodes:\n%s", out)
	}
}

// TestClusterPrometheus: the file of Prometheus is valid, and has all nodes.
func TestClusterPrometheus(t *testing.T) {
	t.Parallel()
	needs(t, "promtool", "prometheus")
	const file = "prometheus/cluster.yml"
	if out, err := exec.CommandContext(t.Context(), "promtool", "check", "config", file).CombinedOutput(); err != nil {
		t.Errorf("promtool check config: %v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if targets := submatches(`"(\w+):8889"`, string(text)); err != nil || !slices.Equal(targets, nodes) {
		t.Errorf("%v: Prometheus scrapes %q, want %q", err, targets, nodes)
	}
}

// secrets runs cluster/secrets.sh, which has to succeed, and returns what it says.
func secrets(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", append([]string{"cluster/secrets.sh"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("secrets.sh %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestClusterSecrets: secrets.sh makes certificates with which nodes accept each other, and no others;
// it keeps what is there, and renews what was removed.
func TestClusterSecrets(t *testing.T) {
	t.Parallel()
	needs(t, "openssl", "openssl")
	folder := filepath.Join(t.TempDir(), "secrets")
	secrets(t, folder)
	var password []byte
	for _, node := range nodes {
		certificate := checkNode(t, filepath.Join(folder, node), node)
		if certificate.VerifyHostname("n4") == nil {
			t.Errorf("the certificate of %s is good for n4", node)
		}
		text, err := os.ReadFile(filepath.Join(folder, node, "password"))
		if err != nil || len(text) < 64 || password != nil && !bytes.Equal(text, password) {
			t.Errorf("%v: %s has another password than the node before, or a short one: %q", err, node, text)
		}
		password = text
	}
	if stat, err := os.Stat(folder); err != nil || stat.Mode().Perm() != 0o700 {
		t.Errorf("%v: others can read the folder: %v", err, stat.Mode())
	}
	for _, emptied := range []func(string) error{os.RemoveAll, func(path string) error { return os.Mkdir(path, 0o755) }} {
		if err := emptied(filepath.Join(folder, "n2")); err != nil {
			t.Fatal(err)
		}
	}
	if said := secrets(t, folder, "n1", "n2", "192.0.2.7"); strings.Contains(said, "n1") || !strings.Contains(said, "n2") {
		t.Errorf("n2 is missing, and secrets.sh says\n%s", said)
	}
	checkNode(t, filepath.Join(folder, "n2"), "n2")
	checkNode(t, filepath.Join(folder, "192.0.2.7"), "192.0.2.7")
}

// checkNode checks the certificate in the folder of a node, as a server's and as a client's.
func checkNode(t *testing.T, folder, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "node.crt"), filepath.Join(folder, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(authority) {
		t.Fatalf("%v: no authority: %s", err, authority)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return pair.Leaf
}
