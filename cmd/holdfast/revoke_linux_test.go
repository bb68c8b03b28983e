package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/seed"
)

// revocable is a seed file whose customer 7 has a token and a password.
func revocable(token, password string, more string) string {
	sum := sha256.Sum256([]byte(token))
	return fmt.Sprintf(`{"format": 1,
  "instruments": [%s{"market": "ALFA", "code": "1", "last": "10.00"}],
  "customers": [{"customer": 7, "cash": "1000.00", "token_sha256": "%x", "password": %q},
    {"customer": 8, "cash": "1000.00", "token_sha256": "%x"}]}`, more, sum, seed.HashPassword(password, [seed.SaltSize]byte{1}), sha256.Sum256([]byte("eight")))
}

// TestRevokeWhileRunning: after SIGHUP with another token in the seed file, the sessions with
// the old one end and it is refused; others live on, and the new one works. A change of the password
// does the same. A refused file changes nothing. After a kill everything is there.
func TestRevokeWhileRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "seed.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(revocable("leaked", "secret", ""))
	errs := newOutput()
	args := []string{"--data", filepath.Join(dir, "data"), "--seed-file", file}
	c, addr, _ := serveChild(t, errs, args...)
	leaked, stays, eight := logsIn(t, addr, 7, client.Token([]byte("leaked"))), logsIn(t, addr, 7, client.Password("secret")), logsIn(t, addr, 8, client.Token([]byte("eight")))
	terminal, shown, failed := terminalOf(t, addr, 7, "--token", hex.EncodeToString([]byte("leaked")))
	shown.await(t, "account 7")

	write(revocable("fresh", "secret", `{"market": "NEW", "code": "2", "last": "1.00"}, `))
	c.signal(t, syscall.SIGHUP)
	errs.await(t, "the seed file was reloaded.*new_instruments=1 new_customers=0 changed_credentials=1 ended_sessions=2\n(.*\n)*.*the settings were reloaded")
	wantRevoked(t, leaked)
	terminal.wants(t, 1)
	if !strings.Contains(failed.String(), "(REVOKED): log in with the customer's new password or token") {
		t.Errorf("the terminal client says %s", failed)
	}
	if err := loginError(t, addr, 7, client.Token([]byte("leaked"))); !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("the old token: %v", err)
	}
	fresh := logsIn(t, addr, 7, client.Token([]byte("fresh")))
	for _, c := range []*client.Client{stays, eight, fresh} {
		buys(t, c, client.Key{Market: "NEW", Code: "2"})
	}

	write(strings.Replace(revocable("other", "secret", ""), "1000.00", "1.00", 1))
	c.signal(t, syscall.SIGHUP)
	errs.await(t, "the settings were not reloaded.*instrument NEW/2 is missing from the seed file")
	buys(t, fresh, client.Key{Market: "NEW", Code: "2"})

	terminal, shown, failed = terminalOf(t, addr, 7, "--password", "secret")
	shown.await(t, "account 7")
	write(revocable("fresh", "changed", `{"market": "NEW", "code": "2", "last": "1.00"}, `))
	c.signal(t, syscall.SIGHUP)
	wantRevoked(t, stays)
	terminal.wants(t, 1)
	if !strings.Contains(failed.String(), "(REVOKED)") {
		t.Errorf("the terminal client says %s", failed)
	}
	buys(t, fresh, client.Key{Market: "NEW", Code: "2"})

	c.signal(t, syscall.SIGKILL)
	<-c.ended
	c, addr, _ = serveChild(t, errs, args...)
	again, err := logsIn(t, addr, 7, client.Password("changed")).Positions(t.Context())
	if err != nil || len(again.Positions) != 1 || again.Positions[0].Quantity != 4 {
		t.Errorf("after the kill %+v, %v", again, err)
	}
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// terminalOf starts a terminal client that reconnects.
func terminalOf(t *testing.T, addr string, customer client.Customer, credential ...string) (c *child, stdout, stderr *output) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close() })
	stdout, stderr = newOutput(), newOutput()
	args := append([]string{"client", "--addr", addr, "--customer", fmt.Sprint(customer), "--reconnect"}, credential...)
	return startChild(t, r, stdout, stderr, os.Args[0], args...), stdout, stderr
}

func logsIn(t *testing.T, addr string, customer client.Customer, credential client.Credential) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Login(t.Context(), customer, credential); err != nil {
		t.Fatal(err)
	}
	return c
}

func loginError(t *testing.T, addr string, customer client.Customer, credential client.Credential) error {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Login(t.Context(), customer, credential)
	return err
}

func wantRevoked(t *testing.T, c *client.Client) {
	t.Helper()
	<-c.Done()
	var closed *client.NoticeError
	if !errors.As(c.Err(), &closed) || closed.Notice.Code != client.NoticeRevoked {
		t.Errorf("ended with %v", c.Err())
	}
}

func buys(t *testing.T, c *client.Client, key client.Key) {
	t.Helper()
	if _, err := c.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: key, Quantity: 1}); err != nil {
		t.Error(err)
	}
}
