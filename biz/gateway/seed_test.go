package gateway_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// How many pushes an event has.
const (
	executionPushes = 2 // of a market order that fills at once: the execution, the position
	bustPushes      = 3 // the bust, the order, the position
)

// The customers of the test seed: alice holds nothing, bob holds tin, carol has
// next to no cash and a password, dave is one more trader.
const (
	alice    client.Customer = 100001
	bob      client.Customer = 100002
	carol    client.Customer = 100003
	dave     client.Customer = 100004
	operator client.Customer = 900001
)

// carol's password, and its hash with the cheapest settings.
const (
	password     = "correct horse"
	passwordHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiB0aGUgdGVzdA$uJsMBHJVUJNnFwJUdcYoIwgz8vL+n7sZO+acCUcnwyE"
)

// The instruments of the test seed, in the order of their ids.
const (
	tinID ledger.InstrumentID = iota
	railID
	millsID
	goldID
)

var (
	tin   = client.Key{Market: "ALFA", Code: "600100"} // 10.00
	rail  = client.Key{Market: "BETA", Code: "300100"} // 74.00
	mills = client.Key{Market: "ALFA", Code: "600101"} // 2.50, lots of 100
	gold  = client.Key{Market: "BETA", Code: "300101"} // 1,000,000,000.00
)

const seedText = `{
  "format": 1,
  "instruments": [
    {"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"},
    {"market": "BETA", "code": "300100", "name": "Rail", "last": "74.00"},
    {"market": "ALFA", "code": "600101", "name": "Mills", "lot": 100, "last": "2.50"},
    {"market": "BETA", "code": "300101", "name": "Gold", "last": "1000000000.00"}
  ],
  "customers": [
    {"customer": 900001, "name": "Operator", "role": "operator", "cash": "0.00", "token_sha256": "OPERATOR"},
    {"customer": 100001, "name": "Alice", "cash": "1000000.00", "token_sha256": "ALICE"},
    {"customer": 100002, "name": "Bob", "cash": "500000.00", "token_sha256": "BOB",
     "positions": [{"market": "ALFA", "code": "600100", "quantity": 100, "average_cost": "9.00"}]},
    {"customer": 100003, "name": "Carol", "cash": "5.00", "password": "PASSWORD", "token_sha256": "CAROL"},
    {"customer": 100004, "name": "Dave", "cash": "1000000.00", "token_sha256": "DAVE"}
  ]
}`

// newSeed returns the test seed. name is the name of the first instrument; with another name
// it is another seed.
func newSeed(t testing.TB, firstName string) *seed.Seed {
	t.Helper()
	return parseSeed(t, strings.Replace(seedText, `"Tin"`, fmt.Sprintf("%q", firstName), 1))
}

// richOperator returns the test seed with an operator who has cash, and carol's password.
func richOperator(t testing.TB) *seed.Seed {
	t.Helper()
	const poor, rich = `"role": "operator", "cash": "0.00",`, `"role": "operator", "cash": "1000000.00", "password": "PASSWORD",`
	return parseSeed(t, strings.Replace(seedText, poor, rich, 1))
}

// parseSeed parses a seed file after it has replaced the placeholders of the credentials.
func parseSeed(t testing.TB, file string) *seed.Seed {
	t.Helper()
	text := strings.NewReplacer(
		"OPERATOR\"", tokenHash(operator)+`"`, "ALICE\"", tokenHash(alice)+`"`, "BOB\"", tokenHash(bob)+`"`,
		"CAROL\"", tokenHash(carol)+`"`, "DAVE\"", tokenHash(dave)+`"`,
		"PASSWORD", passwordHash,
	).Replace(file)
	s, err := seed.Parse("test.json", []byte(text))
	must(t, err)
	return s
}

func tokenHash(c client.Customer) string {
	sum := sha256.Sum256(demoToken(c))
	return hex.EncodeToString(sum[:])
}

func demoToken(c client.Customer) []byte { return seed.DemoToken(ledger.Customer(c)) }
