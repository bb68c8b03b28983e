package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"

	"holdfast/biz/ledger"
)

// saved is a session in Config.File, so that a restart of the server logs no browser out. The cookie
// is not in it, only its hash; nor is the password.
type saved struct {
	Key        []byte          `json:"key"`
	Customer   ledger.Customer `json:"customer"`
	Credential []byte          `json:"credential"` // Pass.Credential
	Expires    time.Time       `json:"expires"`
}

// restore reads the sessions of before the start. Those of another credential, or whose time is over,
// have ended.
func (s *sessions) restore() error {
	if s.config.File == "" {
		return nil
	}
	content, err := os.ReadFile(s.config.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var list []saved
	if err := json.Unmarshal(content, &list); err != nil {
		return fmt.Errorf("%s: %w", s.config.File, err)
	}
	for _, of := range list[:min(len(list), s.config.MaxSessions)] {
		if len(of.Key) != len(sessionKey{}) || !s.config.Now().Before(of.Expires) {
			continue
		}
		if pass := s.config.Gateway.RestorePass(of.Customer, of.Credential); pass != nil {
			key := sessionKey(of.Key)
			s.all[key] = &session{key: key, pass: pass, expires: of.Expires}
		}
	}
	return nil
}

// save writes Config.File. If it fails, the browsers have to log in again after a restart: the file that
// there is goes, as it may have sessions that have ended.
func (s *sessions) save() {
	if s.config.File == "" {
		return
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	list := make([]saved, 0, len(s.all))
	for key, e := range s.all {
		list = append(list, saved{key[:], e.pass.Owner().Number, e.pass.Credential(), e.expires})
	}
	s.mu.Unlock()
	content, err := json.Marshal(list)
	if err == nil {
		err = renameio.WriteFile(s.config.File, content, 0o600)
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(s.config.File))
		s.config.Log.Warn("the console's sessions can't be saved; after a restart of the server their browsers must log in again", "error", err)
	}
}
