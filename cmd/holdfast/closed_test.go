package main_test

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
)

// Without settings, only its own machine can reach a server, profiles are only on the
// admin port, and a session without a login gets nothing.
func TestDefaultsAreClosed(t *testing.T) {
	c := config.Default()
	for key, listen := range map[string]string{"listen": c.Listen, "admin": c.Admin} {
		host, _, err := net.SplitHostPort(listen)
		if err != nil {
			t.Fatal(err)
		}
		if address, err := netip.ParseAddr(host); err != nil || !address.IsLoopback() {
			t.Errorf("%s is %s by default: not a loopback address", key, listen)
		}
	}
	if c.Console != "" {
		t.Errorf("console at %s by default", c.Console)
	}
	if c.SeedFile != "" {
		t.Errorf("accounts of %q by default", c.SeedFile)
	}

	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir())
	get(t, "http://"+s.admin+"/debug/pprof/cmdline")
	transport := &http.Transport{DisableKeepAlives: true}
	if response, err := (&http.Client{Transport: transport}).Get("http://" + s.addr + "/debug/pprof/cmdline"); err == nil {
		response.Body.Close()
		t.Errorf("the port of the clients answers HTTP: %s", response.Status)
	}
	peer, err := client.Dial(t.Context(), s.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if _, err := peer.Positions(t.Context()); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("positions before a login: %v", err)
	}
}
