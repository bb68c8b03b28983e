package peers_test

import (
	"math"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/aceld/zinx/zdecoder"
	"github.com/aceld/zinx/ziface"
	"github.com/aceld/zinx/znet"
	"github.com/aceld/zinx/zpack"
)

// connectionEnd is used as a message id for the end of a connection.
const connectionEnd = math.MaxUint32

// zinxClient is a client of Zinx with the messages it received.
type zinxClient struct {
	conn     ziface.IConnection
	beat     ziface.IHeartbeatChecker
	messages chan zinxMessage // in the order of the stream
}

type zinxMessage struct {
	id   uint32
	data []byte
}

// tlvDialect sets a client to the frames of the tlv dialect: length first,
// little-endian. Zinx calls this its old packing.
func tlvDialect(client ziface.IClient) {
	client.SetPacket(zpack.Factory().NewPack(ziface.ZinxDataPackOld))
	client.SetDecoder(zdecoder.NewLTV_Little_Decoder())
}

// connectZinx connects a client, which is stopped when the test ends.
func connectZinx(t *testing.T, addr string, options ...znet.ClientOption) *zinxClient {
	t.Helper()
	host, portText, _ := net.SplitHostPort(addr)
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	// This checker never ticks: see sendHeartbeat.
	c := &zinxClient{beat: znet.NewHeartbeatChecker(time.Hour), messages: make(chan zinxMessage, 1<<10)}
	connected := make(chan ziface.IConnection, 1)
	client := znet.NewClient(host, port, options...)
	client.AddInterceptor(c)
	client.SetOnConnStart(func(conn ziface.IConnection) {
		c.beat.BindConn(conn)
		connected <- conn
	})
	client.SetOnConnStop(func(ziface.IConnection) { c.messages <- zinxMessage{id: connectionEnd} })
	client.Start()
	select {
	case c.conn = <-connected:
		t.Cleanup(client.Stop)
	case err := <-client.GetErrChan():
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("not connected")
	}
	return c
}

// Intercept records each message. It comes before the decoder in the chain, so that the
// message is decoded when Proceed returns. It replaces routers, because a client calls
// the router of each message in a new goroutine, which loses their order. Goroutine: the
// reader of the connection.
func (c *zinxClient) Intercept(chain ziface.IChain) ziface.IcResp {
	response := chain.Proceed(chain.Request())
	message := chain.GetIMessage()
	c.messages <- zinxMessage{message.GetMsgID(), message.GetData()}
	return response
}

func (c *zinxClient) send(t *testing.T, id uint32, data []byte) {
	t.Helper()
	if err := c.conn.SendMsg(id, data); err != nil {
		t.Fatal(err)
	}
}

// sendHeartbeat sends what StartHeartBeat sends at each tick. The test does without
// ticks, because they have a data race in Zinx: they read the time of the last message
// without a lock.
func (c *zinxClient) sendHeartbeat(t *testing.T) {
	t.Helper()
	if err := c.beat.SendHeartBeatMsg(); err != nil {
		t.Fatal(err)
	}
}

// receive waits for messages with these ids, in this order and with nothing between
// them, and returns their data.
func (c *zinxClient) receive(t *testing.T, ids ...uint32) [][]byte {
	t.Helper()
	var all [][]byte
	late := time.After(patience)
	for i, id := range ids {
		select {
		case m := <-c.messages:
			if m.id != id {
				t.Fatalf("message %d of %#x is %#x with data %q", i, ids, m.id, m.data)
			}
			all = append(all, m.data)
		case <-late:
			t.Fatalf("message %d of %#x did not come", i, ids)
		}
	}
	return all
}
