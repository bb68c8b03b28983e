package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

func TestListenerText(t *testing.T) {
	cases := []struct {
		name, text string
		want       config.Listener
		printed    string // "" when it is text
	}{
		{"packet", "packet=127.0.0.1:1", config.Listener{Dialect: "packet", Address: "127.0.0.1:1"}, ""},
		{"tlv", "tlv=127.0.0.1:1", config.Listener{Dialect: "tlv", Address: "127.0.0.1:1"}, ""},
		{"chat", "chat=127.0.0.1:8892", config.Listener{Dialect: "chat", Address: "127.0.0.1:8892"}, ""},
		{"chat on a socket file", "chat=unix:/run/chat.sock", config.Listener{Dialect: "chat", Address: "unix:/run/chat.sock"}, ""},
		{"websocket", "websocket=127.0.0.1:1", config.Listener{Dialect: "websocket", Address: "127.0.0.1:1"}, ""},
		{"origins", "websocket=:1,origin=https://a.example,origin=http://b.example:8080", config.Listener{Dialect: "websocket", Address: ":1", Origins: "https://a.example http://b.example:8080"}, ""},
		{"all origins", "websocket=:1,origin=*", config.Listener{Dialect: "websocket", Address: ":1", Origins: "*"}, ""},
		{"TLS", "packet=:1,tls", config.Listener{Dialect: "packet", Address: ":1", TLS: true}, ""},
		{"TLS and another", "websocket=:1,origin=*,tls", config.Listener{Dialect: "websocket", Address: ":1", Origins: "*", TLS: true}, "websocket=:1,tls,origin=*"},
		{"no host", "tlv=:0", config.Listener{Dialect: "tlv", Address: ":0"}, ""},
		{"IPv6", "tlv=[::1]:1", config.Listener{Dialect: "tlv", Address: "[::1]:1"}, ""},
		{"big-endian", "tlv=:1,byte_order=big", config.Listener{Dialect: "tlv", Address: ":1", BigEndian: true}, ""},
		{"greets", "tlv=:1,greet", config.Listener{Dialect: "tlv", Address: ":1", Greet: true}, ""},
		{"both options", "tlv=:1,byte_order=big,greet", config.Listener{Dialect: "tlv", Address: ":1", BigEndian: true, Greet: true}, ""},
		{"other order", "tlv=:1,greet,byte_order=big", config.Listener{Dialect: "tlv", Address: ":1", BigEndian: true, Greet: true}, "tlv=:1,byte_order=big,greet"},
		{"default said", "tlv=:1,byte_order=little", config.Listener{Dialect: "tlv", Address: ":1"}, "tlv=:1"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{Flags: parsed(t, withCertificate(tc.text)...)})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(c.Listeners, []config.Listener{tc.want}) {
				t.Fatalf("got %+v, want %+v", c.Listeners, tc.want)
			}
			if tc.printed == "" {
				tc.printed = tc.text
			}
			if got := c.Listeners[0].String(); got != tc.printed {
				t.Errorf("prints as %s, want %s", got, tc.printed)
			}
		})
	}
}

// withCertificate returns the flags for a listener.
func withCertificate(listener string) []string {
	if strings.Contains(listener, ",tls") {
		return []string{"--listener", listener, "--tls-cert=a", "--tls-key=b"}
	}
	return []string{"--listener", listener}
}

