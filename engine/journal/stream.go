package journal

import "errors"

const journalColumns = "seq, time, kind, run, person, program, account, entitlement, op, outcome, intent, cause, class, source, approved, public, salt, personal, leaf"

// streamPart is how many records are made while the server takes in as many before them.
const streamPart = 256

// streamRecords sends the records so far, where they are many: the server takes them in while the next ones are made.
func (b *batch) streamRecords() (err error) {
	if b.journal.len() < streamPart || !b.store.dialect.copies() {
		return nil
	}
	if b.stream == nil {
		if b.stream, err = b.begin("journal", journalColumns); err != nil {
			b.stream = nil
			return err
		}
	}
	return b.sendRecords()
}

func (b *batch) sendRecords() error {
	err := b.stream.send(b.journal)
	b.journal.empty()
	return err
}

func (b *batch) abandonStream() error {
	if b.stream == nil {
		return nil
	}
	return b.stream.abandon()
}

func (b *batch) endRecords() error {
	if b.stream == nil {
		return b.insert("journal", journalColumns, b.journal)
	}
	if err := b.sendRecords(); err != nil {
		return errors.Join(err, b.abandonStream())
	}
	return b.stream.finish()
}
