package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/bench"
	"holdfast/perf/report"
)

// newVersionCommand returns the command that prints the same line as --version.
func newVersionCommand(p *Program) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "print the version and the build",
		Example: "  holdfast version\n  holdfast version --json | jq -r .version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return p.print(versionInfo{version()}, asJSON) },
	}
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

// versionInfo is the result of "holdfast version".
type versionInfo struct {
	Version string `json:"version"`
}

// String returns the line for people.
func (v versionInfo) String() string { return "holdfast " + v.Version + "\n" }

// release is the version that "make image" sets with -ldflags "-X main.release=...".
var release string

// version returns the version and the build as far as the binary has them, such as
// "devel (0123456789ab, modified), go1.26.8".
func version() string {
	text, _ := readVersion()
	return text
}

// readVersion reads what the Go toolchain stored in the binary.
func readVersion() (text string, hasRevision bool) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel, unknown", false
	}
	return versionOf(build)
}

func versionOf(build *debug.BuildInfo) (text string, hasRevision bool) {
	settings := make(map[string]string)
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	text = cmp.Or(release, build.Main.Version)
	if text == "" || text == "(devel)" {
		text = "devel"
	}
	revision := settings["vcs.revision"]
	if revision != "" {
		modified := ""
		if settings["vcs.modified"] == "true" {
			modified = ", modified"
		}
		text += fmt.Sprintf(" (%.12s%s)", revision, modified)
	}
	return text + ", " + build.GoVersion, revision != ""
}

// environment returns where and how command, as typed, measures.
func environment(ctx context.Context, command string) report.Environment {
	e := report.ReadEnvironment(os.TempDir())
	e.Date, e.Command = time.Now().UTC().Truncate(time.Second), command
	var hasRevision bool
	if e.Program, hasRevision = readVersion(); !hasRevision {
		e.Program += bench.SourceRevision(ctx)
	}
	return e
}
