// Package transcript runs tests that are written as transcripts: readable files with
// commands and their output. Only tests use it.
package transcript

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/textfile"
)

var update = flag.Bool("update", false, "rewrite the output of the commands in testdata")

// Run plays each file testdata/*.txt. A file is a list of blocks: lines of commands, a line
// of four dashes, their output, and an empty line. A line that starts with # is a comment.
// start returns a function that executes the commands of one file.
//
// With the flag -update the files are rewritten.
func Run(t *testing.T, start func(*testing.T) (do func(command string) string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files in testdata/*.txt")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err == nil {
				text, err = textfile.Trim(text)
			}
			if err != nil {
				t.Fatalf("%s %v", file, err)
			}
			do := start(t)
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
				t.Errorf("%s differs; if the new output is right, run the test with -update:\n%s", file, firstDifference(got, string(text)))
			}
		})
	}
}

// play executes the commands of one block and returns the block with their output.
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

// firstDifference shows the first line in which two texts differ.
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
