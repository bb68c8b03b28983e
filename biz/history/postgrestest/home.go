package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// debianPackage is what has to be installed.
const debianPackage = "postgresql"

// errMissing says what to install.
var errMissing = errors.New("needs PostgreSQL: apt-get install " + debianPackage)

// cleaner is a shell script. It waits for the end of its input, stops the servers in the folder $2
// with pg_ctl ($1), and removes the folder.
const cleaner = `
cat
for pid in "$2"/*/data/postmaster.pid; do
	[ -f "$pid" ] && "$1" stop --silent --mode immediate --pgdata "${pid%/postmaster.pid}"
done
rm -rf "$2"
`

// home is the folder of all servers of this test binary, each in a folder in it.
type home struct {
	programs string // folder of initdb and pg_ctl
	folder   string
	owner    *syscall.Credential // nil: this user
	alive    io.Closer           // the cleaner's input: closed by the end of this process at the latest
}

// newHome makes the folder, with a data folder that all servers begin with.
func newHome() (*home, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	h := &home{programs: programs}
	if h.folder, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		err = h.findOwner()
	}
	if err := errors.Join(err, h.own(h.folder)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(h.folder))
	}
	if err := h.startCleaner(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(h.folder))
	}
	if err := h.initialize(); err != nil {
		return nil, errors.Join(err, h.alive.Close())
	}
	return h, nil
}

// findOwner finds a user that is not root.
func (h *home) findOwner() error {
	var owner *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if owner, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return err
	}
	h.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return nil
}

// own makes the owner of the servers the owner of a file.
func (h *home) own(path string) error {
	if h.owner == nil {
		return nil
	}
	return os.Chown(path, int(h.owner.Uid), int(h.owner.Gid))
}

// startCleaner starts the cleaner in a separate process group: it outlives this process.
func (h *home) startCleaner() (err error) {
	c := exec.Command("sh", "-c", cleaner, "sh", h.program("pg_ctl"), h.folder)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: h.owner, Setpgid: true}
	if h.alive, err = c.StdinPipe(); err != nil {
		return err
	}
	return c.Start()
}

func (h *home) initialize() error {
	password := filepath.Join(h.folder, "password")
	if err := errors.Join(os.WriteFile(password, []byte(Password), 0o600), h.own(password)); err != nil {
		return err
	}
	return h.command(context.Background(), h.program("initdb"),
		"--pgdata", h.template(), "--username", User, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
}

// template is the data folder that servers begin with: a copy is made in a tenth of the time.
func (h *home) template() string { return filepath.Join(h.folder, "template") }

// start starts a server.
func (h *home) start(ctx context.Context, settings []string) (*Server, error) {
	folder, err := os.MkdirTemp(h.folder, "")
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, folder: folder}
	if err := errors.Join(h.own(folder), h.command(ctx, "cp", "-Rp", h.template(), s.data())); err != nil {
		return nil, err
	}
	settings = append([]string{
		"listen_addresses = ''",
		"unix_socket_directories = '" + folder + "'",
		"max_wal_size = 4GB",
		"fsync = off",
	}, settings...)
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString("\n" + strings.Join(settings, "\n") + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// program returns the path of a program of PostgreSQL.
func (h *home) program(name string) string { return filepath.Join(h.programs, name) }

// command runs a program as the owner of the servers.
func (h *home) command(ctx context.Context, name string, arguments ...string) error {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir = h.folder
	c.SysProcAttr = &syscall.SysProcAttr{Credential: h.owner}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return nil
}

// findPrograms returns the folder of the newest PostgreSQL server on this machine.
func findPrograms() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // Debian: not in PATH
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, folder := range folders {
		if _, err := exec.LookPath(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	return "", errMissing
}
