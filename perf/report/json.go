package report

import (
	"encoding/json"
	"io"

	"holdfast/perf/outfile"
)

// WriteJSON writes v as JSON to a file, as outfile.Write does; stdout is for the name "-" and gets
// one line. An empty name writes nothing.
func WriteJSON(name string, stdout io.Writer, v any) error {
	if name == "" {
		return nil
	}
	if outfile.IsStdout(name, stdout) {
		return json.NewEncoder(stdout).Encode(v)
	}
	text, err := encode(v)
	if err != nil {
		return err
	}
	return outfile.WriteText(name, 0o644, stdout, text)
}

func encode(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}
