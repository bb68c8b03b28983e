package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast/perf/flame"
)

// Folder is where results are kept. The zero value keeps nothing.
//
//	README.md                       the page that holds all together
//	environment.json                of the last run
//	compare.json, .txt              raw figures, tables
//	response-WORKLOAD.json, .txt    the same
//	plots/*.svg
//	flame/                          profiles, flame graphs and shares.json, made elsewhere
type Folder struct {
	dir string
}

// flameFolder is where flame graphs are expected.
const flameFolder = "flame"

// OpenFolder makes the folder where it doesn't exist.
func OpenFolder(dir string) (Folder, error) {
	return Folder{dir}, os.MkdirAll(dir, 0o755)
}

// Empty tells whether nothing has been kept yet. The error is the file system's.
func (f Folder) Empty() (bool, error) {
	entries, err := os.ReadDir(f.dir)
	return len(entries) == 0, err
}

// Flame is the folder for flame graphs.
func (f Folder) Flame() string { return filepath.Join(f.dir, flameFolder) }

// SaveEnvironment keeps where the run takes place.
func (f Folder) SaveEnvironment(e Environment) error { return f.writeJSON("environment.json", e) }

// SaveCompare keeps a comparison: raw, as tables, as charts. It may be called
// again while the comparison grows.
func (f Folder) SaveCompare(c *Compare) error {
	err := errors.Join(f.SaveEnvironment(c.Environment), f.writeJSON("compare.json", c), f.write("compare.txt", c.AppendText(nil)))
	for _, charts := range c.charts() {
		err = errors.Join(err, f.writeCharts(charts...))
	}
	return errors.Join(err, f.SavePage())
}

// SaveResponse keeps response times in the same way.
func (f Folder) SaveResponse(r *Response) error {
	name := "response-" + r.Workload
	return errors.Join(f.SaveEnvironment(r.Environment),
		f.writeJSON(name+".json", r), f.write(name+".txt", r.AppendText(nil)), f.writeCharts(r.chart()), f.SavePage())
}

// SavePage writes README.md for all that is there.
func (f Folder) SavePage() error {
	if f.dir == "" {
		return nil
	}
	p, err := f.readPage()
	if err != nil {
		return err
	}
	return f.write("README.md", p.appendMarkdown(nil))
}

// readPage gathers what the folder holds.
func (f Folder) readPage() (*page, error) {
	p := &page{name: filepath.Base(f.dir)}
	var c Compare
	found, err := f.readJSON("compare.json", &c)
	if err != nil {
		return nil, err
	}
	if found {
		p.compare = &c
	}
	for _, workload := range []string{"orders", "submit"} {
		var r Response
		found, err := f.readJSON("response-"+workload+".json", &r)
		if err != nil {
			return nil, err
		}
		if found {
			p.responses = append(p.responses, &r)
		}
	}
	if _, err := f.readJSON("environment.json", &p.environment); err != nil {
		return nil, err
	}
	var graphs flame.Result
	if found, err = f.readJSON(filepath.Join(flameFolder, "shares.json"), &graphs); found {
		graphs.Folder = flameFolder + "/"
		p.flame = &graphs
	}
	return p, err
}

func (f Folder) writeCharts(charts ...Chart) error {
	if f.dir == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(f.dir, "plots"), 0o755); err != nil {
		return err
	}
	for _, c := range charts {
		if err := f.write(filepath.Join("plots", c.File), c.SVG); err != nil {
			return err
		}
	}
	return nil
}

func (f Folder) writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %s: %w", name, err)
	}
	return f.write(name, append(text, '\n'))
}

// write replaces a file at once: a reader, or a run that is stopped, never sees
// half of one.
func (f Folder) write(name string, text []byte) error {
	if f.dir == "" {
		return nil
	}
	file := filepath.Join(f.dir, name)
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// readJSON tells whether the file is there.
func (f Folder) readJSON(name string, v any) (found bool, err error) {
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return false, fmt.Errorf("report: %s can't be read: %w; remove it, or choose another folder", name, err)
	}
	return true, nil
}
