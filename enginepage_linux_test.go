package holdfast_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

const enginePage = "docs/engine.md"

// TestEnginePageServer runs the server that the page shows, as the page has it.
func TestEnginePageServer(t *testing.T) {
	t.Parallel()
	s := startPageServer(t, map[string]string{"server.go": pageProgram(t, "server")})
	loud, quiet := carriertest.Dial(t, s.addr), carriertest.Dial(t, s.addr)
	for _, p := range []*carriertest.Peer{loud, quiet} {
		p.Send(codec.CommandSubmit, 7, "hello")
		p.Expect(codec.CommandSubmit.Reply(), 7, string([]byte{byte(codec.ResultOK)}))
	}
	const unknown = codec.Command(0x20)
	quiet.Send(unknown, 8, "")
	quiet.Expect(unknown.Reply(), 8, string([]byte{byte(codec.ResultUnknownCommand)}))

	s.enter(t, "closing at noon")
	loud.Expect(codec.PushChatMessage, 0, "closing at noon")
	quiet.Expect(codec.PushChatMessage, 0, "closing at noon")

	const most = 4<<10 - codec.PacketHeaderLen
	loud.Send(codec.CommandSubmit, 9, strings.Repeat("x", most))
	loud.Expect(codec.CommandSubmit.Reply(), 9, "\x00")
	loud.MustWrite(codec.AppendHeader(nil, codec.CommandSubmit, 10, most+1))
	loud.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_LARGE)

	s.interrupt(t)
	quiet.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	s.wait(t)
}

// TestEnginePageDialect runs the same server with the dialect that the page shows.
func TestEnginePageDialect(t *testing.T) {
	t.Parallel()
	s := startDialectServer(t, readEnginePage(t), "Short{}")
	p := carriertest.Dial(t, s.addr)
	p.MustWrite([]byte("\x02\x00\x05hello\x20\x00\x00\x02\x00"))
	expectBytes(t, p, "\x82\x00\x01\x00"+"\xa0\x00\x01\x03")
	p.MustWrite([]byte("\x00")) // the rest of the third request
	expectBytes(t, p, "\x82\x00\x01\x00")
	s.enter(t, "closing at noon")
	expectBytes(t, p, "\x46\x00\x0fclosing at noon")
	p.MustWrite([]byte("\x02\x0f\xfe")) // a frame of 4,097 bytes
	expectNotice(t, p, pb.NoticeCode_NOTICE_CODE_TOO_LARGE)
	s.interrupt(t)
	s.wait(t)
}

// startDialectServer runs the same server with the dialect that is the block "dialect" of a
// page. The page must say how the dialect is used.
func startDialectServer(t *testing.T, page, dialect string) *pageServer {
	t.Helper()
	listener := "engine.Listener{Address: os.Args[1], Dialect: " + dialect + "}"
	if !strings.Contains(page, "`"+listener+"`") {
		t.Errorf("the page does not say how the dialect is used: %s", listener)
	}
	server := strings.Replace(pageProgram(t, "server"), "{{Address: os.Args[1]}}", "{"+listener+"}", 1)
	return startPageServer(t, map[string]string{"server.go": server, "dialect.go": goBlock(t, page, "dialect")})
}

// expectBytes reads what must come next.
func expectBytes(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got[:n], err, want)
	}
}

// expectNotice reads a Notice in the dialect of the page, then the end.
func expectNotice(t *testing.T, r io.Reader, code pb.NoticeCode) {
	t.Helper()
	b, err := io.ReadAll(r)
	var notice pb.Notice
	if err != nil || len(b) < 3 || b[0] != byte(codec.PushNotice) || notice.UnmarshalVT(b[3:]) != nil || notice.Code != code {
		t.Fatalf("got %q, %v; want Notice %v and the end", b, err, code)
	}
}

// pageServer is a server that was built from the page.
type pageServer struct {
	command *exec.Cmd
	addr    string
	input   io.Writer
	log     *bufio.Reader
}

// startPageServer builds a program from these files and runs it at a free port.
func startPageServer(t *testing.T, files map[string]string) *pageServer {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "server")
	build := []string{"build", "-o", program}
	for name, text := range files {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		build = append(build, name)
	}
	if out, err := exec.CommandContext(t.Context(), "go", build...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*carriertest.Patience)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, program, "127.0.0.1:0")
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // returns at once after wait
	s := &pageServer{command: command, input: input, log: bufio.NewReader(output)}
	for s.addr == "" {
		line, err := s.log.ReadString('\n')
		if err != nil {
			t.Fatalf("the server has not said where it listens: %q, %v", line, err)
		}
		_, s.addr, _ = strings.Cut(strings.TrimSpace(line), "listening on ")
	}
	return s
}

// enter types a line.
func (s *pageServer) enter(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.input, line); err != nil {
		t.Fatal(err)
	}
}

// interrupt is Ctrl-C.
func (s *pageServer) interrupt(t *testing.T) {
	t.Helper()
	if err := s.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// wait returns when the server has ended, as it should.
func (s *pageServer) wait(t *testing.T) {
	t.Helper()
	log, err := io.ReadAll(s.log)
	if err := errors.Join(err, s.command.Wait()); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if bytes.Contains(log, []byte("ERROR")) {
		t.Errorf("the server logged\n%s", log)
	}
}

func readEnginePage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(enginePage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// pageProgram returns the Go block of the page with that name.
func pageProgram(t *testing.T, name string) string {
	t.Helper()
	return goBlock(t, readEnginePage(t), name)
}

// goBlock returns the Go block of a page with that name, which must be formatted.
func goBlock(t *testing.T, page, name string) string {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```go "+name+"\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 1 {
		t.Fatalf("the page has %d blocks %q", len(blocks), name)
	}
	text := blocks[0][1]
	if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
		t.Errorf("block %q is not as gofmt writes it: %v", name, err)
	}
	return text
}

// TestEnginePageRunsAll: there is no Go block on the page that is not run.
func TestEnginePageRunsAll(t *testing.T) {
	if n := strings.Count(readEnginePage(t), "```go"); n != 2 {
		t.Errorf("the page has %d Go blocks; the tests above run 2", n)
	}
}

// TestEnginePageLimits: the table has every field of engine.Limits, in that order, with
// its default.
func TestEnginePageLimits(t *testing.T) {
	core, err := engine.NewCore(engine.Config{Router: engine.NewRouter(nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close(context.Background())
	limits := reflect.ValueOf(core.Limits())
	rows := rowsBelow(t, readEnginePage(t), "## Limits")[2:] // after the heading and the line
	if len(rows) != limits.NumField() {
		t.Fatalf("the page has %d limits, the code %d", len(rows), limits.NumField())
	}
	for i, cells := range rows {
		name := limits.Type().Field(i).Name
		if cells[0] != "`"+name+"`" {
			t.Fatalf("limit %d of the page is %s, of the code %s", i+1, cells[0], name)
		}
		if name == "MaxConnections" || name == "OutboundTotalBytes" {
			continue // as the machine has it
		}
		switch want := limits.Field(i).Interface().(type) {
		case time.Duration:
			if got, err := time.ParseDuration(cells[1]); err != nil || got != want {
				t.Errorf("%s has the default %s on the page, %s in the code", name, cells[1], want)
			}
		default:
			if got := fmt.Sprint(want); cells[1] != got {
				t.Errorf("%s has the default %s on the page, %s in the code", name, cells[1], got)
			}
		}
	}
}
