package config_test

import (
	"fmt"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestOnePortForTwo: pairs of addresses on which a server can't listen at once.
func TestOnePortForTwo(t *testing.T) {
	cases := []struct {
		name, first, second string
		clash               bool
	}{
		{"same", "127.0.0.1:1", "127.0.0.1:1", true},
		{"same name", "localhost:1", "localhost:1", true},
		{"port written otherwise", "127.0.0.1:1", "127.0.0.1:01", true},
		{"host written otherwise", "[::1]:1", "[0:0::1]:1", true},
		{"IPv4 as IPv6", "[::ffff:127.0.0.1]:1", "127.0.0.1:1", true},
		{"one of all hosts", ":1", "127.0.0.1:1", true},
		{"all hosts after one", "localhost:1", ":1", true},
		{"all of IPv4", "0.0.0.0:1", "127.0.0.1:1", true},
		{"all of IPv6 and IPv4", "[::]:1", "127.0.0.1:1", true},
		{"all of IPv6", "[::]:1", "[::1]:1", true},
		{"all and a name", "[::]:1", "localhost:1", true},
		{"all of IPv4 and one of IPv6", "0.0.0.0:1", "[::1]:1", false},
		{"other host", "127.0.0.1:1", "127.0.0.2:1", false},
		{"other name", "localhost:1", "127.0.0.1:1", false},
		{"other port", ":1", ":2", false},
		{"free ports", "127.0.0.1:0", "127.0.0.1:0", false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			file := fmt.Sprintf("{\"listeners\": [\n\"packet=%s\",\n\"tlv=%s,greet\"]}", tc.first, tc.second)
			_, err := config.Load(config.Sources{File: write(t, file)})
			if !tc.clash {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantMistake(t, err, fmt.Sprintf("serve.json:3: listeners[1] tlv=%s,greet (serve.json:3) must have another port than listeners[0] packet=%s (serve.json:2)", tc.second, tc.first))
		})
	}
}

// TestSocketFiles: socket files are addresses for clients, each path once, and not for the
// admin port.
func TestSocketFiles(t *testing.T) {
	c, err := config.Load(config.Sources{
		File:  write(t, `{"listeners": ["tlv=unix:/run/b.sock,greet", "packet=unix:c"]}`),
		Flags: parsed(t, "--listen=unix:/run/a.sock"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "unix:/run/a.sock" || c.Listeners[0].String() != "tlv=unix:/run/b.sock,greet" || c.Listeners[1].Address != "unix:c" {
		t.Errorf("got %q, %v", c.Listen, c.Listeners)
	}
	for _, tc := range []struct{ arg, want string }{
		{"--listen=unix:", `--listen: listen wants a socket file such as unix:/run/holdfast.sock, without blanks and commas, got "unix:"`},
		{"--listen=unix:/a b", `--listen: listen wants a socket file such as unix:/run/holdfast.sock, without blanks and commas, got "unix:/a b"`},
		{"--listen=unix:/run/./b.sock", "serve.json:1: listeners[0] tlv=unix:/run/b.sock (serve.json:1) must have another path than listen unix:/run/./b.sock (--listen)"},
		{"--admin=unix:/run/a.sock", `--admin: admin wants an address such as 127.0.0.1:8889, not the socket file "unix:/run/a.sock"`},
	} {
		_, err := config.Load(config.Sources{File: write(t, `{"listeners": ["tlv=unix:/run/b.sock"]}`), Flags: parsed(t, tc.arg)})
		wantMistake(t, err, tc.want)
	}
}

func TestListenerOnAnotherSettingsPort(t *testing.T) {
	cases := []struct {
		name, listener, want string
		args                 []string
	}{
		{"listen", "tlv=127.0.0.1:8888", "serve.json:2: listeners[0] tlv=127.0.0.1:8888 (serve.json:2) must have another port than listen 127.0.0.1:8888 (default)", nil},
		{"admin", "tlv=127.0.0.1:9", "serve.json:2: listeners[0] tlv=127.0.0.1:9 (serve.json:2) must have another port than admin 127.0.0.1:9 (--admin)", []string{"--admin=127.0.0.1:9"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			file := fmt.Sprintf("{\"listeners\": [\n%q]}", tc.listener)
			_, err := config.Load(config.Sources{File: write(t, file), Flags: parsed(t, tc.args...)})
			wantMistake(t, err, tc.want)
		})
	}
}
