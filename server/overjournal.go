package server

import "github.com/open-destinations/destinations/journal"

// OverJournal is j as the server needs it: records go to the events logs.
func OverJournal(j *journal.Journal) Journal { return events{j} }

// events appends to the events logs of a journal.
type events struct{ *journal.Journal }

func (e events) Append(partition int, rec []byte) Append {
	return e.Partition(partition).Events().Append(rec)
}
