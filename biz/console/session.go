package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"holdfast/biz/gateway"
)

// SessionTime is how long a browser stays logged in.
const SessionTime = 12 * time.Hour

// maxPerCustomer is how many browsers of one customer may be logged in; a further login ends the
// oldest session of the customer.
const maxPerCustomer = 16

// sessions are the browsers that are logged in.
type sessions struct {
	config *Config
	saving sync.Mutex // orders writes of Config.File

	mu  sync.Mutex
	all map[sessionKey]*session
}

// sessionKey is the hash of a cookie's value.
type sessionKey [sha256.Size]byte

// session is one browser that is logged in.
type session struct {
	key     sessionKey
	pass    *gateway.Pass
	expires time.Time

	counting sync.Mutex
	counts   *Counts // of the last figures; guarded by counting
}

func (s *sessions) init(c *Config) {
	s.config, s.all = c, make(map[sessionKey]*session)
	if err := s.restore(); err != nil {
		c.Log.Warn("the console's sessions can't be read; their browsers must log in again", "error", err)
	}
}

// add adds a session and returns the value of its cookie; "" if there are too many.
func (s *sessions) add(pass *gateway.Pass) (cookie string, added *session) {
	s.expire()
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // it never fails
	cookie = base64.RawURLEncoding.EncodeToString(random)
	added = &session{key: sha256.Sum256([]byte(cookie)), pass: pass, expires: s.config.Now().Add(SessionTime)}
	replaced := s.put(added)
	if replaced == added {
		return "", nil
	}
	s.save()
	if replaced != nil {
		replaced.pass.End()
	}
	return cookie, added
}

// put stores a session. It returns the session that made room for it, which may be the new one.
func (s *sessions) put(added *session) (removed *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, customer := 0, added.pass.Owner().Number
	for _, old := range s.all {
		if old.pass.Owner().Number != customer {
			continue
		}
		if count++; removed == nil || old.expires.Before(removed.expires) {
			removed = old
		}
	}
	switch {
	case count >= maxPerCustomer:
		delete(s.all, removed.key)
	case len(s.all) >= s.config.MaxSessions:
		return added
	default:
		removed = nil
	}
	s.all[added.key] = added
	return removed
}

// find returns the session of a cookie's value, nil if it has ended.
func (s *sessions) find(cookie string) *session {
	s.mu.Lock()
	found := s.all[sha256.Sum256([]byte(cookie))]
	s.mu.Unlock()
	if found == nil {
		return nil
	}
	if found.over(s.config.Now()) {
		s.end(found)
		return nil
	}
	return found
}

// over reports whether the session has ended.
func (s *session) over(now time.Time) bool { return s.pass.Ended() || !now.Before(s.expires) }

// end ends sessions, and the sessions of the server that they have logged in.
func (s *sessions) end(ended ...*session) {
	if len(ended) == 0 {
		return
	}
	s.mu.Lock()
	for _, e := range ended {
		delete(s.all, e.key)
	}
	s.mu.Unlock()
	s.save()
	for _, e := range ended {
		e.pass.End()
	}
}

// expire ends the sessions whose time is over.
func (s *sessions) expire() {
	var over []*session
	now := s.config.Now()
	s.mu.Lock()
	for _, e := range s.all {
		if e.over(now) {
			over = append(over, e)
		}
	}
	s.mu.Unlock()
	s.end(over...)
}

// session returns the session of a request, or answers 401 and returns nil.
func (c *Console) session(w http.ResponseWriter, r *http.Request) *session {
	cookie, err := r.Cookie(c.cookie)
	if err != nil {
		fail(w, http.StatusUnauthorized, "log in first")
		return nil
	}
	s := c.sessions.find(cookie.Value)
	if s == nil {
		c.setCookie(w, "", -1)
		fail(w, http.StatusUnauthorized, "the session has ended; log in again")
	}
	return s
}

// setCookie sets the cookie of the session; a negative age removes it.
func (c *Console) setCookie(w http.ResponseWriter, value string, ageSeconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie, Value: value, Path: "/", MaxAge: ageSeconds,
		HttpOnly: true, Secure: c.config.TLS, SameSite: http.SameSiteStrictMode,
	})
}
