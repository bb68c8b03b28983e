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
