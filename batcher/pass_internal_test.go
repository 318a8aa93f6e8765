package batcher

import "testing"

// A destination may join the pass that is under way only before the record that holds the
// first event it needs is in the pass's hand: whose the events of that one are has been
// looked up, so its own would be passed by.
func TestAPassAdmitsUpToTheRecordInItsHand(t *testing.T) {
	inHand := pass{offset: 5, at: 2, atSet: true}
	for resume, want := range map[position]bool{
		{4, 0}: false, {5, 0}: false, {5, 2}: false, {5, 3}: false, {6, 0}: true, {9, 1}: true,
	} {
		if got := inHand.admits(resume); got != want {
			t.Errorf("with event 2 of record 5 in hand, what resumes at %v is admitted: %v", resume, got)
		}
	}
}
