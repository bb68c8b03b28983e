package chaos

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/process"
)

func lengths() Fault {
	return Fault{
		Name: "lengths", ID: "P1", Short: "frames that declare impossible lengths",
		Promise: "such a frame is refused as soon as its header is read, with a Notice; other clients are served, and no memory is reserved for the frame",
		Long:    Size{Rounds: 1000}, Gate: Size{Rounds: 20},
		RoundsHelp: "rounds",
		Run:        runLengths,
	}
}

// patience bounds every wait of a fault for something that must happen; a working server
// needs far less.
const patience = 30 * time.Second

// declared is one length that a frame declares.
type declared struct {
	name  string
	total uint32
	want  pb.NoticeCode
}

// loginFrame and fullFrame are the server's default limits of a frame before and after
// the login.
const (
	loginFrame = 64 << 10
	fullFrame  = 1 << 20
)

// badLengths returns the table, with a few random lengths of each kind.
func badLengths(random *rand.Rand) []declared {
	const malformed, tooLarge = pb.NoticeCode_NOTICE_CODE_MALFORMED, pb.NoticeCode_NOTICE_CODE_TOO_LARGE
	return []declared{
		{"0", 0, malformed},
		{"3, less than itself", 3, malformed},
		{"12, one less than a header", codec.PacketHeaderLen - 1, malformed},
		{"-1", 1<<32 - 1, tooLarge},
		{"-2147483648", 1 << 31, tooLarge},
		{"4 GiB less 13", 1<<32 - codec.PacketHeaderLen, tooLarge},
		{"one more than before the login", loginFrame + 1, tooLarge},
		{"one more than the largest", fullFrame + 1, tooLarge},
		{"random below a header", random.Uint32N(codec.PacketHeaderLen), malformed},
		{"random above the largest", fullFrame + 1 + random.Uint32N(1<<32-1-fullFrame), tooLarge},
	}
}

func runLengths(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, ServerOptions{}))
	neighbour := must(client.Dial(ctx, s.Addr, client.Options{}))
	defer neighbour.Close()
	random, refused := r.Random(), 0
	before := process.RSS(s.PID)
	for round := range r.Rounds {
		for _, d := range badLengths(random) {
			whole := random.IntN(2) == 0
			if err := tryLength(ctx, s.Addr, d, whole, random.IntN(2) == 0); err != nil {
				r.Broken("declared length %s, whole header %v: %v", d.name, whole, err)
			}
			refused++
		}
		if err := fits(ctx, s.Addr, codec.PacketHeaderLen+random.IntN(loginFrame-codec.PacketHeaderLen+1)); err != nil {
			r.Broken("a frame of an allowed length: %v", err)
		}
		if err := neighbour.Heartbeat(ctx); err != nil {
			r.Broken("the neighbour was not answered: %v", err)
			return nil
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	growth := int64(process.RSS(s.PID)) - int64(before)
	r.Figure("frames refused", refused, "")
	r.Figure("growth of memory", growth>>10, "KiB")
	if growth > 64<<20 {
		r.Broken("the server grew by %d MiB", growth>>20)
	}
	return nil
}

// tryLength sends only a header, or only its length. The server must answer with the
// Notice and close. With answered, a valid request precedes it, and its answer must come
// first.
func tryLength(ctx context.Context, addr string, d declared, whole, answered bool) error {
	conn, err := dialRaw(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	var b []byte
	if answered {
		b = codec.AppendMessage(b, codec.Message{Command: codec.CommandSubmit, ID: 7, Body: []byte("good")})
	}
	b = binary.BigEndian.AppendUint32(b, d.total)
	if whole {
		b = append(b, byte(codec.CommandSubmit))
		b = binary.BigEndian.AppendUint64(b, 8)
	}
	if _, err := conn.Write(b); err != nil {
		return err
	}
	return expectRefusal(conn, d.want, answered)
}

func dialRaw(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// expectRefusal reads the answer to the valid request, if any, the Notice and the end.
func expectRefusal(conn net.Conn, want pb.NoticeCode, answered bool) error {
	all, err := io.ReadAll(conn)
	if err != nil {
		return fmt.Errorf("the server did not close cleanly: %w", err)
	}
	if answered {
		m, used, err := codec.Decode(codec.Packet{}, all, codec.DefaultMaxFrame)
		if err != nil || used == 0 || m.Command != codec.CommandSubmit.Reply() || m.ID != 7 {
			return errors.New("the request before the bad length was not answered")
		}
		all = all[used:]
	}
	m, used, err := codec.Decode(codec.Packet{}, all, codec.DefaultMaxFrame)
	if err != nil || used == 0 || used != len(all) || m.Command != codec.PushNotice {
		return fmt.Errorf("%d bytes that are not a Notice", len(all))
	}
	var notice pb.Notice
	if err := notice.UnmarshalVT(m.Body); err != nil {
		return err
	}
	if notice.Code != want {
		return fmt.Errorf("notice %v, want %v", notice.Code, want)
	}
	return nil
}

// fits sends a frame of an allowed length and reads its answer.
func fits(ctx context.Context, addr string, total int) error {
	conn, err := dialRaw(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	frame := codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 9, Body: make([]byte, total-codec.PacketHeaderLen)})
	if _, err := conn.Write(frame); err != nil {
		return err
	}
	reply := make([]byte, codec.PacketHeaderLen+1)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return fmt.Errorf("%d bytes: %w", total, err)
	}
	if codec.Command(reply[4]) != codec.CommandSubmit.Reply() || reply[codec.PacketHeaderLen] != 0 {
		return fmt.Errorf("%d bytes: answered %x", total, reply)
	}
	return nil
}
