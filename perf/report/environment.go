package report

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"holdfast/perf/table"
)

// Environment says where, when and how something was measured.
type Environment struct {
	Date    time.Time `json:"date"`
	Command string    `json:"command"` // as typed, without folders
	Program string    `json:"program"` // version and commit of holdfast
	Go      string    `json:"go"`
	System  string    `json:"system"` // operating system and architecture
	Kernel  string    `json:"kernel"`
	CPU     string    `json:"cpu"`
	Virtual bool      `json:"virtual"` // under a hypervisor
	Cores   int       `json:"cores"`
	// MemoryBytes of the machine; 0: unknown.
	MemoryBytes uint64 `json:"memory_bytes"`
	// OpenFiles are the limits of open files, "unlimited" or a number.
	OpenFilesSoft string `json:"open_files_soft"`
	OpenFilesHard string `json:"open_files_hard"`
	// FileSystem is the type of the file system with the journals, e.g. "ext4". On
	// "tmpfs" an fsync costs nothing.
	FileSystem string `json:"file_system"`
}

// ReadEnvironment reads the machine's properties from the system; dataFolder is where the
// servers store their data. Unknown properties stay empty. The caller sets Date, Command
// and Program.
func ReadEnvironment(dataFolder string) Environment {
	e := Environment{
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
		Kernel: strings.TrimSpace(string(contents("/proc/sys/kernel/osrelease"))),
	}
	cpu := contents("/proc/cpuinfo")
	e.CPU = field(cpu, "model name", ":")
	e.Virtual = strings.Contains(" "+field(cpu, "flags", ":")+" ", " hypervisor ")
	if kibibytes, err := strconv.ParseUint(first(field(contents("/proc/meminfo"), "MemTotal", ":")), 10, 64); err == nil {
		e.MemoryBytes = kibibytes << 10
	}
	if limits := strings.Fields(field(contents("/proc/self/limits"), "Max open files", "")); len(limits) >= 2 {
		e.OpenFilesSoft, e.OpenFilesHard = limits[0], limits[1]
	}
	if folder, err := filepath.Abs(dataFolder); err == nil {
		e.FileSystem = fileSystem(contents("/proc/self/mountinfo"), folder)
	}
	return e
}

// contents reads a file, which need not exist.
func contents(name string) []byte {
	text, _ := os.ReadFile(name)
	return text
}

// field returns the rest of the first line that starts with name and separator.
func field(text []byte, name, separator string) string {
	for line := range bytes.Lines(text) {
		rest, found := strings.CutPrefix(string(line), name)
		if !found {
			continue
		}
		if rest, found = strings.CutPrefix(strings.TrimLeft(rest, " \t"), separator); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func first(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// fileSystem returns the type of the mount that holds folder. Lines of mountinfo: id
// parent device root MOUNT-POINT options ... - TYPE source options (proc(5)).
func fileSystem(mountinfo []byte, folder string) (kind string) {
	longest := -1
	for scanner := bufio.NewScanner(bytes.NewReader(mountinfo)); scanner.Scan(); {
		before, after, ok := strings.Cut(scanner.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 {
			continue
		}
		mount := fields[4]
		inside := folder == mount || strings.HasPrefix(folder, strings.TrimSuffix(mount, "/")+"/")
		if inside && len(mount) >= longest {
			kind, longest = first(after), len(mount)
		}
	}
	return kind
}

// AppendMarkdown appends the machine as a table.
func (e Environment) AppendMarkdown(dst []byte) []byte {
	machine := "machine"
	if e.Virtual {
		machine = "virtual machine"
	}
	rows := [][]string{
		{machine, fmt.Sprintf("%d cores, %s, %.0f GiB of memory", e.Cores, e.CPU, float64(e.MemoryBytes)/(1<<30))},
		{"system", fmt.Sprintf("%s, kernel %s, open files %s (hard limit %s)", e.System, e.Kernel, e.OpenFilesSoft, e.OpenFilesHard)},
		{"data on", e.fileSystemText()},
		{"holdfast", e.Program},
		{"Go", e.Go},
		{"date", e.Date.UTC().Format("2006-01-02 15:04 MST")},
		{"command", "`" + e.Command + "`"},
	}
	t := table.Table{Head: []string{"", ""}, Rows: rows, Align: "l"}
	return append(t.AppendMarkdown(dst), '\n')
}

func (e Environment) fileSystemText() string {
	if e.FileSystem == "tmpfs" {
		return "tmpfs: in memory, so an fsync costs nothing here; set TMPDIR to a folder on a disk"
	}
	return e.FileSystem
}
