package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func TestParseAddresses(t *testing.T) {
	for list, wrong := range map[string]string{
		"a:1":               "",
		"a:1,b:1,unix:/s":   "",
		"ws://a:1/ws,b:2":   "",
		"":                  `"": it is empty`,
		"a:1,":              `"": it is empty`,
		",a:1":              `"": it is empty`,
		"a:1,,b:1":          `"": it is empty`,
		"a:1,b:0":           `"b:0": the port is not a number`,
		"a:1, b:1":          `" b:1": the host name has a character`,
		"a:1,b":             `"b": the port is missing`,
		"a:1,b:1,a:1":       `"a:1": it is there twice`,
		"ws://a:1/ws,ws://": `"ws://": it is empty`,
	} {
		addrs, err := client.ParseAddresses(list)
		if wrong == "" {
			if err != nil || strings.Join(addrs, ",") != list {
				t.Errorf("%s: %q, %v", list, addrs, err)
			}
			continue
		}
		if !errors.Is(err, client.ErrBadAddress) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want %s", list, err, wrong)
		}
		if _, err := client.Dial(t.Context(), list, client.Options{}); !errors.Is(err, client.ErrBadAddress) {
			t.Errorf("Dial %s: %v", list, err)
		}
	}
}

// unused returns an address where nothing listens.
func unused(t *testing.T) string {
	t.Helper()
	f := newFake(ok)
	f.close()
	return f.addr()
}

// twoFakes starts two servers with the same handler.
func twoFakes(t *testing.T, handle handler) (first, second *fake) {
	t.Helper()
	first, second = newFake(handle), newFake(handle)
	t.Cleanup(first.close)
	t.Cleanup(second.close)
	return first, second
}

// TestDialSeveral: an address where nobody listens is passed over; if that is so at all of them, the
// error names them all and says once what to do.
func TestDialSeveral(t *testing.T) {
	a, b := unused(t), unused(t)
	up := newFake(ok)
	defer up.close()
	c, err := client.Dial(t.Context(), a+","+up.addr()+","+b, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr() != up.addr() {
		t.Errorf("connected to %s", c.Addr())
	}
	c.Close()
	_, err = client.Dial(t.Context(), a+","+b, client.Options{})
	var all *client.AddressesError
	var one *client.ConnectionError
	want := "cannot connect to " + a + ": connection refused; cannot connect to " + b + ": connection refused"
	if err == nil || err.Error() != want || !errors.As(err, &all) || !errors.As(err, &one) || one.Addr != a {
		t.Errorf("%v, want %s", err, want)
	}
	if advice := client.Explain(err); strings.Count(advice, "nothing listens there") != 1 {
		t.Errorf("advice %q", advice)
	}
	if client.Busy(err) {
		t.Error("an address where nothing listens is busy")
	}
	_, err = client.Dial(t.Context(), a, client.Options{})
	if !errors.As(err, &one) || errors.As(err, &all) {
		t.Errorf("one address: %#v", err)
	}
}

// TestDialSeveralCanceled: the end of ctx ends the attempts.
func TestDialSeveralCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var dialled []string
	_, err := client.Dial(ctx, "a:1,b:1,c:1", client.Options{Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		if len(dialled) == 2 {
			cancel()
		}
		return nil, errors.New("no network")
	}})
	if len(dialled) != 2 || err == nil || !strings.Contains(err.Error(), "a:1") || !strings.Contains(err.Error(), "b:1") {
		t.Errorf("dialled %q: %v", dialled, err)
	}
}

