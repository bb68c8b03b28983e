package websocket_test

import (
	"encoding/binary"
	"fmt"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// A server reads what arrives, in whatever pieces, and answers.
func ExampleReader() {
	stream := websocket.AppendMasked(nil, websocket.OpText, 0x1b2c3d4e, []byte("hello"))
	stream = websocket.AppendMasked(stream, websocket.OpPing, 0x5f607182, []byte("are you there?"))
	stream = append(stream, websocket.AppendMasked(nil, websocket.OpClose, 0x93a4b5c6, []byte("\x03\xe8bye"))...)

	var r websocket.Reader
	var answers []byte
	for len(stream) > 0 {
		piece := stream[:min(7, len(stream))]
		stream = stream[len(piece):]
		for len(piece) > 0 {
			used, op, payload, err := r.Next(piece, 1<<20)
			if err != nil {
				fmt.Println(err)
				return
			}
			piece = piece[used:]
			switch op {
			case websocket.OpText, websocket.OpBinary:
				fmt.Printf("message: %s\n", payload)
			case websocket.OpPing:
				fmt.Printf("ping: %s\n", payload)
				answers = websocket.AppendFrame(answers, websocket.OpPong, payload)
			case websocket.OpClose:
				code, text := websocket.ParseClose(payload)
				fmt.Println("close:", code, text)
				answers = websocket.AppendClose(answers, code, "")
			}
		}
	}
	fmt.Printf("answers: %q\n", answers)
	// Output:
	// message: hello
	// ping: are you there?
	// close: 1000 bye
	// answers: "\x8a\x0eare you there?\x88\x02\x03\xe8"
}

// The header of a handshake becomes an answer.
func ExampleAccept() {
	header := websocket.AppendClientHandshake(nil, "localhost:8889", "/ws", "dGhlIHNhbXBsZSBub25jZQ==", "holdfast.v1.json")
	n := websocket.HeaderLen(header, 0)
	u, err := websocket.Accept(header[:n], websocket.HandshakeOptions{Subprotocols: []string{websocket.SubprotocolJSON}})
	fmt.Println(u.Path, u.Host, u.Subprotocol, err)
	// Output: /ws localhost:8889 holdfast.v1.json <nil>
}

// A text message becomes a request, and its reply a text message.
func ExampleJSON() {
	message := `{"command":"Quotes","id":7,"body":{"instruments":[{"market":"ALFA","code":"600100"}]}}`
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(message))) // as the engine does
	frame = append(frame, message...)

	m, _, err := codec.Decode(websocket.JSON{}, frame, 1<<20)
	var request pb.QuotesRequest
	if err != nil || request.UnmarshalVT(m.Body) != nil {
		fmt.Println("malformed:", err)
		return
	}
	fmt.Println(m.Command, m.ID, request.Instruments[0].Code)

	reply := &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "ALFA", Code: "600100", LastPrice: 100_000}}}
	fmt.Printf("%q\n", websocket.JSON{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, reply)[4:])
	// Output:
	// Quotes 7 600100
	// "{\"command\":\"QuotesReply\",\"id\":7,\"result\":\"OK\",\"body\":{\"instruments\":[{\"market\":\"ALFA\",\"code\":\"600100\",\"lastPrice\":\"100000\"}]}}"
}

// A binary message is a packet without its total, in both directions.
func ExamplePacket() {
	frame := binary.BigEndian.AppendUint32(nil, 4+9+5) // as the engine does
	frame = append(frame, "\x02\x00\x00\x00\x00\x00\x00\x00\x2ahello"...)

	m, _, err := codec.Decode(websocket.Packet{}, frame, 1<<20)
	fmt.Println(m.Command, m.ID, string(m.Body), err)
	fmt.Printf("%q\n", websocket.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil))
	// Output:
	// Submit 42 hello <nil>
	// "\x82\n\x82\x00\x00\x00\x00\x00\x00\x00*\x00"
}
