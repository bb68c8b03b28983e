package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/config"
)

// addAddr adds the flag for the server's address.
func addAddr(f *pflag.FlagSet, addr *string) {
	f.StringVar(addr, "addr", config.Default().Listen, "server `host:port`")
}

// addReport adds the flag for the file that report.WriteJSON writes.
func addReport(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "json", "", "write the report as JSON to this `file`")
}

// commandLine returns the command as typed, for a page that others read: files and
// folders have no path.
func commandLine(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := strings.Trim(f.Value.String(), "[]")
		switch {
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
			return
		case f.Name == "out" || f.Name == "json":
			value = filepath.Base(value)
		}
		words = append(words, "--"+f.Name, value)
	})
	return strings.Join(words, " ")
}
