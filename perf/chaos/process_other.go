//go:build !linux

package chaos

import "os/exec"

func ownGroup(*exec.Cmd) {}

func (s *Server) run(started chan<- error) {
	defer close(s.ended)
	err := s.cmd.Start()
	started <- err
	if err == nil {
		_ = s.cmd.Wait() // how it ended is in its state and output
	}
}
