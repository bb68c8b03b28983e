package terminal

import (
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
)

// suspend stops the process, as Ctrl-Z does in other programs, after the terminal has answered.
func (m *watchModel) suspend() tea.Cmd {
	if !m.asked {
		return suspended()
	}
	m.suspending = true
	return tea.Tick(m.patience(), func(time.Time) tea.Msg { return suspendWatch{} })
}

// suspendNow is suspend once the terminal has answered, or does not.
func (m *watchModel) suspendNow() tea.Cmd {
	if !m.suspending {
		return nil
	}
	m.suspending = false
	return suspended()
}

// resume draws the screen again.
func (m *watchModel) resume() tea.Cmd {
	m.asked = false
	m.trader.answered()
	return tea.ClearScreen
}

// suspendWatch and resumeWatch stop a watch, and make it go on.
type (
	suspendWatch struct{}
	resumeWatch  struct{}
)

// suspended stops the process with the terminal as it was before the watch. tea.Suspend would wait
// for ever where nothing can be stopped, as without a shell.
func suspended() tea.Cmd {
	return tea.Exec(stopped{}, func(error) tea.Msg { return resumeWatch{} })
}

// stopped is what runs instead of a watch: nothing, until a shell continues the process.
type stopped struct{}

// Run implements tea.ExecCommand.
func (stopped) Run() error {
	stopProcess()
	return nil
}

// SetStdin implements tea.ExecCommand.
func (stopped) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (stopped) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (stopped) SetStderr(io.Writer) {}
