package client

import (
	"crypto/sha256"
	"strconv"
)

// DemoPassword is the password of every account of the shipped seed file.
const DemoPassword = "holdfast-demo"

// Credential proves who a customer is. The zero value is for a connection whose TLS certificate
// (Options.TLS) proves that; on others the server refuses it.
type Credential struct {
	password string
	token    []byte
}

// Password returns the credential of a person. The server verifies it slowly on purpose.
func Password(text string) Credential { return Credential{password: text} }

// Token returns the credential of a program.
func Token(token []byte) Credential { return Credential{token: token} }

// DemoToken returns the token of a customer of the shipped seed file.
func DemoToken(c Customer) Credential {
	sum := sha256.Sum256([]byte("holdfast demo token " + strconv.FormatUint(uint64(c), 10)))
	return Token(sum[:])
}
