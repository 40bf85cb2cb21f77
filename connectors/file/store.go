package file

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// maxSize of a file, in bytes: some million accounts.
const maxSize = 256 << 20

// store keeps the table. What an error of save means for the changes comes with it.
type store interface {
	path() string
	load(ctx context.Context) (*table, error)
	lock(ctx context.Context) (release func(), err error)
	save(ctx context.Context, t *table) (engine.Outcome, error)
	close() error
}

// disk reads and replaces one file below a folder, which no path and no symbolic link leaves.
type disk struct {
	dir, name string
	step      Step
}

func (s disk) path() string { return filepath.Join(s.dir, s.name) }

func (s disk) close() error { return nil }

func (s disk) load(ctx context.Context) (*table, error) {
	data, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return parse(s.path(), data)
}

// read gives what is in the file, if nobody wrote to it meanwhile: half of the old and half of the new is neither.
func (s disk) read(ctx context.Context) ([]byte, error) {
	f, info, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := s.step.make(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(f, maxSize+1)) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(), err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s is bigger than %d MiB", s.path(), maxSize>>20)
	}
	_, err = s.step.make(ctx, func() ([]byte, error) {
		now, err := f.Stat()
		if err == nil && (!now.ModTime().Equal(info.ModTime()) || now.Size() != int64(len(data))) {
			err = errors.New("somebody wrote to it while it was read; write another file and rename it")
		}
		return nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path(), err)
	}
	return data, nil
}

func (s disk) open() (*os.File, os.FileInfo, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()                                // nothing was written through it
	f, err := root.OpenFile(s.name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that nobody writes to is not waited for
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is not there; make it with the line account,active,entitlements: %w", s.path(), err)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, nil, cmp.Or(err, fmt.Errorf("%s is not a regular file; name a file", s.path()))
	}
	return f, info, nil
}

// lock keeps other processes from writing until it is released. The lock is on a file beside the data, since the data
// file itself is replaced by each write.
func (s disk) lock(ctx context.Context) (release func(), err error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // nothing was written through it
	f, err := root.OpenFile(s.name+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = ctx.Err(); err == nil {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = f.Close()
			return nil, fmt.Errorf("%s can't be locked: %w", s.path(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond): // another process writes
		}
	}
}

// save replaces the file by a complete new one. A rename that fails may have been made all the same, on another machine's disk, so the
// file is asked. Whether the replacement is durable can stay unknown, too.
func (s disk) save(ctx context.Context, t *table) (engine.Outcome, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return engine.Failed, err
	}
	defer func() { _ = root.Close() }() // nothing was written through it
	_, err = s.step.make(ctx, func() ([]byte, error) { return nil, s.write(root, t.bytes()) })
	if err != nil {
		_ = root.Remove(s.temporary())
		return engine.Failed, fmt.Errorf("%s was not changed: %w", s.path(), err)
	}
	engine.Failpoint("call.torn.rename")
	_, err = s.step.make(ctx, func() ([]byte, error) { return nil, root.Rename(s.temporary(), s.name) })
	if err != nil {
		_ = root.Remove(s.temporary())
		switch now, reading := s.read(ctx); {
		case reading != nil:
			return engine.Uncertain, fmt.Errorf("whether %s was changed can't be told: %w", s.path(), errors.Join(err, reading))
		case !bytes.Equal(now, t.bytes()):
			return engine.Failed, fmt.Errorf("%s was not changed: %w", s.path(), err)
		}
	}
	if _, err := s.step.make(ctx, func() ([]byte, error) { return nil, s.syncFolder(root) }); err != nil {
		return engine.Uncertain, fmt.Errorf("%s was changed, but it may not last: %w", s.path(), err)
	}
	return engine.Done, nil
}

// temporary needs no random part: only the holder of the lock makes it, and a crash leaves at most one behind.
func (s disk) temporary() string { return s.name + ".new" }

func (s disk) syncFolder(root *os.Root) error {
	folder, err := root.Open(filepath.Dir(s.name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// write makes the new file beside the old one.
func (s disk) write(root *os.Root, data []byte) error {
	old, err := root.Lstat(s.name)
	if err != nil {
		return err
	}
	if !old.Mode().IsRegular() {
		return errors.New("it is not a regular file; name the file itself, not a link to it")
	}
	if err := root.Remove(s.temporary()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(s.temporary(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(writeAs(f, old, data), f.Close())
}

// writeAs fills a file durably and gives it the owner and permissions of another.
func writeAs(f *os.File, like os.FileInfo, data []byte) error {
	engine.FailpointTorn("call.torn.file", f, data)
	if _, err := f.Write(data); err != nil {
		return err
	}
	if owner, ok := like.Sys().(*syscall.Stat_t); ok && (int(owner.Uid) != os.Geteuid() || int(owner.Gid) != os.Getegid()) {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := f.Chmod(like.Mode()); err != nil {
		return err
	}
	return f.Sync()
}
