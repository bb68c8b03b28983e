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
			c, err := config.Load(config.Sources{Flags: parsed(t, "--listener", tc.text)})
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
		{"slip in the dialect", `"tvl=:1"`, `wants the dialect packet or tlv, got "tvl" (did you mean "tlv"?)`},
		{"unknown dialect", `"websocket=:1"`, `wants the dialect packet or tlv, got "websocket"`},
		{"no port", `"tlv=localhost"`, `wants an address such as 127.0.0.1:8888, got "localhost"`},
		{"no address", `"tlv=,greet"`, `wants an address such as 127.0.0.1:8888, got ""`},
		{"two in one string", `"tlv=:1 tlv=:2"`, `wants an address such as 127.0.0.1:8888, got ":1 tlv=:2"`},
		{"blank in the host", `"tlv=a b:1"`, `wants an address such as 127.0.0.1:8888, got "a b:1"`},
		{"slip in an option", `"tlv=:1,gret"`, `wants the options byte_order=little, byte_order=big or greet, got "gret" (did you mean "greet"?)`},
		{"unknown option", `"tlv=:1,compress"`, `wants the options byte_order=little, byte_order=big or greet, got "compress"`},
		{"unknown byte order", `"tlv=:1,byte_order=middle"`, `wants the options byte_order=little, byte_order=big or greet, got "byte_order=middle"`},
		{"option with a value", `"tlv=:1,greet=yes"`, `wants the options byte_order=little, byte_order=big or greet, got "greet=yes"`},
		{"comma at the end", `"tlv=:1,"`, `wants the options byte_order=little, byte_order=big or greet, got ""`},
		{"option twice", `"tlv=:1,byte_order=little,byte_order=big"`, `has the option byte_order twice`},
		{"option of another dialect", `"packet=:1,greet"`, `has the option "greet", but the dialect packet has no options`},
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
		{"in a variable", "{}", "HOLDFAST_LISTENERS=tlv=:1 udp=:2", nil, `HOLDFAST_LISTENERS: listeners[1] wants the dialect packet or tlv, got "udp"`},
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
