package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast/biz/fserror"
	"holdfast/biz/textfile"
	"holdfast/perf/outfile"
)

// Folder is where results are saved. The zero value saves nothing.
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

// OpenFolder opens the folder and creates it if it does not exist.
func OpenFolder(dir string) (Folder, error) {
	return Folder{dir}, fserror.Explain(dir, os.MkdirAll(dir, 0o755))
}

// Empty reports whether the folder holds no results. The error is from the file system.
func (f Folder) Empty() (bool, error) {
	entries, err := os.ReadDir(f.dir)
	return len(entries) == 0, err
}

// Flame returns the folder for flame graphs.
func (f Folder) Flame() string { return filepath.Join(f.dir, flameFolder) }

// SaveEnvironment saves the environment of the run.
func (f Folder) SaveEnvironment(e Environment) error { return f.writeJSON("environment.json", e) }

// SaveCompare saves a comparison as raw figures, tables and charts. It may be called
// again while the comparison grows.
func (f Folder) SaveCompare(c *Compare) error {
	err := errors.Join(f.SaveEnvironment(c.Environment), f.writeJSON("compare.json", c), f.write("compare.txt", c.AppendText(nil)))
	for _, w := range c.Workloads {
		err = errors.Join(err, f.writeCharts(w.charts()))
	}
	return errors.Join(err, f.SavePage())
}

// SaveResponse saves response times in the same way.
func (f Folder) SaveResponse(r *Response) error {
	name := "response-" + r.Workload
	return errors.Join(f.SaveEnvironment(r.Environment),
		f.writeJSON(name+".json", r), f.write(name+".txt", r.AppendText(nil)), f.writeCharts(r.charts()), f.SavePage())
}

// SavePage writes README.md from all files in the folder.
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

// readPage reads the files in the folder.
func (f Folder) readPage() (*page, error) {
	p := &page{name: filepath.Base(f.dir)}
	err := errors.Join(
		f.readJSON("environment.json", &p.environment), f.readJSON("compare.json", &p.compare),
		f.readJSON(filepath.Join(flameFolder, "shares.json"), &p.flame),
	)
	if p.flame != nil {
		p.flame.Folder = flameFolder + "/"
	}
	for _, workload := range []string{"orders", "submit"} {
		var r *Response
		err = errors.Join(err, f.readJSON("response-"+workload+".json", &r))
		if r != nil {
			p.responses = append(p.responses, r)
		}
	}
	return p, err
}

func (f Folder) writeCharts(charts []Chart) error {
	if f.dir == "" {
		return nil
	}
	plots := filepath.Join(f.dir, "plots")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return fserror.Explain(plots, err)
	}
	for _, c := range charts {
		if err := f.write(filepath.Join("plots", c.File), c.SVG); err != nil {
			return err
		}
	}
	return nil
}

func (f Folder) writeJSON(name string, v any) error {
	text, err := encode(v)
	if err != nil {
		return fmt.Errorf("report: %s: %w", name, err)
	}
	return f.write(name, text)
}

// write replaces a file atomically: readers never see half a file, even if the run is
// stopped.
func (f Folder) write(name string, text []byte) error {
	if f.dir == "" {
		return nil
	}
	return outfile.WriteText(filepath.Join(f.dir, name), 0o644, nil, text)
}

// readJSON reads a file into v, or leaves v unchanged if there is no such file.
func (f Folder) readJSON(name string, v any) error {
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if text, err = textfile.Trim(text); err != nil {
			err = fmt.Errorf("it %w", err)
		}
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("report: %s can't be read: %w; remove it, or choose another folder", name, err)
	}
	return nil
}
