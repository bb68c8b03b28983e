package client

import (
	"crypto/sha256"
	"strconv"
)

// DemoPassword is the password of every account of the shipped seed file.
const DemoPassword = "holdfast-demo"

// Credential shows that somebody is who they say. The zero value shows nothing.
type Credential struct {
	password string
	token    []byte
}

// Password is the credential of people; the server checks it slowly on purpose.
func Password(text string) Credential { return Credential{password: text} }

// Token is the credential of programs.
func Token(token []byte) Credential { return Credential{token: token} }

// DemoToken is the token of a customer of the shipped seed file.
func DemoToken(c Customer) Credential {
	sum := sha256.Sum256([]byte("holdfast demo token " + strconv.FormatUint(uint64(c), 10)))
	return Token(sum[:])
}
