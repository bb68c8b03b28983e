package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/perf/process"
)

// Flips of each kind that a start is tried on.
const (
	startFlips     = 10
	startFlipsGate = 2
)

// startDamage damages the files that a start with a checkpoint reads, and those that it does not.
type startDamage struct {
	*Run
	random *rand.Rand
	data   string // not damaged
	counts *damageCounts
}

// A startHarm is damage to a copy of a data folder. It returns the files that must be named.
type startHarm struct {
	name string
	do   func(d *startDamage, folder string) (file string)
	// says is part of the reason of a start that is refused; "": the server starts.
	says string
	// logs is part of what a server that starts logs.
	logs string
	// verify says that journal verify ends with the code for failure, and names the file.
	verify bool
}

// startHarms returns the kinds of harm to a data folder, which depend on whether its journal was
// trimmed.
func startHarms(trimmed bool) (all []startHarm) {
	newest, last := flipped("checkpoints", -1), flipped("journal", -1)
	all = []startHarm{
		{name: "flip in the newer checkpoint", do: newest, logs: "an older one or the journal does instead", verify: true},
		{name: "flip in the log of the newer checkpoint", do: (*startDamage).flipLog, logs: "an older one or the journal does instead", verify: true},
		{name: "newer checkpoint torn", do: (*startDamage).tear, logs: "an older one or the journal does instead", verify: true},
		{name: "flip in the part of the journal that a start reads", do: last, says: "from byte ", verify: true},
	}
	if !trimmed {
		return append(all,
			startHarm{name: "flip in the part of the journal that a start does not read", do: flipped("journal", 0),
				logs: olderDamage, verify: true},
			startHarm{name: "no checkpoints", do: removed("checkpoints")})
	}
	return append(all,
		startHarm{name: "no checkpoints", do: removed("checkpoints"), says: "there is no usable checkpoint to start from; restore the data folder from a backup", verify: true},
		startHarm{name: "flips in all checkpoints", do: (*startDamage).flipCheckpoints, says: "there is no usable checkpoint to start from; restore the data folder from a backup", verify: true},
		startHarm{name: "no history", do: removed("history.db"), says: "the history lacks batches that were trimmed from the journal; restore the history from a backup"},
		startHarm{name: "flip in the place of the first batch", do: func(d *startDamage, folder string) string {
			file := filepath.Join(folder, "journal", "trimmed")
			d.flip(file)
			return file
		}, says: "journal: damage in ", verify: true})
}

// all tries every kind of harm to a folder with several files of a journal, and to one that was
// trimmed.
func (d *startDamage) all(ctx context.Context) {
	flips := startFlips
	if d.Rounds > damageFine {
		flips = startFlipsGate
	}
	for _, trimmed := range []bool{false, true} {
		d.make(ctx, trimmed)
		for _, h := range startHarms(trimmed) {
			for n := range flips {
				d.Progress(n, flips, h.name)
				d.try(ctx, &h)
			}
		}
	}
}

// make writes a data folder, with at least three files of a journal.
func (d *startDamage) make(ctx context.Context, trimmed bool) {
	args := []string{"--simulate", "50000/s", "--seed", fmt.Sprint(d.Seed), "--checkpoint-interval", "1s"}
	if trimmed {
		args = append(args, "--journal-keep", "1MB")
	}
	s := must(d.Start(ctx, ServerOptions{Args: args}))
	d.data = s.Data
	enough := waitUntil(ctx, startTimeout, 50*time.Millisecond, func() bool {
		if trimmed {
			_, err := os.Stat(filepath.Join(d.data, "journal", "trimmed"))
			return err == nil
		}
		return len(checkpointsIn(d.data)) > 1 && len(blocksIn(d.data)) > 2
	})
	if !enough {
		check(fmt.Errorf("%w: a journal with checkpoints", ErrTooLittle))
	}
	s.stopClean(ctx)
}

// try harms a copy of the folder, and starts a server on it.
func (d *startDamage) try(ctx context.Context, h *startHarm) {
	folder := must(os.MkdirTemp(d.Scratch, "harmed-"))
	defer os.RemoveAll(folder)
	check(os.CopyFS(folder, os.DirFS(d.data)))
	file := h.do(d, folder)
	d.counts.starts++
	if h.verify {
		d.verify(ctx, h.name, folder, file)
	}
	s, err := d.Start(ctx, ServerOptions{Data: folder})
	if s != nil {
		defer s.Kill()
	}
	switch {
	case h.says == "" && err != nil:
		d.Broken("%s: the server does not start: %v", h.name, err)
	case h.says == "":
		if !s.says(ctx, h.logs, file) {
			d.Broken("%s: the server does not log %q with the file %s: %s", h.name, h.logs, baseOf(file), s.LastWords())
		}
	case err == nil:
		d.Broken("%s: the server started in spite of it", h.name)
	case !errors.Is(err, ErrNotStarted):
		check(err)
	case !strings.Contains(s.Stderr(), h.says) || !strings.Contains(s.Stderr(), baseOf(file)):
		d.Broken("%s: the server does not name %s, or does not say %q: %s", h.name, baseOf(file), h.says, s.LastWords())
	default:
		d.counts.found++
	}
}

