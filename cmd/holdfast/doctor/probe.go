package doctor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probeDisk checks the data folder and writes a little there or, if it does not exist, in
// its nearest parent that does.
func probeDisk(ctx context.Context, data string, seed [32]byte) Disk {
	d := Disk{Path: data, FreeInodes: Unknown}
	if d.Path, d.Exists, d.Error = nearest(data); d.Error != nil {
		return d
	}
	d.measureSpace()
	if d.Exists {
		d.Locked = locked(filepath.Join(data, "journal", "lock"))
		d.Bound, d.Trimmed, d.SeedMatches = bound(data, seed)
		d.Newest = newest(data)
	}
	d.Sync, d.Error = timeWrites(ctx, d.Path)
	return d
}

// nearest returns the folder itself, or the nearest parent that exists.
func nearest(data string) (path string, exists bool, err error) {
	path, err = filepath.Abs(data)
	if err != nil {
		return data, false, err
	}
	for exists = true; ; exists = false {
		info, err := os.Stat(path)
		_, linkErr := os.Readlink(path)
		switch {
		case err == nil && !info.IsDir():
			return path, exists, &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTDIR}
		case err == nil:
			return path, exists, nil
		case linkErr == nil: // to nothing
			return path, exists, err
		case !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path):
			return path, exists, err
		}
		path = filepath.Dir(path)
	}
}

func (d *Disk) measureSpace() {
	var s unix.Statfs_t
	if unix.Statfs(d.Path, &s) != nil {
		return
	}
	d.Total, d.Free = int64(s.Blocks)*s.Bsize, int64(s.Bavail)*s.Bsize
	d.FreeInodes = int64(s.Ffree)
	if s.Files == 0 { // as many as there is space for
		d.FreeInodes = Unknown
	}
	d.Type = fileSystem(s.Type)
}

// fileSystem returns the name of a type that matters here (statfs(2)), or "".
func fileSystem(magic int64) string {
	return map[uint32]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", 0x2fc12fc1: "zfs",
		unix.F2FS_SUPER_MAGIC: "f2fs", unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
		unix.NFS_SUPER_MAGIC: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", unix.FUSE_SUPER_MAGIC: "fuse",
		unix.V9FS_MAGIC: "9p", 0x00c36400: "ceph",
	}[uint32(magic)]
}

// locked reports whether a process holds the journal's lock. If not, it takes the lock
// for a moment. It never creates the file.
func locked(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() // which releases the lock
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// firstRecordBytes is more than the part of a journal that has the hash of the seed file: its
// first record.
const firstRecordBytes = 1 << 10

// bound reports whether the folder has a journal, whether its first block was trimmed, and
// whether that starts with the hash of this seed. A first block that can't be read counts as that
// of another seed.
func bound(data string, seed [32]byte) (has, trimmed, matches bool) {
	first, others := blocks(filepath.Join(data, "journal"))
	if first == "" {
		return others, others, false
	}
	f, err := os.Open(first)
	if err != nil {
		return true, false, false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, firstRecordBytes))
	if err == nil && len(head) == 0 {
		return false, false, false
	}
	return true, false, err == nil && bytes.Contains(head, seed[:])
}

// blocks returns the path of the journal's first block file, or "", and whether there are others.
func blocks(dir string) (first string, others bool) {
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(name) == ".blk" && filepath.Base(filepath.Dir(name)) == "msgs" {
			if entry.Name() == "1.blk" {
				first = name
				return fs.SkipAll
			}
			others = true
		}
		return nil
	})
	return first, others
}

// newest returns when a file of the folder was last written.
func newest(data string) time.Time {
	var last time.Time
	_ = filepath.WalkDir(data, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
		}
		return nil
	})
	return last
}

// The probe of the disk makes probeWrites writes of probeBytes, each with an fsync, but
// stops after probeTime.
const (
	probeWrites = 32
	probeBytes  = 4 << 10
	probeTime   = 3 * time.Second
)

// timeWrites appends to a new file in the folder and returns how long each
// write took to be durable, shortest first.
func timeWrites(ctx context.Context, folder string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".holdfast-doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, probeBytes)
	start := time.Now()
	for range probeWrites {
		before := time.Now()
		if _, err := f.Write(block); err != nil {
			return took, err
		}
		if err := f.Sync(); err != nil {
			return took, err
		}
		took = append(took, time.Since(before))
		if ctx.Err() != nil || time.Since(start) > probeTime {
			break
		}
	}
	slices.Sort(took)
	return took, nil
}
