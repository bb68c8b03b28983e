package report

// FileSystem lets tests pass a table of mounts.
var FileSystem = fileSystem

// Sections lists the workloads that have a section.
func Sections() (names []string) {
	for _, s := range sections {
		names = append(names, s.workload)
	}
	return names
}

// ClassOf returns the name of the class whose colour a server has in charts.
func ClassOf(server string) string { return classNames[classOf(server)] }
