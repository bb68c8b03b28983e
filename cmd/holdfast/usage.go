package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/config"
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
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return usagef(cmd, "%s%s", err, config.Suggestion("--"+unknown.GetSpecifiedName(), names))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		if wanted := wantedOfType(f.Value.Type()); wanted != "" {
			return usagef(cmd, "--%s wants %s, got %q", f.Name, wanted, invalid.GetValue())
		}
	}
	return usagef(cmd, "%s", err)
}

// wantedOfType returns what errors call a value of this type of pflag, "" for a type that
// reports its own errors.
func wantedOfType(kind string) string {
	return map[string]string{
		"bool": "true or false", "boolfunc": "true or false",
		"int": "a whole number", "intSlice": "whole numbers, separated by commas",
		"uint32": "a whole number from 0 to 2^32-1", "uint64": "a whole number from 0 to 2^64-1",
		"float64": "a number", "duration": "a duration such as 20s or 1m30s",
	}[kind]
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
