package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// usageError is a mistake on the command line; its text says where help is.
type usageError struct{ text string }

// Error implements error.
func (e *usageError) Error() string { return e.text }

// usagef makes the error for a mistake on cmd's command line and adds which
// command shows the help. Commands return it for flags that do not fit together.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return &usageError{fmt.Sprintf("%s; see \"%s --help\"", text, cmd.CommandPath())}
}

// noArgs refuses arguments that are not flags. Use it, not cobra.NoArgs, so that
// the exit code says usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef(cmd, "unexpected argument %q", args[0])
}

// exactArgs wants exactly the arguments that names list, in this order.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef(cmd, "missing argument %s", names[len(args)])
		}
		return noArgs(cmd, args[len(names):])
	}
}
