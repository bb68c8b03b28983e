package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// Credentials are never logged, at any level: passwords and tokens, right or wrong, in
// good, refused and broken requests.
func TestSecretsAreNotLogged(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "debug")
	place(t, s.addr, &client.Order{ClientOrderID: "order-in-the-log", Side: client.Buy, Quantity: 10})
	const wrong = "wrong-password-4711"
	wrongToken := bytes.Repeat([]byte("wrong-token-4711"), 2)
	for _, tc := range []struct {
		credential client.Credential
		want       error
	}{
		{client.Password(client.DemoPassword), nil},
		{client.Password(wrong), client.ErrUnauthenticated},
		{client.Token(wrongToken), client.ErrUnauthenticated},
	} {
		c, err := client.Dial(t.Context(), s.addr, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Login(t.Context(), 100_002, tc.credential); !errors.Is(err, tc.want) {
			t.Fatalf("got %v, want %v", err, tc.want)
		}
		c.Close()
	}
	sendBroken(t, s.addr, wrong)
	metrics := get(t, "http://"+s.admin+"/metrics")
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.errs)
	}
	logged := s.errs.String()
	if !strings.Contains(logged, "level=DEBUG") || !strings.Contains(logged, "reason=malformed") {
		t.Fatalf("the log lacks what it should have:\n%s", logged)
	}
	demo := sha256.Sum256([]byte("holdfast demo token 100001"))
	for name, secret := range map[string][]byte{
		"right password": []byte(client.DemoPassword), "wrong password": []byte(wrong), "right token": demo[:], "wrong token": wrongToken,
	} {
		for where, text := range map[string]string{"log": logged, "output": s.out.String(), "metrics": metrics} {
			for _, form := range formsOf(secret) {
				if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
					t.Errorf("the %s is in the %s as %q", name, where, form)
				}
			}
		}
	}
	// What customers do is not logged, either: a session has a line, a request none.
	if strings.Contains(logged, "order-in-the-log") {
		t.Error("an order is in the log")
	}
}

// formsOf returns the forms in which bytes may be in a text.
func formsOf(secret []byte) []string {
	return []string{
		string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret)[:16],
		strings.Trim(fmt.Sprintf("%d", secret), "[]"), strings.Trim(fmt.Sprintf("%q", secret), `"`),
	}
}

// sendBroken sends a login with a cut body, then bytes that are not a frame, and waits
// for the end.
func sendBroken(t *testing.T, addr, password string) {
	t.Helper()
	body, err := (&pb.LoginRequest{Customer: 100_001, Credential: &pb.LoginRequest_Password{Password: password}}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	b := codec.AppendMessage(nil, codec.Message{Command: codec.CommandLogin, ID: 1, Body: body[:len(body)-1]})
	b = append(b, 0, 0, 0, 1)
	b = append(b, password...)
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
}

// TestJournalPasswordsAreNotPrinted: neither in the settings nor when the servers can't be reached.
func TestJournalPasswordsAreNotPrinted(t *testing.T) {
	const secret = "tiger4711"
	for _, user := range []string{"holdfast:" + secret, secret} { // a password, and a token
		args := []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "debug",
			"--journal-url", "nats://" + user + "@127.0.0.1:1", "--journal-monitor-urls", "http://" + user + "@127.0.0.1:1"}
		code, stdout, stderr := run(t, append(args, "--print-config")...)
		if code != 0 || strings.Contains(stdout+stderr, secret) || strings.Count(stdout, "xxxxx@127.0.0.1:1") < 2 {
			t.Errorf("code %d, %s%s", code, stdout, stderr)
		}
		code, stdout, stderr = run(t, args...)
		if code != 1 || strings.Contains(stdout+stderr, secret) || !strings.Contains(stderr, "xxxxx@127.0.0.1:1") {
			t.Errorf("code %d, %s%s", code, stdout, stderr)
		}
	}
}