// verify checks that journal verify finds the harm and names the file.
func (d *startDamage) verify(ctx context.Context, name, folder, file string) {
	p := must(process.Start(process.Options{Args: slices.Concat(d.Program, []string{"journal", "verify", "--data", folder}), Env: d.Env}))
	defer p.Kill()
	waiting, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	code, err := p.Wait(waiting)
	check(ctx.Err())
	if err != nil || code != 1 || !strings.Contains(p.Output(), baseOf(file)) {
		d.Broken("%s: journal verify ended with code %d, %v, and does not name %s: %s", name, code, err, baseOf(file), p.Output())
	}
}

// flip flips a random bit of a file.
func (d *startDamage) flip(file string) { d.flipWithin(file, int(must(os.Stat(file)).Size())) }

// flipWithin flips a bit in the first bytes of a file.
func (d *startDamage) flipWithin(file string, size int) {
	content := must(os.ReadFile(file))
	content[d.random.IntN(size)] ^= 1 << d.random.IntN(8)
	check(os.WriteFile(file, content, 0o600))
	d.counts.flips++
}

// flipped returns a harm that flips a bit in the oldest (0) or newest (-1) checkpoint, or file of the
// journal.
func flipped(what string, n int) func(*startDamage, string) string {
	return func(d *startDamage, folder string) string {
		files := blocksIn(folder)
		if what == "checkpoints" {
			files = checkpointsIn(folder)
		}
		file := files[max(n, 0)]
		if n < 0 {
			file = files[len(files)-1]
		}
		d.flip(file)
		return file
	}
}

// olderDamage is what a server logs that starts with a checkpoint, about damage to the journal before it.
const olderDamage = "an older part of the journal is damaged"

// says waits until the server has logged a text with the name of a file.
func (s *Server) says(ctx context.Context, text, file string) bool {
	return waitUntil(ctx, patience, 10*time.Millisecond, func() bool {
		return text == "" || slices.ContainsFunc(strings.Split(s.Stderr(), "\n"), func(line string) bool {
			return strings.Contains(line, text) && strings.Contains(line, baseOf(file))
		})
	})
}

// baseOf returns the name of a file, "" without one.
func baseOf(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Base(file)
}

// flipCheckpoints flips a bit in every checkpoint.
func (d *startDamage) flipCheckpoints(folder string) (newest string) {
	for _, newest = range checkpointsIn(folder) {
		d.flip(newest)
	}
	return newest
}

// flipLog flips a bit in the log of the newest checkpoint.
func (d *startDamage) flipLog(folder string) string {
	newest, _, err := checkpoint.Newest(filepath.Join(folder, "checkpoints"), 0)
	check(err)
	d.flipWithin(newest.LogPath(), int(newest.Log.SizeBytes))
	return newest.LogPath()
}

// tear cuts the newest checkpoint.
func (d *startDamage) tear(folder string) string {
	files := checkpointsIn(folder)
	newest := files[len(files)-1]
	check(os.Truncate(newest, d.random.Int64N(must(os.Stat(newest)).Size())))
	d.counts.cuts++
	return newest
}

// removed returns a harm that removes a file or a folder with all files that belong to it. No file is
// named then.
func removed(name string) func(*startDamage, string) string {
	return func(_ *startDamage, folder string) string {
		for _, path := range must(filepath.Glob(filepath.Join(folder, name+"*"))) {
			check(os.RemoveAll(path))
		}
		return ""
	}
}

// checkpointsIn returns the checkpoints of a data folder, oldest first.
func checkpointsIn(data string) []string { return numbered(data, "checkpoints", "") }

// blocksIn returns the block files of the journal of a data folder, oldest first.
func blocksIn(data string) []string {
	return numbered(data, filepath.Join("journal", "jetstream", "*", "streams", "JOURNAL", "msgs"), ".blk")
}

// numbered returns the files of a folder that have a number for a name, by their numbers.
func numbered(data, folder, suffix string) (all []string) {
	for digits := range 20 {
		name := strings.Repeat("[0-9]", digits+1) + suffix
		all = append(all, must(filepath.Glob(filepath.Join(data, folder, name)))...)
	}
	return all
}
