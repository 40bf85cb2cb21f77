package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Marks say how recent a snapshot is. They are written by those who read and compared by OlderMark:
//
//	time:2027-01-31T12:00:00.000000000Z    when a file was written
//	csn:20270131120000.000000Z#000000#001#000000;…    contextCSN of OpenLDAP, one for each replica id, any order
//	usn:<invocation id of the domain controller>:<highest committed USN>

// TimeMark is the mark of a file written at t.
func TimeMark(t time.Time) string { return "time:" + t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// OlderMark says whether mark is certainly from before than: nothing may be concluded from such a snapshot once the other
// was acted on. Marks of different kinds, or of different domain controllers, can't be compared, and are not older.
func OlderMark(mark, than string) bool {
	kind, a, _ := strings.Cut(mark, ":")
	other, b, _ := strings.Cut(than, ":")
	if kind != other || kind == "" {
		return false
	}
	switch kind {
	case "time":
		return a < b
	case "csn":
		return olderCSN(a, b)
	case "usn":
		return olderUSN(a, b)
	}
	return false
}

// olderCSN compares replica by replica: a snapshot that lacks one change of one replica that the other had is older.
// The form is fixed-width, so text order is time order (draft-chu-ldap-csn).
func olderCSN(a, b string) bool {
	has := map[string]string{}
	for _, csn := range strings.Split(a, ";") {
		has[replica(csn)] = csn
	}
	return slices.ContainsFunc(strings.Split(b, ";"), func(csn string) bool { return csn != "" && has[replica(csn)] < csn })
}

func replica(csn string) string {
	if parts := strings.Split(csn, "#"); len(parts) == 4 {
		return parts[2]
	}
	return ""
}

func olderUSN(a, b string) bool {
	serverA, usnA, _ := strings.Cut(a, ":")
	serverB, usnB, _ := strings.Cut(b, ":")
	x, errX := strconv.ParseInt(usnA, 10, 64)
	y, errY := strconv.ParseInt(usnB, 10, 64)
	return serverA == serverB && errX == nil && errY == nil && x < y
}
