package audit

import "fmt"

// nodeCheck compares computed nodes with stored ones, read 256 at a time.
type nodeCheck struct {
	runs Runs
	size int64 // of the stored tree
	have map[int]nodeRun
}

type nodeRun struct {
	from   int64
	hashes []Hash
}

func (c *nodeCheck) same(n Node) (bool, error) {
	if c.runs == nil || n.last() > c.size {
		return true, nil
	}
	run := c.have[n.Level]
	if i := n.Index - run.from; i >= int64(len(run.hashes)) {
		count := min(c.size>>n.Level-n.Index, 1<<NodeStep)
		hashes, err := c.runs.Run(n.Level, n.Index, count)
		if err != nil {
			return false, fmt.Errorf("reading the stored tree nodes of level %d from record %d on: %w", n.Level, n.first(), err)
		}
		if int64(len(hashes)) != count {
			return false, fmt.Errorf("reading the stored tree nodes of level %d from record %d on: got %d instead of %d; rebuild the nodes from the records", n.Level, n.first(), len(hashes), count)
		}
		run = nodeRun{n.Index, hashes}
		if c.have == nil {
			c.have = map[int]nodeRun{}
		}
		c.have[n.Level] = run
	}
	return run.hashes[n.Index-run.from] == n.Hash, nil
}
