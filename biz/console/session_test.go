package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/console"
	"holdfast/biz/gateway"
	"holdfast/biz/seed"
)

func TestLogin(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	b.get("/api/session").wants(t, http.StatusUnauthorized, "log in first")
	b.post("/api/ticket", "").wants(t, http.StatusUnauthorized, "log in first")
	a := b.logIn(operator)
	a.wants(t, http.StatusOK, `"operator":true,"viewer":false,"expires":"2026-01-05T21:00:00Z"`)
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasSuffix(cookie, "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict") || len(a.header["Set-Cookie"]) != 1 {
		t.Errorf("cookie %q", cookie)
	}
	b.get("/api/session").wants(t, http.StatusOK, a.body)
	b.post("/api/logout", "").wants(t, http.StatusNoContent, "")
	b.get("/api/session").wants(t, http.StatusUnauthorized, "")
	b.post("/api/logout", "").wants(t, http.StatusNoContent, "")
}

func TestLoginRefused(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	for name, c := range map[string]struct {
		body   string
		status int
		text   string
	}{
		"wrong password":   {credentials(trader, "no"), http.StatusUnauthorized, "do not match"},
		"no password":      {`{"customer":100001}`, http.StatusUnauthorized, "do not match"},
		"unknown customer": {credentials(7, password), http.StatusUnauthorized, "do not match"},
		"long password":    {credentials(trader, strings.Repeat("x", seed.MaxPasswordSize+1)), http.StatusUnauthorized, "do not match"},
		"no JSON":          {"customer=100001", http.StatusBadRequest, "not what this path takes"},
		"no object":        {"[]", http.StatusBadRequest, "not what this path takes"},
		"nothing":          {"", http.StatusBadRequest, "not what this path takes"},
		"two values":       {credentials(trader, password) + "{}", http.StatusBadRequest, "not what this path takes"},
		"negative":         {`{"customer":-1,"password":"x"}`, http.StatusBadRequest, "not what this path takes"},
		"script":           {`{"customer":"<script>alert(1)</script>"}`, http.StatusBadRequest, "not what this path takes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.post("/api/login", c.body)
			a.wants(t, c.status, c.text)
			if a.header.Get("Set-Cookie") != "" || strings.Contains(a.body, "<script>") {
				t.Errorf("cookie %q, body %s", a.header.Get("Set-Cookie"), a.body)
			}
		})
	}
}

// TestGuessesAreDelayed: the console has no way around the limit of wrong passwords.
func TestGuessesAreDelayed(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	for range 5 {
		b.post("/api/login", credentials(trader, "no")).wants(t, http.StatusUnauthorized, "")
	}
	held := make(chan answer, 10)
	for range 10 { // these wait, each longer than the one before
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+"/api/login", strings.NewReader(credentials(trader, "no")))
			r.Header.Set("Origin", s.http.URL)
			r.Header.Set("Content-Type", "application/json")
			if got, err := s.http.Client().Do(r); err == nil {
				_ = got.Body.Close()
				held <- answer{status: got.StatusCode}
			}
		}()
	}
	a := <-held // the first answer is to one that would wait too long
	if a.status != http.StatusTooManyRequests || s.running.Gateway.DelayedGuesses() == 0 {
		t.Errorf("status %d after %d delayed", a.status, s.running.Gateway.DelayedGuesses())
	}
	s.browser().logIn(second) // another customer does not wait
}

func TestTicket(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	b.logIn(trader)
	_, err := s.connect(trader, b.ticket())
	must(t, err)
	for name, use := range map[string]func(ticket []byte) error{
		"twice": func(ticket []byte) error {
			_, err := s.connect(trader, ticket)
			must(t, err)
			_, err = s.connect(trader, ticket)
			return err
		},
		"by another customer": func(ticket []byte) error {
			_, err := s.connect(second, ticket)
			if _, again := s.connect(trader, ticket); !errors.Is(again, client.ErrUnauthenticated) {
				t.Errorf("the ticket is not used up: %v", again)
			}
			return err
		},
		"too late": func(ticket []byte) error {
			s.pass(gateway.TicketTime)
			_, err := s.connect(trader, ticket)
			return err
		},
		"after 16 others": func(ticket []byte) error {
			for range 16 {
				b.ticket()
			}
			_, err := s.connect(trader, ticket)
			return err
		},
		"cut": func(ticket []byte) error {
			_, err := s.connect(trader, ticket[:31])
			return err
		},
		"after logout": func(ticket []byte) error {
			b.post("/api/logout", "")
			_, err := s.connect(trader, ticket)
			b.logIn(trader)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := use(b.ticket()); !errors.Is(err, client.ErrUnauthenticated) {
				t.Errorf("error %v", err)
			}
		})
	}
	ticket := b.ticket()
	s.pass(gateway.TicketTime - time.Nanosecond)
	_, err = s.connect(trader, ticket)
	must(t, err)
}

