package seed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/seed"
)

func TestVerifyToken(t *testing.T) {
	token := seed.DemoToken(100001)
	if want := sha256.Sum256([]byte("holdfast demo token 100001")); !bytes.Equal(token, want[:]) {
		t.Errorf("demo token %x", token)
	}
	c := seed.Customer{TokenSHA256: sha256.Sum256(token)}
	for name, wrong := range map[string][]byte{
		"of another": seed.DemoToken(100002), "empty": nil, "short": token[1:], "long": append(bytes.Clone(token), 0),
		"its hash": c.TokenSHA256[:],
	} {
		if c.VerifyToken(wrong) {
			t.Errorf("token %s is accepted", name)
		}
	}
	if !c.VerifyToken(token) {
		t.Error("the right token is refused")
	}
	none := seed.Customer{}
	if none.VerifyToken(nil) || none.VerifyToken(make([]byte, 32)) {
		t.Error("a customer without a token logs in with one")
	}
}

func TestReadTokens(t *testing.T) {
	have, err := seed.ReadTokens(strings.NewReader("# tokens\n\n7,00ff\n 8,01 \r\n"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, have, []seed.Token{{Customer: 7, Token: []byte{0, 255}}, {Customer: 8, Token: []byte{1}}})
	marked, err := seed.ReadTokens(strings.NewReader("\xef\xbb\xbf7,00ff\n"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, marked, []seed.Token{{Customer: 7, Token: []byte{0, 255}}})
	if _, err := seed.ReadTokens(strings.NewReader("\xff\xfe7\x00")); !errors.Is(err, seed.ErrBadTokens) || err.Error() != "seed: bad token file: it is UTF-16; save it as UTF-8" {
		t.Error(err)
	}
	for _, bad := range []string{"7", "7,", "7,0", "7,xx", ",00", "0,00", "-1,00", "4294967296,00", "a,00", strings.Repeat("0", 70_000)} {
		tokens, err := seed.ReadTokens(strings.NewReader("1,00\n" + bad))
		if !errors.Is(err, seed.ErrBadTokens) || tokens != nil {
			t.Errorf("%.20q: %v, %v", bad, tokens, err)
		}
		if len(bad) < 100 && (!strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "xx")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReadTokens(f *testing.F) {
	f.Add("7,00ff\n# x\n\n8,01\n")
	f.Fuzz(func(t *testing.T, s string) {
		tokens, err := seed.ReadTokens(strings.NewReader(s))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, k := range tokens {
			fmt.Fprintf(&again, "%d,%s\n", k.Customer, hex.EncodeToString(k.Token))
		}
		twice, err := seed.ReadTokens(strings.NewReader(again.String()))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, twice, tokens)
	})
}
