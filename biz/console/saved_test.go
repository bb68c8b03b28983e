package console_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/console"
	"holdfast/biz/seed"
)

// TestSessionsOutlastARestart: after a restart a browser is still logged in, unless it has logged
// out, its time is over, or the customer has another password.
func TestSessionsOutlastARestart(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(s *service, b *browser, file string)
		want int
	}{
		"nothing":   {func(*service, *browser, string) {}, http.StatusOK},
		"logout":    {func(_ *service, b *browser, _ string) { b.post("/api/logout", "") }, http.StatusUnauthorized},
		"time":      {func(s *service, _ *browser, _ string) { s.pass(console.SessionTime) }, http.StatusUnauthorized},
		"withdrawn": {func(s *service, _ *browser, _ string) { s.reload(trader, nil) }, http.StatusUnauthorized},
		"password": {func(s *service, _ *browser, _ string) {
			s.reload(trader, func(c *seed.Customer) { c.Password = hash("new") })
		}, http.StatusUnauthorized},
		"lost file": {func(s *service, _ *browser, file string) { must(s.t, os.Remove(file)) }, http.StatusUnauthorized},
		"other file": {func(s *service, _ *browser, file string) {
			must(s.t, os.WriteFile(file, []byte(`[{"key":"AA=="},7`), 0o600))
		}, http.StatusUnauthorized},
		"short key": {func(s *service, _ *browser, file string) {
			must(s.t, os.WriteFile(file, []byte(`[{"key":"AA=="}]`), 0o600))
		}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sessions.json")
			var config console.Config
			s := start(t, func(c *console.Config) { c.File = file; config = *c })
			b := s.browser()
			b.logIn(trader)
			cookies := b.Jar.Cookies(parsed(t, s.http.URL))
			tc.do(s, b, file)
			again := console.New(config)
			defer again.Close()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/session", http.NoBody)
			r.AddCookie(cookies[0])
			w := httptest.NewRecorder()
			again.ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tc.want)
			}
		})
	}
}

// TestLogoutOutlastsAFailedSave: a session that has ended does not come back with a restart, also if the
// sessions could not be saved since.
func TestLogoutOutlastsAFailedSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.json")
	var config console.Config
	s := start(t, func(c *console.Config) { c.File = file; config = *c })
	b := s.browser()
	b.logIn(trader)
	config.File = filepath.Join(t.TempDir(), strings.Repeat("x", 255)) // names of temporary files are longer: too long
	must(t, os.Rename(file, config.File))
	ask := func(c *console.Console, method, path string, want int) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, s.http.URL+path, http.NoBody)
		r.AddCookie(b.Jar.Cookies(parsed(t, s.http.URL))[0])
		r.Header.Set("Origin", s.http.URL)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	restarted := console.New(config)
	defer restarted.Close()
	ask(restarted, http.MethodGet, "/api/session", http.StatusOK)
	ask(restarted, http.MethodPost, "/api/logout", http.StatusNoContent)
	again := console.New(config)
	defer again.Close()
	ask(again, http.MethodGet, "/api/session", http.StatusUnauthorized)
}
