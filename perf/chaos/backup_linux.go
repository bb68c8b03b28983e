package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/process"
)

func backupFault() Fault {
	return Fault{
		Name: "backup", ID: "D9", Short: "backups of a server under load, restored and compared",
		How: "backups of a server under load, one after the other, each restored into a new folder and compared; one in four is interrupted; " +
			"then the same with a server that saves checkpoints and trims its journal meanwhile",
		Promise: "a backup has every order that was acknowledged before it began and nothing that was not ordered, and its journal verifies; " +
			"an interrupted backup leaves nothing",
		Long: Size{Rounds: 100, Size: 8}, Gate: Size{Rounds: 5, Size: 4},
		RoundsHelp: "backups of each server",
		SizeHelp:   "customers who trade",
		Run:        runBackup,
	}
}

// commandTime bounds a backup or a restore.
const commandTime = time.Minute

// backupInterrupted is the share of the backups that are interrupted: one in four.
const backupInterrupted = 4

// backupRun is a server under load and its backups.
type backupRun struct {
	*Run
	random  *rand.Rand
	server  *Server
	traders []*trader
	trims   bool
	whole   int // backups that were restored
	trimmed int // of these with a trimmed journal
	cut     int // interrupted ones that left nothing
	slowest time.Duration
	inThem  int // executions in the restored folders
}

// runBackup makes r.Rounds backups of each of two servers while r.Size customers trade.
func runBackup(ctx context.Context, r *Run) error {
	b := &backupRun{Run: r, random: r.Random()}
	var sum traderCounts
	for _, b.trims = range []bool{false, true} {
		b.traders = r.newTraders(r.Size)
		o := ServerOptions{}
		if b.trims {
			o.Args = trimmingArgs()
		}
		b.server = must(r.Start(ctx, o))
		rememberAll(ctx, b.server.Addr, b.traders)
		if b.trims {
			b.untilTrimmed(ctx)
		}
		r.rounds(ctx, func(round int) { b.round(ctx, round) })
		resendAndVerify(ctx, b.server.Addr, b.traders)
		sum.add(countAll(b.traders))
		b.server.Kill()
	}
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("backups restored and compared", b.whole, "")
	r.Figure("of these with a trimmed journal", b.trimmed, "")
	r.Figure("executions in them", b.inThem, "")
	r.Figure("longest backup", b.slowest, "")
	r.Figure("backups interrupted, with nothing left", b.cut, "")
	if b.whole == 0 || b.trimmed == 0 || b.inThem == 0 || sum.acked < r.Rounds*10 {
		return ErrTooLittle
	}
	return nil
}

// untilTrimmed enlarges the journal until its start was trimmed.
func (b *backupRun) untilTrimmed(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	loading, cancel := context.WithCancel(ctx)
	defer cancel()
	work.Go(func() { loadJournal(loading, b.server.Addr) })
	trimmed := waitUntil(ctx, patience, 50*time.Millisecond, func() bool {
		_, err := os.Stat(filepath.Join(b.server.Data, "journal", "trimmed"))
		return err == nil
	})
	if !trimmed {
		check(fmt.Errorf("%w: the journal was not trimmed", ErrTooLittle))
	}
}

// round makes one backup while all customers trade, then restores it.
func (b *backupRun) round(ctx context.Context, round int) {
	parent := must(os.MkdirTemp(b.Scratch, "backup-"))
	defer os.RemoveAll(parent)
	folder, data := filepath.Join(parent, "backup"), filepath.Join(parent, "data")
	if round%backupInterrupted == backupInterrupted-1 {
		b.underLoad(ctx, func() { b.interrupt(ctx, parent, folder) })
		return
	}
	var before []uint32
	made := false
	b.underLoad(ctx, func() {
		before = b.acknowledged()
		start := time.Now()
		made = b.command(ctx, "backup", folder, "--data", b.server.Data)
		b.slowest = max(b.slowest, time.Since(start))
	})
	if made && b.command(ctx, "restore", folder, "--data", data) && b.command(ctx, "journal", "verify", "--data", data) {
		b.compare(ctx, data, before)
	}
}

