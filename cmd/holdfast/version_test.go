package main_test

import (
	"runtime/debug"
	"testing"

	main "holdfast/cmd/holdfast"
)

func TestVersionText(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	cases := []struct {
		name  string
		build debug.BuildInfo
		want  string
	}{
		{"working tree", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}}, "devel, go1.26.8"},
		{"release", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3, go1.26.8"},
		{"commit", debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{revision}}, "devel (0123456789ab), go1.26.8"},
		{"changed", debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{revision, {Key: "vcs.modified", Value: "true"}}}, "devel (0123456789ab, modified), go1.26.8"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := main.VersionText(&tc.build); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