// TestTLSSettings: the files and the option tls of listeners need each other.
func TestTLSSettings(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string // of the error
	}{
		{"listen", []string{"--listen=127.0.0.1:1,tls", "--tls-cert=a", "--tls-key=b", "--tls-client-ca=c"}, ""},
		{"console", []string{"--listen=127.0.0.1:1,tls", "--console=127.0.0.1:2,tls", "--tls-cert=a", "--tls-key=b"}, ""},
		{"option of the console", []string{"--console=127.0.0.1:1,greet"}, `--console: console takes one option, tls, got "greet"`},
		{"slip in the option", []string{"--listen=127.0.0.1:1,tsl"}, `--listen: listen takes one option, tls, got "tsl" (did you mean "tls"?)`},
		{"option twice", []string{"--listen=127.0.0.1:1,tls,tls"}, `--listen: listen takes one option, tls, got "tls"`},
		{"no certificate", []string{"--listen=127.0.0.1:1,tls"}, "--listen: listen 127.0.0.1:1,tls (--listen) needs a certificate: set tls_cert"},
		{"no certificate for another listener", []string{"--listener=chat=:1,tls"}, "--listener: listeners chat=:1,tls (--listener) needs a certificate: set tls_cert"},
		{"no key", []string{"--listen=127.0.0.1:1,tls", "--tls-cert=a"}, "--tls-cert: tls_cert a (--tls-cert) needs its private key: set tls_key"},
		{"only a key", []string{"--tls-key=b"}, "--tls-key: tls_key b (--tls-key) needs its certificate: set tls_cert"},
		{"only authorities", []string{"--tls-client-ca=c"}, "--tls-client-ca: tls_client_ca c (--tls-client-ca) needs a certificate of the server: set tls_cert"},
		{"unused", []string{"--tls-cert=a", "--tls-key=b"}, "--tls-cert: tls_cert a (--tls-cert) is used by no listener"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{Flags: parsed(t, tc.args...)})
			if tc.want == "" {
				if err != nil || !c.ListenTLS || c.Listen != "127.0.0.1:1" {
					t.Errorf("%v, %+v", err, c)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestListenersPrecedence(t *testing.T) {
	file := "{\"listeners\":\n[\"tlv=:1\",\n\"tlv=:2\"]}"
	cases := []struct {
		name    string
		file    string
		environ string
		args    []string
		want    string
		origins string // of the list and its entries
	}{
		{"default", "{}", "", nil, "", "default"},
		{"file", file, "", nil, "tlv=:1 tlv=:2", "serve.json:1 serve.json:2 serve.json:3"},
		{"empty list", `{"listeners": []}`, "", nil, "", "serve.json:1"},
		{"variable over file", file, "HOLDFAST_LISTENERS=tlv=:3 packet=:4", nil, "tlv=:3 packet=:4", "HOLDFAST_LISTENERS HOLDFAST_LISTENERS HOLDFAST_LISTENERS"},
		{"more blanks", file, "HOLDFAST_LISTENERS=  tlv=:3\t\npacket=:4 ", nil, "tlv=:3 packet=:4", "HOLDFAST_LISTENERS HOLDFAST_LISTENERS HOLDFAST_LISTENERS"},
		{"empty variable over file", file, "HOLDFAST_LISTENERS=", nil, "", "HOLDFAST_LISTENERS"},
		{"flag over variable", file, "HOLDFAST_LISTENERS=tlv=:3 packet=:4", []string{"--listener=tlv=:5"}, "tlv=:5", "--listener --listener"},
		{"flag twice", file, "", []string{"--listener=tlv=:5", "--listener", "tlv=:6,greet"}, "tlv=:5 tlv=:6,greet", "--listener --listener --listener"},
		{"empty flag over file", file, "", []string{"--listener="}, "", "--listener"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			from := config.Sources{File: write(t, tc.file), Flags: parsed(t, tc.args...)}
			if tc.environ != "" {
				from.Environ = []string{tc.environ}
			}
			c, err := config.Load(from)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			origins := []string{c.Origin("listeners")}
			for i, l := range c.Listeners {
				texts = append(texts, l.String())
				origins = append(origins, c.Origin(fmt.Sprintf("listeners[%d]", i)))
			}
			if got := strings.Join(texts, " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := strings.Join(origins, " "); got != tc.origins {
				t.Errorf("from %q, want %q", got, tc.origins)
			}
		})
	}
}

func TestListenersLimit(t *testing.T) {
	entries := strings.Repeat("tlv=:0 ", 16)
	if _, err := config.Load(config.Sources{Environ: []string{"HOLDFAST_LISTENERS=" + entries}}); err != nil {
		t.Error(err)
	}
	_, err := config.Load(config.Sources{Environ: []string{"HOLDFAST_LISTENERS=" + entries + "tlv=:0"}})
	wantMistake(t, err, `HOLDFAST_LISTENERS: listeners[16] is one too many: at most 16 are accepted`)
}

// TestBadListener has each entry on the third line of a file, after a good one.
func TestBadListener(t *testing.T) {
	cases := []struct{ name, entry, want string }{
		{"no dialect", `":8890"`, `wants dialect=host:port such as tlv=127.0.0.1:8890, or dialect=unix:PATH, got ":8890"`},
		{"empty", `""`, `wants dialect=host:port such as tlv=127.0.0.1:8890, or dialect=unix:PATH, got ""`},
		{"slip in the dialect", `"tvl=:1"`, `wants the dialect packet, tlv, chat, websocket or fix, got "tvl" (did you mean "tlv"?)`},
		{"unknown dialect", `"quic=:1"`, `wants the dialect packet, tlv, chat, websocket or fix, got "quic"`},
		{"slip in a longer dialect", `"websockt=:1"`, `wants the dialect packet, tlv, chat, websocket or fix, got "websockt" (did you mean "websocket"?)`},
		{"no port", `"tlv=localhost"`, `wants an address such as 127.0.0.1:8888, got "localhost"`},
		{"no address", `"tlv=,greet"`, `wants an address such as 127.0.0.1:8888, got ""`},
		{"two in one string", `"tlv=:1 tlv=:2"`, `wants an address such as 127.0.0.1:8888, got ":1 tlv=:2"`},
		{"blank in the host", `"tlv=a b:1"`, `wants an address such as 127.0.0.1:8888, got "a b:1"`},
		{"slip in an option", `"tlv=:1,gret"`, `wants the option tls, byte_order=little, byte_order=big or greet, got "gret" (did you mean "greet"?)`},
		{"unknown option", `"tlv=:1,compress"`, `wants the option tls, byte_order=little, byte_order=big or greet, got "compress"`},
		{"unknown byte order", `"tlv=:1,byte_order=middle"`, `wants the option tls, byte_order=little, byte_order=big or greet, got "byte_order=middle"`},
		{"option with a value", `"tlv=:1,greet=yes"`, `wants the option tls, byte_order=little, byte_order=big or greet, got "greet=yes"`},
		{"comma at the end", `"tlv=:1,"`, `wants the option tls, byte_order=little, byte_order=big or greet, got ""`},
		{"option twice", `"tlv=:1,byte_order=little,byte_order=big"`, `has the option byte_order twice`},
		{"option of another dialect", `"packet=:1,greet"`, `wants the option tls, got "greet"`},
		{"option of a chat listener", `"chat=:1,byte_order=big"`, `wants the option tls, got "byte_order=big"`},
		{"origin without a value", `"websocket=:1,origin"`, `wants an origin such as origin=https://app.example.com, or origin=* for all, got ""`},
		{"origin with a path", `"websocket=:1,origin=https://a.example/x"`, `wants an origin such as origin=https://app.example.com, or origin=* for all, got "https://a.example/x"`},
		{"origin without a scheme", `"websocket=:1,origin=a.example"`, `wants an origin such as origin=https://app.example.com, or origin=* for all, got "a.example"`},
		{"unknown option of websocket", `"websocket=:1,orign=*"`, `wants the option tls or origin=, got "orign=*" (did you mean "origin="?)`},
		{"no address for chat", `"chat="`, `wants an address such as 127.0.0.1:8888, got ""`},
		{"number", `8890`, `wants a string, got the number 8890`},
		{"null", `null`, `wants a string, got null`},
		{"list in the list", `["tlv=:1"]`, `wants a string, got a list`},
		{"object in the list", `{"tlv": ":1"}`, `wants a string, got an object`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{File: write(t, "{\"listeners\": [\n\"tlv=:0\",\n"+tc.entry+"\n]}")})
			wantMistake(t, err, "serve.json:3: listeners[1] "+tc.want)
		})
	}
}

