package scenario

import (
	"embed"
	"path"
	"slices"
	"strings"
)

// Suffix is how the names of scenario files end.
const Suffix = ".scenario"

//go:embed library/*.scenario
var files embed.FS

// Library returns the scenarios that ship with holdfast, in the order of their files. First are
// those that any server can run.
func Library() []*Scenario {
	entries, err := files.ReadDir("library")
	if err != nil { // they are inside the program
		panic("scenario: " + err.Error())
	}
	list := make([]*Scenario, 0, len(entries))
	for _, e := range entries {
		text, err := files.ReadFile("library/" + e.Name())
		if err == nil {
			var s *Scenario
			if s, err = Parse("library/"+e.Name(), text); err == nil {
				list = append(list, s)
			}
		}
		if err != nil { // a test parses all
			panic("scenario: " + err.Error())
		}
	}
	return list
}

// Shared returns the scenarios of the library that any server can run.
func Shared() []*Scenario {
	return slices.DeleteFunc(Library(), func(s *Scenario) bool { return s.Server != nil })
}

// Short returns the name of the scenario's file without folder, number and ending:
// "partial-fills".
func (s *Scenario) Short() string {
	name := strings.TrimSuffix(path.Base(s.File), Suffix)
	return strings.TrimLeft(name, "0123456789-")
}
