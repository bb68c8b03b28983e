package terminal

import (
	"io"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestWatchGoesOn: requests for prices end the watch at the server, so the client renews it.
func TestWatchGoesOn(t *testing.T) {
	for _, line := range []string{"quote 2", "quote", "buy unknown 1"} {
		t.Run(line, func(t *testing.T) {
			var mu sync.Mutex
			var last pb.QuotesRequest
			addr := answering(t, func(_ int, m codec.Message) []byte {
				switch m.Command {
				case codec.CommandConn:
					return answerOK(m, &pb.ConnReply{})
				case codec.CommandLogin:
					return answerOK(m, &pb.LoginReply{Account: &pb.Account{Customer: 5}})
				case codec.CommandQuotes:
					mu.Lock()
					defer mu.Unlock()
					last = pb.QuotesRequest{}
					if err := last.UnmarshalVT(m.Body); err != nil {
						t.Error(err)
					}
					return answerOK(m, &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "M", Code: "1"}, {Market: "M", Code: "2"}}})
				}
				return answerOK(m, nil)
			})
			_ = Run(t.Context(), Options{ // an unknown instrument is an error
				Addr: addr, Customer: 5, Credential: client.Password("x"), Stdin: strings.NewReader("watch 1\n" + line + "\n"),
				Stdout: io.Discard, Style: NewStyle(false),
			})
			mu.Lock()
			defer mu.Unlock()
			if !last.Subscribe || len(last.Instruments) != 1 || last.Instruments[0].Code != "1" {
				t.Errorf("the last request for prices is %v", &last)
			}
		})
	}
}
