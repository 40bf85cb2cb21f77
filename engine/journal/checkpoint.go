package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// ErrRolledBack is wrapped when the journal does not continue a checkpoint from outside: it was restored from an older
// backup, cut off or rewritten. Nothing may act on it until somebody has accepted the gap.
var ErrRolledBack = errors.New("journal: it does not continue the checkpoint")

// Checkpoint signs size and root of the journal as they are now and keeps the signed checkpoint in the store. The signer's
// name is the journal's.
func (s *Store) Checkpoint(ctx context.Context, signer audit.Signer) (signed []byte, err error) {
	if s.options.ReadOnly {
		return nil, ErrReadOnly
	}
	return s.sign(ctx, audit.Checkpoint{Origin: signer.Name()}, signer)
}

// sign completes a checkpoint with the head and the time.
func (s *Store) sign(ctx context.Context, c audit.Checkpoint, signers ...audit.Signer) (signed []byte, err error) {
	if s.options.ReadOnly {
		return nil, ErrReadOnly
	}
	err = s.locked(ctx, func(t *tx, h *head) error {
		f, err := audit.ParseFrontier(h.Frontier)
		if err != nil {
			return err
		}
		now := engine.Instant(s.options.Now())
		c.Head, c.Time = f.Head(), now
		signed, err = audit.Sign(c, signers...)
		if err != nil {
			return err
		}
		r := newRows("iit")
		r.add(h.Size, micros(now), string(signed))
		return t.run("INSERT INTO checkpoint (size, time, note) SELECT * FROM @rows r WHERE true ON CONFLICT (size) DO UPDATE SET time = excluded.time, note = excluded.note", r)
	})
	return signed, s.wrap("make a checkpoint", err)
}

// WriteCheckpoint puts a signed checkpoint into a file, whole or not at all, and on the disk when it returns. The file
// belongs where who can write the database can't write.
func WriteCheckpoint(file string, signed []byte) error {
	engine.Failpoint("checkpoint.before")
	half, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w; check that its folder exists and can be written", file, err)
	}
	defer os.Remove(half.Name()) // gone already if all went well
	engine.FailpointTorn("checkpoint.torn", half, signed)
	_, err = half.Write(signed)
	if err = errors.Join(err, half.Chmod(0o644), half.Sync(), half.Close()); err != nil {
		return fmt.Errorf("checkpoint %s: %w", file, err)
	}
	engine.Failpoint("checkpoint.torn.rename")
	if err := os.Rename(half.Name(), file); err != nil {
		return fmt.Errorf("checkpoint %s: %w", file, err)
	}
	engine.Failpoint("checkpoint.after")
	if err := syncFolder(filepath.Dir(file)); err != nil { // or the name may be the former one's after a loss of power
		return fmt.Errorf("checkpoint %s: %w", file, err)
	}
	return nil
}

// Writable tells whether WriteCheckpoint can write there, before anything is recorded that it has to follow.
func Writable(file string) error {
	probe, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w; check that its folder exists and can be written", file, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Continues tells whether the journal still begins with the records that the checkpoint, opened with keys from outside,
// speaks of; nil is yes. It reads a few stored hashes only; Verify reads everything.
func (s *Store) Continues(ctx context.Context, c audit.Checkpoint) error {
	err := s.reading(ctx, func(t *sqlx.Tx) error {
		var size int64
		if err := t.GetContext(ctx, &size, "SELECT size FROM head"); err != nil {
			return err
		}
		if size < c.Size {
			return fmt.Errorf("%w: it has %d records, the checkpoint of %s %d; it was cut off or restored from an older backup", ErrRolledBack, size, c.Time.UTC().Format(time.RFC3339), c.Size)
		}
		f, err := audit.FrontierAt(c.Size, runs{ctx, t})
		if err == nil && f.Head() != c.Head {
			err = fmt.Errorf("%w of %s: a record among the first %d was changed; run audit verify", ErrRolledBack, c.Time.UTC().Format(time.RFC3339), c.Size)
		}
		return err
	})
	return s.wrap("compare with the checkpoint", err)
}
