package chaos

import (
	"crypto/sha256"
	"strconv"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// demoToken returns the token of a customer of the shipped seed file.
func demoToken(customer uint32) []byte {
	sum := sha256.Sum256([]byte("holdfast demo token " + strconv.FormatUint(uint64(customer), 10)))
	return sum[:]
}

// instrument returns one of the shipped instruments.
func instrument(n int) [2]string {
	markets := [2]struct {
		name string
		code int
	}{{"ALFA", 600_100}, {"BETA", 300_100}}
	m := markets[n%2]
	return [2]string{m.name, strconv.Itoa(m.code + n/2%10)}
}

// demoAccounts returns the first n shipped customers.
func demoAccounts(n int) []load.Account {
	var accounts []load.Account
	for i := range uint32(n) {
		accounts = append(accounts, load.Account{Customer: firstCustomer + i, Token: demoToken(firstCustomer + i)})
	}
	return accounts
}

// repeat returns n frames of a command without a body, in one slice.
func repeat(command codec.Command, n int) []byte {
	var b []byte
	for i := range uint64(n) {
		b = codec.AppendMessage(b, codec.Message{Command: command, ID: i + 1})
	}
	return b
}

// loginOf returns the frame that logs a shipped customer in, by number from 0.
func loginOf(customer int) []byte {
	number := uint32(firstCustomer + customer)
	return codec.AppendRequest(nil, codec.CommandLogin, 1, &pb.LoginRequest{
		Customer: number, Credential: &pb.LoginRequest_Token{Token: demoToken(number)},
	})
}

// subscription returns the frame that subscribes to all instruments.
func subscription() []byte {
	return codec.AppendRequest(nil, codec.CommandQuotes, 2, &pb.QuotesRequest{Subscribe: true})
}
