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
	RunFolder(t, "testdata", start)
}

// RunFolder is Run for the files of another folder.
func RunFolder(t *testing.T, folder string, start func(*testing.T) (do func(command string) string)) {
	t.Helper()
	pattern := filepath.Join(folder, "*.txt")
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s", pattern)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			playFile(t, file, func(text string, play func(string) string) string { return play(text) }, start)
		})
	}
}

// RunPage is Run for the fenced blocks of a Markdown page that have this language. They are one transcript.
func RunPage(t *testing.T, page, language string, start func(*testing.T) (do func(command string) string)) {
	t.Helper()
	open := "\n```" + language + "\n"
	playFile(t, page, func(text string, play func(string) string) string {
		before, rest, found := strings.Cut(text, open)
		if !found {
			t.Fatalf("%s has no block %s", page, language)
		}
		var played strings.Builder
		played.WriteString(before)
		for found {
			var block string
			block, rest, _ = strings.Cut(rest, "\n```")
			played.WriteString(open + play(block) + "\n```")
			before, rest, found = strings.Cut(rest, open)
			played.WriteString(before)
		}
		return played.String()
	}, start)
}

// playFile plays those parts of a file that parts calls play with, and compares the file with the result.
func playFile(t *testing.T, file string, parts func(text string, play func(string) string) string, start func(*testing.T) (do func(command string) string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		text, err = textfile.Trim(text)
	}
	if err != nil {
		t.Fatalf("%s %v", file, err)
	}
	do := start(t)
	got := parts(string(text), func(part string) string {
		var played strings.Builder
		for block := range strings.SplitSeq(strings.TrimSpace(part), "\n\n") {
			played.WriteString(play(t, file, block, do))
		}
		end := part[len(strings.TrimRight(part, "\n")):]
		return strings.TrimRight(played.String(), "\n") + end
	})
	switch {
	case got == string(text):
	case *update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s differs; if the new output is right, run the test with -update:\n%s", file, firstDifference(got, string(text)))
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