// underLoad calls do after some trading, and ends the trading afterwards.
func (b *backupRun) underLoad(ctx context.Context, do func()) {
	trading, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { tradeAll(trading, b.server.Addr, b.traders) })
	if b.trims {
		work.Go(func() { loadJournal(trading, b.server.Addr) })
	}
	sleep(ctx, time.Duration(50+b.random.IntN(150))*time.Millisecond)
	err := catch(do)
	cancel()
	work.Wait()
	check(err)
}

// acknowledged returns the newest acknowledged execution of each trader.
func (b *backupRun) acknowledged() (newest []uint32) {
	for _, t := range b.traders {
		t.mu.Lock()
		number := uint32(0)
		for n := len(t.ledger.entries) - 1; n > 0 && number == 0; n-- {
			if t.ledger.entries[n].acked {
				number = uint32(n)
			}
		}
		t.mu.Unlock()
		newest = append(newest, number)
	}
	return newest
}

// command runs a command of holdfast, which must succeed.
func (r *Run) command(ctx context.Context, args ...string) bool {
	p := must(process.Start(process.Options{Args: slices.Concat(r.Program, args), Env: r.Env}))
	defer p.Kill()
	waiting, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	code, err := p.Wait(waiting)
	check(ctx.Err())
	if err != nil || code != 0 {
		r.Broken("%s: exit code %d, %v: %s", args[0], code, err, p.Output())
		return false
	}
	return true
}

// interrupt starts a backup and sends it a signal, as Ctrl-C does. It must have completed, or
// left nothing.
func (b *backupRun) interrupt(ctx context.Context, parent, folder string) {
	p := must(process.Start(process.Options{
		Args: slices.Concat(b.Program, []string{"backup", folder, "--data", b.server.Data}), Env: b.Env,
	}))
	defer p.Kill()
	sleep(ctx, time.Duration(b.random.IntN(60))*time.Millisecond)
	_ = p.Signal(syscall.SIGINT) // it may have ended
	waiting, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	code, err := p.Wait(waiting)
	check(errors.Join(ctx.Err(), err))
	left := must(os.ReadDir(parent))
	switch {
	case code == 0:
		b.command(ctx, "backup", "--verify", folder)
	case len(left) > 0:
		b.Broken("an interrupted backup ended with code %d and left %s: %s", code, left[0].Name(), p.Output())
	default:
		b.cut++
	}
}

// compare starts a server on a restored folder and compares its executions with those that
// the traders know. before has the executions that must be there.
func (b *backupRun) compare(ctx context.Context, data string, before []uint32) {
	s := b.startAgain(ctx, "no start on a restored backup", ServerOptions{Data: data})
	if s == nil {
		return
	}
	defer s.Kill()
	for i, t := range b.traders {
		newest := must(t.comparePart(ctx, s.Addr))
		if newest < before[i] {
			b.Broken("the backup ends with execution %d-%d although %d was acknowledged before it began", t.customer, newest, before[i])
		}
		b.inThem += int(newest)
	}
	b.whole++
	if _, err := os.Stat(filepath.Join(data, "journal", "trimmed")); err == nil {
		b.trimmed++
	}
}

// comparedPages is how many pages of an account's history are read from a restored backup. The
// journal's chain covers the older ones.
const comparedPages = 3

// comparePart reads the newest part of an account's history on another server, which has the
// beginning of what the trader did. It returns the number of the newest execution there.
func (t *trader) comparePart(ctx context.Context, addr string) (newest uint32, err error) {
	c, _, err := t.dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	before := client.ExecutionID(0)
	for range comparedPages {
		page, err := readHistory(ctx, c, before)
		if err != nil {
			return 0, fmt.Errorf("history of %d: %w", t.customer, err)
		}
		for _, x := range page.Executions {
			if before == 0 {
				newest = x.ID.Number()
			} else if x.ID != before-1 {
				t.r.Broken("the restored history has a gap: %v is followed by %v", before, x.ID)
			}
			before = x.ID
			t.mu.Lock()
			t.ledger.match(x) // reports an order that was not sent, and another content
			t.mu.Unlock()
		}
		if page.More {
			continue
		}
		if before != 0 && before.Number() != 1 {
			t.r.Broken("the restored history ends at %v", before)
		}
		break
	}
	return newest, nil
}
