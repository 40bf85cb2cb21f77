// Package period tells what a period of the journal comes to: who came, moved and left, who held what at its end, each
// change from the entry that asked for it to the list that shows it, and what of all this nobody can know.
//
// It is pure: records in, findings out, the same for the same records. Whoever has the records can therefore hold findings
// that somebody else wrote down against them. The findings depend on the records and the two ends of the period alone.
package period
