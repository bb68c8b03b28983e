package config_test

import (
	"slices"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestCluster: the settings of a node come from a file or from flags.
func TestCluster(t *testing.T) {
	want := config.Cluster{
		Node: "n2", Listen: "0.0.0.0:6222", SecretFile: "secret",
		Peers: []config.Peer{{Node: "n1", Address: "a:6222"}, {Node: "n2", Address: "b:6222"}, {Node: "n3", Address: "c:6222"}},
	}
	file, err := config.Load(config.Sources{File: write(t, `{"cluster": {"node": "n2", "listen": "0.0.0.0:6222", "secret_file": "secret", "peers": ["n1=a:6222", "n2=b:6222", "n3=c:6222"]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	flags, err := config.Load(config.Sources{Flags: parsed(t, "--cluster-node", "n2", "--cluster-listen", "0.0.0.0:6222", "--cluster-secret-file", "secret",
		"--cluster-peer", "n1=a:6222", "--cluster-peer", "n2=b:6222", "--cluster-peer", "n3=c:6222")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*config.Config{file, flags} {
		if k := c.Cluster; k.Node != want.Node || k.Listen != want.Listen || k.SecretFile != want.SecretFile || !slices.Equal(k.Peers, want.Peers) {
			t.Errorf("%+v", k)
		}
	}
}

// TestBadCluster: settings of a cluster that are wrong, or that contradict each other.
func TestBadCluster(t *testing.T) {
	const peers = `"peers": ["n1=a:1", "n2=b:1", "n3=c:1"]`
	const node = `"node": "n1", "listen": "a:1", ` + peers
	cases := []struct{ name, file, want string }{
		{"no name", `{"cluster": {"node": "n.1"}}`, `serve.json:1: cluster.node wants a name of at most 32 letters, digits, - and _, got "n.1"`},
		{"no address", `{"cluster": {"listen": "a"}}`, `serve.json:1: cluster.listen wants an address such as 127.0.0.1:8888, got "a"`},
		{"peer without a name", `{"cluster": {"peers": ["a:1"]}}`, `serve.json:1: cluster.peers[0] wants name=host:port such as n1=10.0.0.1:6222, got "a:1"`},
		{"peer without a port", `{"cluster": {"peers": ["n1=a"]}}`, `serve.json:1: cluster.peers[0] wants an address such as 127.0.0.1:8888, got "a"`},
		{"peer twice", `{"cluster": {"peers": ["n1=a:1", "n1=b:1"]}}`, `serve.json:1: cluster.peers[1] has the name or the address of another one, n1=a:1, got "n1=b:1"`},
		{"address twice", `{"cluster": {"peers": ["n1=a:1", "n2=a:1"]}}`, `serve.json:1: cluster.peers[1] has the name or the address of another one, n1=a:1, got "n2=a:1"`},
		{"peers without a name", `{"cluster": {` + peers + `}}`, `serve.json:1: cluster.peers n1=a:1 n2=b:1 n3=c:1 (serve.json:1) needs the name of this node: set cluster.node`},
		{"name without an address", `{"cluster": {"node": "n1", ` + peers + `}}`, `serve.json:1: cluster.node n1 (serve.json:1) needs an address for the other nodes: set cluster.listen`},
		{"two nodes", `{"cluster": {"node": "n1", "listen": "a:1", "peers": ["n1=a:1", "n2=b:1"]}}`, `serve.json:1: cluster.node n1 (serve.json:1) needs at least 3 nodes in cluster.peers, and has 2`},
		{"another node", `{"cluster": {"node": "n4", "listen": "a:1", ` + peers + `}}`, `serve.json:1: cluster.node n4 (serve.json:1) is not among the peers: n1=a:1 n2=b:1 n3=c:1`},
		{"half a certificate", `{"cluster": {` + node + `, "tls_cert": "c.pem"}}`, `serve.json:1: cluster.tls_cert, cluster.tls_key and cluster.tls_ca belong together: set all or none of them`},
		{"journal elsewhere", "{\"journal_url\": \"nats://a:1\", \"journal_monitor_urls\": \"http://a:2\",\n\"cluster\": {" + node + `}}`, `serve.json:1: journal_url nats://a:1 (serve.json:1) can't be combined with cluster.node n1 (serve.json:2)`},
		{"console", "{\"console\": \"127.0.0.1:8880\",\n\"cluster\": {" + node + `}}`, `serve.json:1: console 127.0.0.1:8880 (serve.json:1) can't be combined with cluster.node n1 (serve.json:2)`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{File: write(t, tc.file)})
			wantMistake(t, err, tc.want)
		})
	}
}
