package audit

import (
	"crypto/sha256"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const benchRecords = 200_000

// benchLog has records of about 400 bytes: 240 public, 32 salt, 128 personal.
func benchLog() ([]Record, Against) {
	records := make([]Record, benchRecords)
	var tree Frontier
	for i := range records {
		r := Record{Seq: int64(i) + 1, Public: make([]byte, 240), Salt: make([]byte, SaltSize), Personal: make([]byte, 128)}
		r.Public[0], r.Public[1], r.Salt[2] = byte(i), byte(i>>8), byte(i>>16)
		r.Leaf = Leaf(r.Public, [SaltSize]byte(r.Salt), r.Personal)
		records[i] = r
		tree, _ = tree.Append(r.Leaf)
	}
	return records, Against{Heads: []Head{tree.Head()}, Stored: &tree}
}

// rawHash is the yardstick: SHA-256 over the bytes of each record, on one core.
func rawHash(records []Record) time.Duration {
	start := time.Now()
	var buf [400]byte
	for i := range records {
		r := &records[i]
		n := copy(buf[:], r.Public)
		n += copy(buf[n:], r.Salt)
		n += copy(buf[n:], r.Personal)
		sha256.Sum256(buf[:n])
	}
	return time.Since(start)
}

// report prints items per second and the ratio to the yardstick's time.
func report(b *testing.B, items int, took, yardstick time.Duration) {
	b.ReportMetric(float64(items)*float64(b.N)/took.Seconds()/1e6, "M/s")
	b.ReportMetric(took.Seconds()/yardstick.Seconds(), "x-sha256-one-core")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkVerify(b *testing.B) {
	records, against := benchLog()
	var took, raw time.Duration
	for b.Loop() {
		raw += rawHash(records)
		start := time.Now()
		if got, err := Verify(sequence(records), against); err != nil || got.Fault != nil {
			b.Fatal(got.Fault, err)
		}
		took += time.Since(start)
	}
	report(b, benchRecords, took, raw)
}

// Leaves that are known, in bulk; the yardstick hashes 65 bytes for each.
func BenchmarkAppend(b *testing.B) {
	leaves := leavesTo(benchRecords)
	var took, raw time.Duration
	for b.Loop() {
		var node [65]byte
		start := time.Now()
		for range leaves {
			sha256.Sum256(node[:])
		}
		raw += time.Since(start)
		start = time.Now()
		Frontier{}.Append(leaves...)
		took += time.Since(start)
	}
	report(b, benchRecords, took, raw)
}

// As a journal commits: groups of 100 records, leaves computed on the way.
func BenchmarkAppendGroups(b *testing.B) {
	records, _ := benchLog()
	var took, raw time.Duration
	for b.Loop() {
		raw += rawHash(records)
		start := time.Now()
		var tree Frontier
		leaves := make([]Hash, 0, 100)
		for i := range records {
			r := &records[i]
			leaves = append(leaves, Leaf(r.Public, [SaltSize]byte(r.Salt), r.Personal))
			if len(leaves) == cap(leaves) {
				tree, _ = tree.Append(leaves...)
				leaves = leaves[:0]
			}
		}
		took += time.Since(start)
	}
	report(b, benchRecords, took, raw)
}

// Proofs of random records of 10 million, from leaf hashes and nodes in memory.
func BenchmarkProveInclusion(b *testing.B) {
	const size = 10_000_000
	levels := map[int][]Hash{}
	var tree Frontier
	for at := int64(0); at < size; at += 100_000 {
		leaves := make([]Hash, 100_000)
		for i := range leaves {
			leaves[i] = tlog.Hash{byte(at >> 16), byte(i), byte(i >> 8), byte(i >> 16)}
		}
		levels[0] = append(levels[0], leaves...)
		var nodes []Node
		tree, nodes = tree.Append(leaves...)
		for _, n := range nodes {
			levels[n.Level] = append(levels[n.Level], n.Hash)
		}
	}
	reads := 0
	runs := RunsFunc(func(level int, from, n int64) ([]Hash, error) {
		reads++
		return levels[level][from : from+n], nil
	})
	seq, count := int64(1), 0
	for b.Loop() {
		seq = (seq*6364136223846793005+1442695040888963407)&(1<<62-1)%size + 1
		p, err := ProveInclusion(size, seq, NewReader(size, runs))
		if err != nil || CheckInclusion(p, tree.Head(), seq, levels[0][seq-1]) != nil {
			b.Fatal(err)
		}
		count++
	}
	b.ReportMetric(float64(reads)/float64(count), "reads/proof")
}
