package postgrestest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"holdfast/biz/history/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// With asChild set the test of that name starts the servers that TestServersEndWithTheBinary looks at.
const asChild = "POSTGRESTEST_CHILD"

// Each database is empty, and gone at the end of its test; a server for one test has its settings.
func TestDatabases(t *testing.T) {
	first := postgrestest.New(t)
	second := first
	t.Run("other", func(t *testing.T) {
		second = postgrestest.New(t)
		for _, d := range []*postgrestest.Database{first, second} {
			if _, err := d.Query(t.Context(), "CREATE TABLE mine (a int)"); err != nil {
				t.Error(err)
			}
		}
	})
	got, err := first.Query(t.Context(), "SELECT count(*) FROM pg_database WHERE datname IN ('"+first.Name+"', '"+second.Name+"')")
	if got != "1" || err != nil {
		t.Errorf("%s of the databases %s and %s are there, want the first: %v", got, first.Name, second.Name, err)
	}
	own := postgrestest.Run(t, "work_mem = 123MB")
	if got, err := own.Query(t.Context(), "postgres", "SHOW work_mem"); got != "123MB" || err != nil {
		t.Errorf("work_mem %s, %v", got, err)
	}
}

// A test binary that is killed leaves no server and no folder.
func TestServersEndWithTheBinary(t *testing.T) {
	database := postgrestest.New(t)
	if os.Getenv(asChild) != "" {
		fmt.Println("server", database.URL())
		fmt.Println("server", postgrestest.Run(t).URL("postgres"))
		select {}
	}
	temporary, err := os.MkdirTemp("", "") //nolint:usetesting // short enough for a socket, and open to another user
	must(t, err)
	defer os.RemoveAll(temporary)
	must(t, os.Chmod(temporary, 0o777))
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), asChild+"=1", "TMPDIR="+temporary)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	defer child.Process.Kill()
	var sessions []*pgx.Conn
	for lines := bufio.NewScanner(out); len(sessions) < 2 && lines.Scan(); {
		url, ok := strings.CutPrefix(lines.Text(), "server ")
		if !ok {
			t.Log(lines.Text())
			continue
		}
		c, err := pgx.Connect(t.Context(), url)
		must(t, err)
		sessions = append(sessions, c)
	}
	if len(sessions) < 2 {
		t.Fatalf("%d servers have started, want 2", len(sessions))
	}
	must(t, child.Process.Kill())
	_ = child.Wait()
	for _, c := range sessions {
		for c.Ping(t.Context()) == nil { // until the time of the test binary is up
			time.Sleep(10 * time.Millisecond)
		}
		must(t, c.Close(t.Context()))
	}
	for left := 1; left > 0; time.Sleep(10 * time.Millisecond) {
		entries, err := os.ReadDir(temporary)
		must(t, err)
		left = len(entries)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
