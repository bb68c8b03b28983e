// Zinx serves the packet dialect with github.com/aceld/zinx: a goroutine for each
// connection reads, ten workers call the handler, and SendMsg writes each reply
// separately. SendBuffMsg would batch the replies to pipelined requests, but flushes with
// a 10 ms ticker per connection, which is very slow with 10,000 connections, and drops a
// reply if its queue stays full for 5 ms.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/aceld/zinx/zconf"
	"github.com/aceld/zinx/ziface"
	"github.com/aceld/zinx/zlog"
	"github.com/aceld/zinx/znet"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

func serve(ctx context.Context, addr string) error {
	config, err := newConfig(addr)
	if err != nil {
		return err
	}
	server, err := newServer(config)
	if err != nil {
		return err
	}
	for command := range peers.LastCommand {
		server.AddRouterSlices(uint32(command+1), answer)
	}
	server.Start() // panics later, in another goroutine, if it cannot listen
	<-ctx.Done()
	server.Stop()
	return nil
}

// newConfig replaces zinx.json. Each connection has a read buffer; 4 KiB hold 50
// requests.
func newConfig(addr string) (*zconf.Config, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("zinx: the port of %s: %w", addr, err)
	}
	return &zconf.Config{
		Host: host, TCPPort: port, Mode: zconf.ServerModeTcp,
		MaxConn: 1 << 20, MaxPacketSize: peers.MaxFrame, IOReadBuffSize: 4 << 10,
		WorkerPoolSize: 10, MaxWorkerTaskLen: 1024,
		RouterSlicesMode: true, RequestPoolMode: true,
	}, nil
}

// newServer keeps zinx from printing its banner and its settings.
func newServer(config *zconf.Config) (ziface.IServer, error) {
	zlog.SetLogger(silence{})
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	stdout := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = stdout }()
	server := znet.NewUserConfServer(config, znet.WithPacket(pack{}))
	server.SetDecoder(decoder{})
	return server, nil
}

// answer handles every request. Goroutine: a worker of zinx.
func answer(request ziface.IRequest) {
	body := make([]byte, idLen+1) // the result, 0, last
	copy(body, request.GetData()[:idLen])
	_ = request.GetConnection().SendMsg(request.GetMsgID()|0x80, body) // fails if the client is gone
}
