package backup_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// dataOf unpacks the data folder of a killed server.
func dataOf(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	file, err := os.Open("../../../biz/server/testdata/73e8446-killed.tar.gz")
	must(t, err)
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	must(t, err)
	for r := tar.NewReader(zipped); ; {
		entry, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		must(t, err)
		path := filepath.Join(dir, filepath.FromSlash(entry.Name))
		if entry.FileInfo().IsDir() {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, content, 0o600))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
