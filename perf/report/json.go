package report

import (
	"encoding/json"
	"os"
)

// WriteJSON writes v as JSON to a file, which may be a device. An empty name writes
// nothing.
func WriteJSON(name string, v any) error {
	if name == "" {
		return nil
	}
	text, err := encode(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

func encode(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}
