package conformance_test

import (
	"context"
	"fmt"
	"net"

	"holdfast/perf/conformance"
)

// A case plays on any connection whose handshake is done: here a pipe to a server in the
// same process, byte by byte.
func ExampleCase_Run() {
	cases, err := conformance.Select([]string{"5.6"})
	if err != nil {
		panic(err)
	}
	for _, c := range cases {
		client, server := net.Pipe()
		go serve(server, faults{wrongPong: true})
		result := c.Run(context.Background(), client, conformance.Settings{Pieces: 1})
		fmt.Println(result.Number, result.Verdict)
		fmt.Println("sent    ", result.Sent)
		fmt.Println("expected", result.Expected)
		fmt.Println("got     ", result.Got)
	}
	// Output:
	// 5.6 FAILED
	// sent     text "fragment1" not final, ping "ping payload", continuation "fragment2"
	// expected pong "ping payload", text "fragment1fragment2", close 1000 as the answer to the client's close, end of the connection
	// got      pong "ping payload!"
}