// TestEndOfSession: whatever ends a session of the console ends the connections that it has logged in,
// and no others.
func TestEndOfSession(t *testing.T) {
	for name, end := range map[string]func(s *service, b *browser){
		"logout":    func(_ *service, b *browser) { b.post("/api/logout", "") },
		"login":     func(_ *service, b *browser) { b.logIn(second) },
		"password":  func(s *service, _ *browser) { s.reload(trader, func(c *seed.Customer) { c.Password = hash("new") }) },
		"withdrawn": func(s *service, _ *browser) { s.reload(trader, nil) },
		"restored": func(s *service, _ *browser) {
			s.reload(trader, func(c *seed.Customer) { c.Password = hash("new") })
			s.reload(trader, func(c *seed.Customer) { c.Password = hash(password) })
		},
		"time": func(s *service, _ *browser) {
			s.pass(console.SessionTime)
			s.console.Expire()
		},
		"16 other logins": func(s *service, _ *browser) {
			for range 16 {
				s.pass(time.Second)
				s.browser().logIn(trader)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			b, other := s.browser(), s.browser()
			b.logIn(trader)
			other.logIn(operator)
			conn, err := s.connect(trader, b.ticket())
			must(t, err)
			stays, err := s.connect(operator, other.ticket())
			must(t, err)
			old := b.Jar.Cookies(parsed(t, s.http.URL))
			end(s, b)
			select {
			case <-conn.Done():
			case <-time.After(patience):
				t.Fatal("the connection stays")
			}
			var notice *client.NoticeError
			if !errors.As(conn.Err(), &notice) || notice.Notice.Code != client.NoticeRevoked {
				t.Errorf("it ended with %v", conn.Err())
			}
			again := s.browser()
			again.Jar.SetCookies(parsed(t, s.http.URL), old)
			again.get("/api/session").wants(t, http.StatusUnauthorized, "the session has ended")
			again.Jar.SetCookies(parsed(t, s.http.URL), old)
			again.post("/api/ticket", "").wants(t, http.StatusUnauthorized, "the session has ended")
			if name != "time" {
				_, err = stays.Positions(t.Context())
				must(t, err)
				other.get("/api/session").wants(t, http.StatusOK, "")
			}
		})
	}
}

func TestForgedCookie(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	b.logIn(trader)
	real := b.Jar.Cookies(parsed(t, s.http.URL))[0]
	for _, value := range []string{"", "x", real.Value[1:], real.Value + "A", strings.Repeat("A", 43), strings.Repeat("A", 3000)} {
		forger := s.browser()
		forger.Jar.SetCookies(parsed(t, s.http.URL), []*http.Cookie{{Name: real.Name, Value: value, Path: "/"}})
		forger.get("/api/session").wants(t, http.StatusUnauthorized, "the session has ended")
		forger.get("/api/figures").wants(t, http.StatusUnauthorized, "")
	}
	b.get("/api/session").wants(t, http.StatusOK, "")
}

// TestSessionsAreBounded: there are at most MaxSessions, and at most 16 of a customer.
func TestSessionsAreBounded(t *testing.T) {
	s := start(t, func(c *console.Config) { c.MaxSessions = 1000 })
	first := s.browser()
	first.logIn(trader)
	most := 1
	for number := trader; most < 1000; number++ {
		for range 16 {
			if number == trader && most >= 16 || most == 1000 {
				break
			}
			s.pass(time.Second) // guesses are forgotten, and the sessions have an order
			s.browser().logIn(number)
			most++
		}
	}
	late := s.browser()
	late.post("/api/login", credentials(operator, password)).wants(t, http.StatusServiceUnavailable, "too many sessions")
	first.get("/api/session").wants(t, http.StatusOK, "")
	late.logIn(trader) // in place of the first
	first.get("/api/session").wants(t, http.StatusUnauthorized, "")
	s.pass(console.SessionTime)
	late.logIn(operator)
}

// TestRoles: a role that was taken away is gone at the next request.
func TestRoles(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	b.logIn(trader)
	for _, path := range []string{"/api/figures", "/api/sessions"} {
		b.get(path).wants(t, http.StatusForbidden, "operator or viewer role")
	}
	role := func(r seed.Role) { s.reload(trader, func(c *seed.Customer) { c.Role = r }) }
	role(seed.RoleViewer)
	b.get("/api/session").wants(t, http.StatusOK, `"operator":false,"viewer":true`)
	b.get("/api/figures").wants(t, http.StatusOK, `"ready"`)
	role(seed.RoleOperator)
	b.get("/api/session").wants(t, http.StatusOK, `"operator":true,"viewer":false`)
	b.get("/api/sessions").wants(t, http.StatusOK, `"matches":0`)
	role(seed.RoleCustomer)
	b.get("/api/figures").wants(t, http.StatusForbidden, "")
	b.get("/api/session").wants(t, http.StatusOK, `"operator":false,"viewer":false`)
}

func TestSearchIsBounded(t *testing.T) {
	asked, most := "", 0
	s := start(t, func(c *console.Config) {
		c.Sessions = func(search string, limit int) console.SessionList {
			asked, most = search, limit
			return console.SessionList{}
		}
	})
	b := s.browser()
	b.logIn(operator)
	b.get("/api/sessions").wants(t, http.StatusOK, "")
	if asked != "" || most != 100 {
		t.Errorf("%q, %d", asked, most)
	}
	b.get("/api/sessions?search=%3Cb%3E&limit=1000").wants(t, http.StatusOK, "")
	if asked != "<b>" || most != 1000 {
		t.Errorf("%q, %d", asked, most)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=-1", "limit=x", "search=" + strings.Repeat("x", 201)} {
		b.get("/api/sessions?"+query).wants(t, http.StatusBadRequest, "")
	}
}
