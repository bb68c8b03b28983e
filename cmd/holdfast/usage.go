package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/textfile"
)

// usageError is a mistake on the command line.
type usageError struct{ text string }

// Error implements error.
func (e *usageError) Error() string { return e.text }

// usagef returns the error for a mistake on cmd's command line; its text ends with the
// command that shows the help.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return &usageError{fmt.Sprintf("%s; see \"%s --help\"", text, cmd.CommandPath())}
}

// flagError returns the error for flags of cmd that pflag refused with err.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var value *valueError
	switch typed := cmd.Flags().Args(); {
	case cmd.HasSubCommands() && len(typed) > 0 && cmd.Args(cmd, typed) != nil: // its flags are those of the command that was meant
		return cmd.Args(cmd, typed)
	case errors.As(err, &unknown) && strings.Trim(unknown.GetSpecifiedShortnames(), ".0123456789") != unknown.GetSpecifiedShortnames():
		return usagef(cmd, "-%s: no value is negative", unknown.GetSpecifiedShortnames())
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return usagef(cmd, "%s%s", err, textfile.Suggestion("--"+unknown.GetSpecifiedName(), names))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		switch kind := f.Value.Type(); {
		case errors.As(err, &value):
			return usagef(cmd, "--%s %s, got %q", f.Name, value.wanted, invalid.GetValue())
		case kind == "bool" || kind == "boolfunc":
			return usagef(cmd, "--%s wants true or false, got %q", f.Name, invalid.GetValue())
		}
	}
	return usagef(cmd, "%s", err)
}

// noArgs returns an error for arguments that are not flags. Unlike that of cobra.NoArgs,
// it ends the program with the code for usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef(cmd, "unexpected argument %q", args[0])
}

// exactArgs requires the arguments that names lists, in this order.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef(cmd, "missing argument %s", names[len(args)])
		}
		return noArgs(cmd, args[len(names):])
	}
}

// adoptDefaults completes the commands that cobra adds to root: a wrong argument of them is a
// mistake on the command line, as everywhere.
func adoptDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args, cmd.Run, cmd.RunE = nil, nil, showTopic
		case "completion":
			cmd.Args, cmd.RunE = subcommandOnly, showHelp
			for _, shell := range cmd.Commands() {
				shell.Args = noArgs
			}
		}
	}
}

// showTopic shows the help of the command that args name.
func showTopic(cmd *cobra.Command, args []string) error {
	topic := cmd.Root()
	for i, name := range args {
		next := subcommand(topic, name)
		if next == nil {
			return usagef(topic, "unknown help topic %q%s", strings.Join(args[:i+1], " "), suggestion(topic, name))
		}
		topic = next
	}
	topic.InitDefaultHelpFlag()
	topic.InitDefaultVersionFlag()
	return topic.Help()
}

// subcommand returns the command of parent with this name, or nil.
func subcommand(parent *cobra.Command, name string) *cobra.Command {
	for _, cmd := range parent.Commands() {
		if cmd.Name() == name || cmd.HasAlias(name) {
			return cmd
		}
	}
	return nil
}

// suggestion returns a question for the command of parent that name was most likely meant
// to be, "" if no command is near.
func suggestion(parent *cobra.Command, name string) string {
	var names []string
	for _, cmd := range parent.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		if len(name) > 1 && strings.HasPrefix(cmd.Name(), name) {
			return fmt.Sprintf(" (did you mean %q?)", cmd.Name())
		}
		names = append(names, cmd.Name())
	}
	return textfile.Suggestion(name, names)
}
