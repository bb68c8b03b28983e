// Package transcript plays transcripts for tests: files of what is done and what comes
// of it, for people to read. Only tests use it.
package transcript

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands in testdata answer anew")

// Run plays each file testdata/*.txt. A file is a list of blocks: lines of
// commands, a line of four dashes, what they answer, and an empty line. A line that
// begins with # is a comment. begin returns what executes the commands of one file.
//
// With the flag -update the files are written anew.
func Run(t *testing.T, begin func(*testing.T) (do func(command string) string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no transcripts")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			do := begin(t)
			var played strings.Builder
			for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
				played.WriteString(play(t, file, block, do))
			}
			got := strings.TrimSuffix(played.String(), "\n")
			switch {
			case got == string(text):
			case *update:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s: write it anew with -update if this is right:\n%s", file, firstDifference(got, string(text)))
			}
		})
	}
}

// play executes the commands of one block and returns the block as it should be.
func play(t *testing.T, file, block string, do func(string) string) string {
	t.Helper()
	commands, _, found := strings.Cut(block+"\n", "----\n")
	if !found {
		if allComments(block) {
			return block + "\n\n"
		}
		t.Fatalf("%s: no line of four dashes in\n%s", file, block)
	}
	var answer strings.Builder
	answer.WriteString(commands + "----\n")
	for command := range strings.Lines(commands) {
		if command = strings.TrimSpace(command); command != "" && command[0] != '#' {
			answer.WriteString(strings.TrimSpace(do(command)) + "\n")
		}
	}
	return answer.String() + "\n"
}

func allComments(block string) bool {
	for line := range strings.Lines(block) {
		if line[0] != '#' {
			return false
		}
	}
	return true
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "", ""
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			return "after: " + strings.Join(wantLines[max(0, i-3):min(i, len(wantLines))], "\n       ") + "\ngot:   " + g + "\nwant:  " + w
		}
	}
	return ""
}