// TestReconnectSeveral: after a lost connection the next address is first. A client resumes there, and
// passes over nodes that are down or refuse logins for now.
func TestReconnectSeveral(t *testing.T) {
	var down atomic.Bool
	first, second := twoFakes(t, resuming(&down))
	var unavailable atomic.Int32
	third := newFake(func(c *fakeConn, m codec.Message) {
		unavailable.Add(1)
		c.answer(m, codec.ResultUnavailable, &pb.Error{Message: "no quorum"})
	})
	t.Cleanup(third.close)
	addrs := []string{first.addr(), second.addr(), third.addr()}
	c, err := client.Dial(t.Context(), strings.Join(addrs, ","), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	login(t, c)
	c.Close()
	next, welcome, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil || next.Addr() != addrs[1] || !welcome.Resumed || next.View() != c.View() {
		t.Fatalf("%v, %+v", err, welcome)
	}
	if _, err := next.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == 4 }); err != nil {
		t.Error(err)
	}
	again, _, err := next.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil || again.Addr() != addrs[0] || unavailable.Load() != 1 {
		t.Fatalf("%v, %d logins at the third", err, unavailable.Load())
	}
	down.Store(true)
	_, _, err = again.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err == nil || !errors.Is(err, client.ErrUnavailable) {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if !strings.Contains(err.Error(), addr) {
			t.Errorf("%v does not name %s", err, addr)
		}
	}
	down.Store(false)
	last, _, err := again.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	last.Close()
}

// TestEnter: a node that is overloaded is passed over; a wrong credential is wrong at each of them.
func TestEnter(t *testing.T) {
	var result atomic.Uint32
	var logins atomic.Int32
	first := newFake(func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.Result(result.Load()), &pb.Error{Message: "not now"})
	})
	t.Cleanup(first.close)
	second := newFake(func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandLogin {
			logins.Add(1)
		}
		loggedIn(account{sequence: 3}, ok)(c, m)
	})
	t.Cleanup(second.close)
	list := first.addr() + "," + second.addr()
	plain := func() client.Options { return client.Options{} }
	result.Store(uint32(codec.ResultOverloaded))
	c, snapshot, err := client.Enter(t.Context(), list, plain, 100001, client.DemoToken(100001))
	if err != nil || c.Addr() != second.addr() || snapshot.Sequence != 3 || logins.Load() != 1 {
		t.Fatalf("%v, %+v", err, snapshot)
	}
	c.Close()
	_, _, err = client.Enter(t.Context(), first.addr()+","+unused(t), plain, 100001, client.DemoToken(100001))
	if !client.Busy(err) {
		t.Errorf("not busy: %v", err)
	}
	result.Store(uint32(codec.ResultUnauthenticated))
	_, _, err = client.Enter(t.Context(), list, plain, 100001, client.DemoToken(100001))
	if !client.Denied(err) || err.Error() != "log in as 100001: not now" || logins.Load() != 1 {
		t.Errorf("%v, %d logins at the second", err, logins.Load())
	}
}

// TestFirstPause: after the notice of a node that stops there is no pause, if there are other nodes and
// the connection has not just been opened.
func TestFirstPause(t *testing.T) {
	for name, tc := range map[string]struct {
		addrs  string
		code   pb.NoticeCode
		after  time.Duration
		atOnce bool
	}{
		"stops":        {"a:1,b:1", pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, time.Minute, true},
		"unavailable":  {"a:1,b:1", pb.NoticeCode_NOTICE_CODE_UNAVAILABLE, time.Minute, true},
		"new":          {"a:1,b:1", pb.NoticeCode_NOTICE_CODE_UNAVAILABLE, 0, false},
		"another":      {"a:1,b:1", pb.NoticeCode_NOTICE_CODE_SLOW_CONSUMER, time.Minute, false},
		"nowhere else": {"a:1", pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handle := func(c *fakeConn, _ codec.Message) {
					c.push(codec.PushNotice, 0, &pb.Notice{Code: tc.code})
					c.Close()
				}
				c, err := client.Dial(t.Context(), tc.addrs, client.Options{HeartbeatInterval: -1, Dial: func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go (&fakeConn{Conn: far}).serve(greeting(handle))
					return near, nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				time.Sleep(tc.after)
				if err := c.Submit(t.Context(), nil); err == nil {
					t.Error("no notice")
				}
				var none int
				for range 8 { // a random pause is 0 almost never
					if new(client.Backoff).First(c) == 0 {
						none++
					}
				}
				if (none == 8) != tc.atOnce {
					t.Errorf("%d of 8 pauses are none", none)
				}
			})
		})
	}
}
