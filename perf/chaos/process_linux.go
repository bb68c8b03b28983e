package chaos

import (
	"os/exec"
	"runtime"
	"syscall"
)

// ownGroup keeps this process's terminal's signals from the server, and does not
// let it outlive this process.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// run starts the process and waits for it, both on one thread that does nothing
// else: the process is killed when the thread that started it ends.
func (s *Server) run(started chan<- error) {
	defer close(s.ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err == nil {
		_ = s.cmd.Wait() // how it ended is in its state and output
	}
}
