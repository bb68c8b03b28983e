package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probeDisk looks at the data folder and writes a little there, or in the folder
// above it where it is yet to be made.
func probeDisk(ctx context.Context, data string, seed [32]byte) Disk {
	d := Disk{Path: data, FreeInodes: Unknown}
	if d.Path, d.Exists, d.Error = nearest(data); d.Error != nil {
		return d
	}
	d.measureSpace()
	if d.Exists {
		d.Locked = locked(filepath.Join(data, "journal", "lock"))
		d.Bound, d.SeedMatches = bound(data, seed)
		d.Newest = newest(data)
	}
	d.Sync, d.Error = timeWrites(ctx, d.Path)
	return d
}

// nearest gives the folder itself, or the first one above it that is there.
func nearest(data string) (path string, exists bool, err error) {
	path, err = filepath.Abs(data)
	if err != nil {
		return data, false, err
	}
	for exists = true; ; exists = false {
		info, err := os.Stat(path)
		switch {
		case err == nil && !info.IsDir():
			return path, exists, fmt.Errorf("%s is no folder", path)
		case err == nil:
			return path, exists, nil
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

// fileSystem names the kinds that matter here (statfs(2)).
func fileSystem(magic int64) string {
	switch uint32(magic) {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case 0x2fc12fc1:
		return "zfs"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.RAMFS_MAGIC:
		return "ramfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case 0xff534d42:
		return "cifs"
	case 0xfe534d42:
		return "smb2"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	case unix.V9FS_MAGIC:
		return "9p"
	case 0x00c36400:
		return "ceph"
	default:
		return ""
	}
}

// locked tells whether a process holds the journal's lock. It takes it for a
// moment where nobody does, and never makes the file.
func locked(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() // which gives the lock back
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// firstBatchBytes reaches beyond the first batch of a journal, which is the hash
// of the seed file and nothing else.
const firstBatchBytes = 1 << 10

// bound tells whether the folder has a journal, and whether that begins with the
// hash of this seed. A first block that can't be read counts as another seed's.
func bound(data string, seed [32]byte) (has, matches bool) {
	name := firstBlock(filepath.Join(data, "journal"))
	if name == "" {
		return false, false
	}
	f, err := os.Open(name)
	if err != nil {
		return true, false
	}
	defer f.Close()
	begin, err := io.ReadAll(io.LimitReader(f, firstBatchBytes))
	if err == nil && len(begin) == 0 {
		return false, false
	}
	return true, err == nil && bytes.Contains(begin, seed[:])
}

// firstBlock finds the journal's first block file, "" when there is none.
func firstBlock(dir string) string {
	found := ""
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() == "1.blk" && filepath.Base(filepath.Dir(name)) == "msgs" {
			found = name
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// newest gives the time of the file that was written last.
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

// The probe of the disk: as many writes of that size, each with an fsync, within
// that time.
const (
	probeWrites = 32
	probeBytes  = 4 << 10
	probeTime   = 3 * time.Second
)

// timeWrites appends to a file of its own in the folder and gives how long each
// write took to be durable, shortest first.
func timeWrites(ctx context.Context, folder string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".holdfast-doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, probeBytes)
	begin := time.Now()
	for range probeWrites {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return took, err
		}
		if err := f.Sync(); err != nil {
			return took, err
		}
		took = append(took, time.Since(start))
		if ctx.Err() != nil || time.Since(begin) > probeTime {
			break
		}
	}
	slices.Sort(took)
	return took, nil
}
