package terminal_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

// manySeed writes a seed file with n instruments, of which one customer has 100 shares each.
// Their order is not that of their codes.
func manySeed(t *testing.T, n int, token []byte) (file string) {
	t.Helper()
	type object = map[string]any
	var instruments, positions []object
	for i := range n {
		code := fmt.Sprintf("%05d", i*7%n)
		instruments = append(instruments, object{"market": "M", "code": code, "name": "Name " + code, "last": "1.00"})
		positions = append(positions, object{"market": "M", "code": code, "quantity": 100, "average_cost": "1.00"})
	}
	customer := object{"customer": 1, "cash": "1000.00", "positions": positions, "token_sha256": fmt.Sprintf("%x", sha256.Sum256(token))}
	text, err := json.Marshal(struct {
		Format      int      `json:"format"` // the first key
		Instruments []object `json:"instruments"`
		Customers   []object `json:"customers"`
	}{1, instruments, []object{customer}})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestClientWithManyInstruments: more instruments, and more positions, than a reply has.
func TestClientWithManyInstruments(t *testing.T) {
	t.Parallel()
	const n = 2500
	token := make([]byte, 32)
	addr := serveSeed(t, "127.0.0.1:0", t.TempDir(), manySeed(t, n, token)).addr
	var out strings.Builder
	o := options(addr, 1)
	o.Credential, o.Stdin, o.Stdout = client.Token(token), strings.NewReader("buy 02499 1\nquote\nwatch\nholding\n"), &out
	if err := terminal.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"  100  ":   4*n - 2,   // shares and sellable: at the login, and after the buy
		"Name 0":    2*n + 2*n, // two lists of positions, two of prices
		"M/02499  ": 4,
	} {
		if got := strings.Count(out.String(), text); got != want {
			t.Errorf("%q is shown %d times, want %d", text, got, want)
		}
	}
	if !strings.Contains(out.String(), "250,001.00") {
		t.Error("the total of all positions is missing")
	}
}

// TestClientAfterResetWithOtherInstruments: the server comes back with another seed file. The
// client finds the new instruments, and says that a watch has ended.
func TestClientAfterResetWithOtherInstruments(t *testing.T) {
	t.Parallel()
	token := make([]byte, 32)
	start := func(addr string, instruments int) *served {
		return serveSeed(t, addr, t.TempDir(), manySeed(t, instruments, token))
	}
	s := start("127.0.0.1:0", 2)
	o := options(s.addr, 1)
	o.Credential = client.Token(token)
	r := startWith(t, o, true)
	r.out.await(t, "realised profit")
	s.stop()
	s = start(s.addr, 5)
	r.out.await(t, "reconnected")
	io.WriteString(r.in, "watch 00004\nbuy 00003 1\n")
	r.out.await(t, "M/00003: 101 shares")
	s.stop()
	start(s.addr, 2)
	r.out.await(t, "error: watch: unknown instrument\n")
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}
