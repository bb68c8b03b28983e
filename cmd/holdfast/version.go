package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version says which build this is, as far as the binary knows.
type version struct {
	module   string // "v1.2.3", or "devel" for a build from a working tree
	revision string // commit, "" where the build recorded none
	modified bool   // the working tree had changes that are not committed
	golang   string // the Go release that built it
}

// newVersionCommand prints the version, the same line as --version.
func newVersionCommand(p *Program) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version, the commit and the Go release",
		Example: "  holdfast version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.Stdout, "holdfast %s\n", readVersion())
			return err
		},
	}
}

// readVersion reads what the Go toolchain left in the binary.
func readVersion() version {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return version{module: "devel", golang: "unknown"}
	}
	return versionOf(build)
}

func versionOf(build *debug.BuildInfo) version {
	v := version{module: build.Main.Version, golang: build.GoVersion}
	if v.module == "" || v.module == "(devel)" {
		v.module = "devel"
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			v.revision = s.Value
		case "vcs.modified":
			v.modified = s.Value == "true"
		}
	}
	return v
}

// String gives "devel (0123456789ab, modified), go1.26.8".
func (v version) String() string {
	text := v.module
	switch {
	case v.revision != "" && v.modified:
		text += fmt.Sprintf(" (%.12s, modified)", v.revision)
	case v.revision != "":
		text += fmt.Sprintf(" (%.12s)", v.revision)
	}
	return text + ", " + v.golang
}
