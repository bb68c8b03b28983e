package seed

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"holdfast/biz/ledger"
	"holdfast/biz/textfile"
)

// DemoPassword is the password of every customer of the shipped seed. It is
// public: anyone can log in to a server with that seed.
const DemoPassword = "holdfast-demo"

// DemoToken returns the token of a customer of the shipped seed. These tokens are
// public, like DemoPassword: never run a server that others can reach with the
// shipped seed.
func DemoToken(c ledger.Customer) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "holdfast demo token %d", c))
	return sum[:]
}

// VerifyToken reports whether the customer has this token. The time it takes says
// nothing about the hash. No token has the all-zero hash of a customer without one.
func (c *Customer) VerifyToken(token []byte) bool {
	have := sha256.Sum256(token)
	return subtle.ConstantTimeCompare(have[:], c.TokenSHA256[:]) == 1
}

// Token is a customer's credential, as the clients need it.
type Token struct {
	Customer ledger.Customer
	Token    []byte
}

// ReadTokens reads the lines "customer,token in hexadecimal" that GenerateTokens
// writes; empty lines and those that start with # are skipped. A wrong line is
// ErrBadTokens with its number; the token itself is not shown.
func ReadTokens(r io.Reader) ([]Token, error) {
	var tokens []Token
	lines := bufio.NewScanner(textfile.NewReader(r))
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		t, ok := parseToken(text)
		if !ok {
			return nil, fmt.Errorf("%w: line %d: want customer,hexadecimal token", ErrBadTokens, n)
		}
		tokens = append(tokens, t)
	}
	switch err := lines.Err(); {
	case errors.Is(err, textfile.ErrEncoding):
		return nil, fmt.Errorf("%w: it %w", ErrBadTokens, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBadTokens, err)
	}
	return tokens, nil
}

func parseToken(line []byte) (Token, bool) {
	number, text, found := bytes.Cut(line, []byte{','})
	c, err := strconv.ParseUint(string(number), 10, 32)
	if !found || err != nil || c == 0 || len(text) == 0 {
		return Token{}, false
	}
	token, err := hex.DecodeString(string(text))
	return Token{Customer: ledger.Customer(c), Token: token}, err == nil
}
