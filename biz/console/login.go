package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/codec"
)

// maxReplyTime is how long a client may take to read an answer.
const maxReplyTime = 10 * time.Second

// logIn verifies a password and starts a session. One of the same browser ends.
func (c *Console) logIn(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Customer uint32 `json:"customer"`
		Password string `json:"password"`
	}
	if !read(w, r, &m) {
		return
	}
	// The password may wait long; the connection may not end meanwhile.
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})
	pass, err := c.config.Gateway.OpenPass(r.Context(), ledger.Customer(m.Customer), m.Password, addressOf(r))
	_ = control.SetWriteDeadline(time.Now().Add(maxReplyTime))
	if err != nil {
		refuse(w, err)
		return
	}
	if old, err := r.Cookie(c.cookie); err == nil {
		if s := c.sessions.find(old.Value); s != nil {
			c.sessions.end(s)
		}
	}
	cookie, s := c.sessions.add(pass)
	if s == nil {
		pass.End()
		fail(w, http.StatusServiceUnavailable, "too many sessions of the console; try again later")
		return
	}
	c.setCookie(w, cookie, int(SessionTime.Seconds()))
	s.show(w)
}

// read reads the body of a request, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, m any) bool {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		if err = json.Unmarshal(body, m); err == nil {
			return true
		}
	}
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, tooLarge)
	case errors.As(err, &network) && network.Timeout():
		w.Header().Set("Connection", "close")
		fail(w, http.StatusRequestTimeout, "the body did not come in time")
	default:
		fail(w, http.StatusBadRequest, "the body is not what this path takes")
	}
	return false
}

// addressOf returns the address of the client.
func addressOf(r *http.Request) net.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // net/http has set it
	return net.TCPAddrFromAddrPort(at)
}

// refuse answers a login that was refused.
func refuse(w http.ResponseWriter, err error) {
	var refused *gateway.LoginError
	if !errors.As(err, &refused) {
		return // the client has gone
	}
	status := http.StatusServiceUnavailable
	switch {
	case refused.Guesses:
		status = http.StatusTooManyRequests
	case refused.Result == codec.ResultUnauthenticated:
		status = http.StatusUnauthorized
	case refused.Result == codec.ResultFailed:
		status = http.StatusInternalServerError
	}
	fail(w, status, refused.Message)
}

// showSession answers whose session it is.
func (c *Console) showSession(w http.ResponseWriter, r *http.Request) {
	if s := c.session(w, r); s != nil {
		s.show(w)
	}
}

// show answers whose session it is, with the roles of now.
func (s *session) show(w http.ResponseWriter) {
	owner := s.pass.Owner()
	reply(w, http.StatusOK, struct {
		Customer uint32    `json:"customer"`
		Name     string    `json:"name"`
		Operator bool      `json:"operator"`
		Viewer   bool      `json:"viewer"`
		Expires  time.Time `json:"expires"`
	}{uint32(owner.Number), owner.Name, owner.Operator(), owner.Viewer(), s.expires.UTC().Truncate(time.Second)})
}

// logOut ends the session, if there is one.
func (c *Console) logOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(c.cookie); err == nil {
		if s := c.sessions.find(cookie.Value); s != nil {
			c.sessions.end(s)
		}
	}
	c.setCookie(w, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// ticket returns a token for a login of the customer over the WebSocket.
func (c *Console) ticket(w http.ResponseWriter, r *http.Request) {
	s := c.session(w, r)
	if s == nil {
		return
	}
	token := s.pass.Ticket()
	if token == nil {
		c.setCookie(w, "", -1)
		fail(w, http.StatusUnauthorized, "the session has ended; log in again")
		return
	}
	reply(w, http.StatusOK, struct {
		Customer uint32 `json:"customer"`
		Ticket   string `json:"ticket"`
	}{uint32(s.pass.Owner().Number), base64.StdEncoding.EncodeToString(token)})
}
