package main

import (
	"errors"
	"testing"

	"github.com/spf13/pflag"
)

func TestDoors(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string // "": refused
	}{
		{"default", nil, "127.0.0.1:8888"},
		{"packet", []string{"--door", "packet", "--addr", "a:1"}, "a:1"},
		{"websocket", []string{"--door", "websocket"}, "ws://127.0.0.1:8891/ws"},
		{"websocket elsewhere", []string{"--door", "websocket", "--addr", "a:1"}, "ws://a:1/ws"},
		{"websocket at the other default", []string{"--door", "websocket", "--addr", "127.0.0.1:8888"}, "ws://127.0.0.1:8888/ws"},
		{"another path", []string{"--door", "websocket", "--addr", "ws://a:1/x"}, "ws://a:1/x"},
		{"URL alone", []string{"--addr", "ws://a:1/ws"}, "ws://a:1/ws"},
		{"socket file", []string{"--addr", "unix:/s"}, "unix:/s"},
		{"several", []string{"--addr", "a:1,ws://b:1/ws"}, "a:1,ws://b:1/ws"},
		{"several websockets", []string{"--door", "websocket", "--addr", "a:1,ws://b:1/x"}, "ws://a:1/ws,ws://b:1/x"},
		{"websocket on one socket file", []string{"--door", "websocket", "--addr", "a:1,unix:/s"}, ""},
		{"websocket on a socket file", []string{"--door", "websocket", "--addr", "unix:/s"}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var s server
			f := pflag.NewFlagSet("", pflag.ContinueOnError)
			s.add(f)
			if err := f.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			got, err := s.address()
			var usage *usageError
			if got != tc.want || (tc.want == "") != errors.As(err, &usage) {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
