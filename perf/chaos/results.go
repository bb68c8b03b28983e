package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast/biz/fserror"
	"holdfast/perf/outfile"
	"holdfast/perf/report"
	"holdfast/perf/table"
)

// Results holds the verdicts of several faults on one machine.
type Results struct {
	Environment report.Environment
	Small       bool // runs of the small size, as for every change
	rows        []resultRow
}

type resultRow struct {
	fault   Fault
	verdict *Verdict // nil: it could not be run
	err     error
}

// Names returns the names of all faults.
func Names() []string {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
	}
	return names
}

// Wanted returns the faults with these names, or all faults if there are no names.
func Wanted(names []string) []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool {
		return len(names) > 0 && !slices.Contains(names, f.Name)
	})
}

// Add records how a run ended; v or err may be nil.
func (rs *Results) Add(f Fault, v *Verdict, err error) {
	rs.rows = append(rs.rows, resultRow{f, v, err})
}

// Save writes <fault>.json for each verdict and README.md with all of them. An
// empty folder writes nothing.
func (rs *Results) Save(folder string) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fserror.Explain(folder, err)
	}
	for _, row := range rs.rows {
		if row.verdict == nil {
			continue
		}
		if err := report.WriteJSON(filepath.Join(folder, row.fault.Name+".json"), nil, row.verdict); err != nil {
			return err
		}
	}
	return outfile.WriteText(filepath.Join(folder, "README.md"), 0o644, nil, rs.AppendMarkdown(nil))
}

// AppendMarkdown appends the results page.
func (rs *Results) AppendMarkdown(dst []byte) []byte {
	dst = append(dst, "# Faults and attacks\n\nWhat was done to running servers, and whether the promises held. "...)
	if rs.Small {
		dst = append(dst, "The runs have the small sizes that are used for every change.\n\n"...)
	} else {
		dst = append(dst, "The runs are long ones.\n\n"...)
	}
	verdicts := table.Table{Head: []string{"id", "fault", "promised", "verdict", "seed", "took", "figures"}, Align: "llllrrl"}
	how := table.Table{Head: []string{"fault", "what was done", "again"}, Align: "l"}
	for _, row := range rs.rows {
		verdicts.Add(row.summary()...)
		how.Add(row.how()...)
	}
	dst = verdicts.AppendMarkdown(dst)
	for _, row := range rs.rows {
		dst = row.appendBroken(dst)
	}
	dst = how.AppendMarkdown(append(dst, "\n## How\n\n"...))
	dst = append(dst, "\n## Where\n\n"...)
	return rs.Environment.AppendMarkdown(dst)
}

func (row resultRow) summary() []string {
	f, v := row.fault, row.verdict
	if v == nil {
		return []string{f.ID, f.Name, f.Promise, row.word(), "", "", ""}
	}
	return []string{
		f.ID, "[" + f.Name + "](" + f.Name + ".json)", f.Promise, row.word(), fmt.Sprint(v.Seed),
		v.Took.Round(100 * time.Millisecond).String(), v.FiguresText(),
	}
}

func (row resultRow) how() []string {
	command := ""
	if row.verdict != nil {
		command = "`" + row.verdict.Command + "`"
	}
	return []string{row.fault.Name, row.fault.HowText(), command}
}

// word returns the verdict in short.
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