// TestChatNeedsNoLogin: a chat listener can't require a login, since its dialect has none. The
// error is at the setting that is not a default.
func TestChatNeedsNoLogin(t *testing.T) {
	const rule = " has no login, so that it can't be combined with "
	cases := []struct {
		name string
		file string
		args []string
		want string // "" is right
	}{
		{"flags", "{}", []string{"--listener=tlv=:0", "--listener=chat=:1", "--require-login=true"},
			"--listener: listeners chat=:1 (--listener)" + rule + "require_login true (--require-login)"},
		{"file and flag", "{\n\"require_login\": true}", []string{"--listener=chat=:1"},
			"--listener: listeners chat=:1 (--listener)" + rule + "require_login true (serve.json:2)"},
		{"file", "{\"require_login\": true,\n\"listeners\": [\"tlv=:0\",\n\"chat=:1\"]}", nil,
			"serve.json:3: listeners[1] chat=:1 (serve.json:3)" + rule + "require_login true (serve.json:1)"},
		{"no login required", "{}", []string{"--listener=chat=:1", "--require-login=false"}, ""},
		{"no chat", "{}", []string{"--listener=tlv=:1", "--listener=packet=:2", "--require-login=true"}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Load(config.Sources{File: write(t, tc.file), Flags: parsed(t, tc.args...)})
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantMistake(t, err, tc.want)
		})
	}
}

func TestBadListeners(t *testing.T) {
	cases := []struct {
		name, file, environ string
		args                []string
		want                string
	}{
		{"string for the list", `{"listeners": "tlv=:1"}`, "", nil, `serve.json:1: listeners wants a list, got the string "tlv=:1"`},
		{"object for the list", `{"listeners": {}}`, "", nil, `serve.json:1: listeners wants a list, got an object`},
		{"list twice", "{\"listeners\": [],\n\"listeners\": []}", "", nil, `serve.json:2: key "listeners" appears twice`},
		{"slip in the key", "{\n\"listener\": []}", "", nil, `serve.json:2: unknown key "listener" (did you mean "listeners"?)`},
		{"in a variable", "{}", "HOLDFAST_LISTENERS=tlv=:1 udp=:2", nil, `HOLDFAST_LISTENERS: listeners[1] wants the dialect packet, tlv, chat, websocket or fix, got "udp"`},
		{"in a flag", "{}", "", []string{"--listener=tlv=:1", "--listener=tlv"}, `--listener: wants dialect=host:port such as tlv=127.0.0.1:8890, or dialect=unix:PATH, got "tlv"`},
		{"slip in the variable", "{}", "HOLDFAST_LISTENER=tlv=:1", nil, `HOLDFAST_LISTENER: unknown variable (did you mean "HOLDFAST_LISTENERS"?)`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			from := config.Sources{File: write(t, tc.file), Environ: []string{tc.environ}, Flags: parsed(t, tc.args...)}
			_, err := config.Load(from)
			wantMistake(t, err, tc.want)
		})
	}
}
