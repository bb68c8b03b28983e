package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/perf/report"
)

// Results are the verdicts of several faults on one machine.
type Results struct {
	Environment report.Environment
	Small       bool // runs of the size that every change has to stand
	rows        []resultRow
}

type resultRow struct {
	fault   Fault
	verdict *Verdict // nil: it could not be tried
	err     error
}

// Names lists the names of all faults.
func Names() []string {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
	}
	return names
}

// Wanted gives the faults with these names, all for none.
func Wanted(names []string) []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool {
		return len(names) > 0 && !slices.Contains(names, f.Name)
	})
}

// Add notes how a run ended; v or err may be nil.
func (rs *Results) Add(f Fault, v *Verdict, err error) {
	rs.rows = append(rs.rows, resultRow{f, v, err})
}

// Save writes <fault>.json for each verdict and README.md with all of them. An
// empty folder keeps nothing.
func (rs *Results) Save(folder string) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, row := range rs.rows {
		if row.verdict == nil {
			continue
		}
		if err := WriteJSON(filepath.Join(folder, row.fault.Name+".json"), row.verdict); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "README.md"), rs.AppendMarkdown(nil), 0o644)
}

// WriteJSON writes a verdict to a file.
func WriteJSON(file string, v *Verdict) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// AppendMarkdown appends the page.
func (rs *Results) AppendMarkdown(dst []byte) []byte {
	dst = append(dst, "# Faults and attacks\n\nWhat was done to running servers, and whether the promises held. "...)
	if rs.Small {
		dst = append(dst, "The runs are of the small sizes that every change has to stand.\n\n"...)
	} else {
		dst = append(dst, "The runs are long ones.\n\n"...)
	}
	dst = append(dst, "| id | fault | promised | verdict | seed | took | figures |\n"...)
	dst = append(dst, "| --- | --- | --- | --- | ---: | ---: | --- |\n"...)
	for _, row := range rs.rows {
		dst = row.appendVerdict(dst)
	}
	for _, row := range rs.rows {
		dst = row.appendBroken(dst)
	}
	dst = append(dst, "\n## How\n\n| fault | what was done | again |\n| --- | --- | --- |\n"...)
	for _, row := range rs.rows {
		dst = row.appendHow(dst)
	}
	dst = append(dst, "\n## Where\n\n"...)
	return rs.Environment.AppendMarkdown(dst)
}

func (row resultRow) appendVerdict(dst []byte) []byte {
	f, v := row.fault, row.verdict
	if v == nil {
		return appendCells(dst, f.ID, f.Name, f.Promise, row.word(), "", "", "")
	}
	return appendCells(dst, f.ID, "["+f.Name+"]("+f.Name+".json)", f.Promise, row.word(), fmt.Sprint(v.Seed),
		v.Took.Round(100*time.Millisecond).String(), v.FiguresText())
}

func (row resultRow) appendHow(dst []byte) []byte {
	command := ""
	if row.verdict != nil {
		command = "`" + row.verdict.Command + "`"
	}
	return appendCells(dst, row.fault.Name, row.fault.HowText(), command)
}

// appendCells appends a row of a table.
func appendCells(dst []byte, cells ...string) []byte {
	for _, cell := range cells {
		dst = append(dst, "| "...)
		dst = append(dst, strings.ReplaceAll(strings.ReplaceAll(cell, "\n", " "), "|", `\|`)...)
		dst = append(dst, ' ')
	}
	return append(dst, "|\n"...)
}

// word is the verdict in short.
func (row resultRow) word() string {
	if row.verdict == nil {
		return "not tried: " + row.err.Error()
	}
	return row.verdict.Word()
}

func (row resultRow) appendBroken(dst []byte) []byte {
	if row.verdict == nil || row.verdict.Held {
		return dst
	}
	dst = fmt.Appendf(dst, "\n## %s broken\n\n", row.fault.ID)
	for _, text := range row.verdict.Broken {
		dst = fmt.Appendf(dst, "- %s\n", text)
	}
	return dst
}
