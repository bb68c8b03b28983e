package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"holdfast/perf/progress"
)

// ErrNoScreen means that there is no terminal on which a watch can draw.
var ErrNoScreen = errors.New("watch draws on a terminal: standard input and output must be one, and TERM its kind, such as xterm, not empty or \"dumb\"; " +
	"use \"holdfast client\" for lines of text, or \"holdfast client --json\" for programs")

// Watch logs in and shows an account on the whole terminal: positions, working orders and
// executions as pushes change them, at most 15 frames a second. Keys send orders and cancels. It
// reconnects after a lost connection, and ends with the q key, when ctx ends, when the terminal
// is gone, or when the server refuses a login.
//
// It uses Addr, Customer, Credential and the streams of o, and of environ ("NAME=value") what says
// which terminal it is. Errors are ErrNoScreen and those of a login.
func Watch(ctx context.Context, o Options, environ []string) error {
	if err := CheckScreen(o, environ); err != nil {
		return err
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := openFeed(work, &o)
	if err != nil {
		return err
	}
	m := newWatchModel(f, f.frame(), time.Local)
	out, _ := o.Stdout.(interface{ Fd() uintptr }) // a terminal has one
	gone := make(chan struct{})
	program := tea.NewProgram(m,
		tea.WithInput(&keyboard{File: o.Stdin.(*os.File), ended: sync.OnceFunc(func() { close(gone) })}),
		tea.WithOutput(&drawing{o.Stdout, out.Fd()}),
		tea.WithEnvironment(screenEnviron(environ)), tea.WithFPS(int(time.Second/frameTime)), tea.WithoutSignalHandler())
	end := func() { program.Send(stopWatch{}) }
	stop := f.run(work, func(next frame) { program.Send(next) }, end)
	var ends sync.WaitGroup
	ends.Go(func() {
		select {
		case <-work.Done():
		case <-gone:
		}
		end()
	})
	_, err = program.Run()
	cancel()
	ends.Wait()
	stop()
	lost := f.close()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case lost != nil:
		return lost
	case err != nil:
		return fmt.Errorf("the terminal: %w", err)
	case m.unsent() != "":
		return fmt.Errorf("left before the reply to: %s; see \"history\" and \"orders\" of holdfast client", m.unsent())
	}
	return nil
}

// CheckScreen returns ErrNoScreen if Watch can't draw on the streams of o.
func CheckScreen(o Options, environ []string) error {
	keys, ok := o.Stdin.(*os.File)
	kind := valueOf(environ, "TERM")
	if !ok || !progress.IsTerminal(keys) || !progress.IsTerminal(o.Stdout) || kind == "" || kind == "dumb" {
		return ErrNoScreen
	}
	return nil
}

// valueOf returns a variable of an environment; the last value of a name counts.
func valueOf(environ []string, name string) string {
	for _, variable := range slices.Backward(environ) {
		if value, found := strings.CutPrefix(variable, name+"="); found {
			return value
		}
	}
	return ""
}

// screenEnviron returns the environment for bubbletea. It takes any value of NO_COLOR for a yes, as
// holdfast does, and it does not run tmux to ask for its colours: sixteen are enough.
func screenEnviron(environ []string) []string {
	list := slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, "TMUX=") })
	if valueOf(environ, "NO_COLOR") != "" {
		list = append(list, "NO_COLOR=1")
	}
	return list
}

// keyboard is the terminal as bubbletea reads it.
type keyboard struct {
	*os.File
	ended func() // called when the terminal is gone
}

// Read reads what was typed.
func (k *keyboard) Read(b []byte) (int, error) {
	n, err := k.File.Read(b)
	if err != nil {
		k.ended()
	}
	return n, err
}

// Close does nothing: the terminal is not the watch's.
func (k *keyboard) Close() error { return nil }

// drawing is the terminal as bubbletea draws on it: a stream that knows its terminal.
type drawing struct {
	io.Writer
	fd uintptr
}

// Fd returns the descriptor of the terminal.
func (d *drawing) Fd() uintptr { return d.fd }

// Read is there because bubbletea looks for it; it is not called.
func (d *drawing) Read([]byte) (int, error) { return 0, io.EOF }

// Close does nothing.
func (d *drawing) Close() error { return nil }
