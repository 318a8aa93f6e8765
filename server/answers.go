package server

import destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"

// answers makes the answers of a StreamS3. What settles while the answer before
// is on its way goes into one.
type answers struct {
	tokens       *tokens
	maxUnsent    int64 // cost of requests in the open answer from which on no more is read
	wantReceipts bool  // as the first request says
	begun        bool  // that one was settled

	sequence uint64  // up to which the answers that have gone answer
	open     *answer // nil if nothing has settled since
	cost     int64   // of the requests in the open answer, as they were

	refused, touched int // how much of the request that comes again is in answers already
}

// answer is a StreamS3Response in the making. It belongs to the handler, and then
// to the sender.
type answer struct {
	response *destinationsv1.StreamS3Response
	receipts *receipts // nil if they are not wanted
	full     bool      // it must go before more is read
}

func newAnswers(t *tokens, maxUnsent int64) *answers {
	return &answers{tokens: t, maxUnsent: maxUnsent}
}

func (a *answers) settle(r *request) bool {
	if !a.begun {
		a.begun, a.wantReceipts = true, r.wantReceipts
	}
	if a.open == nil {
		a.begin()
	}
	o := a.open
	if o.full || !a.addRejections(r) || !a.addReceipts(r) {
		o.full = true
		return false
	}
	a.refused, a.touched = 0, 0
	a.cost += r.cost
	o.response.Sequence = r.number
	o.response.Accepted += r.accepted
	o.full = o.filled() || a.cost >= a.maxUnsent
	return true
}

// begin opens an answer, which answers nothing more than the one before it yet.
func (a *answers) begin() {
	a.open = &answer{response: &destinationsv1.StreamS3Response{Sequence: a.sequence}}
	if a.wantReceipts {
		a.open.receipts = newReceipts(a.tokens)
	}
}

// addRejections reports whether there was room for all of them.
func (a *answers) addRejections(r *request) bool {
	response := a.open.response
	response.Rejections, a.refused = r.describe(response.Rejections, a.refused)
	response.Rejected = uint64(len(response.Rejections))
	return a.refused == len(r.refused)
}

// addReceipts reports whether there was room for all of them.
func (a *answers) addReceipts(r *request) bool {
	if !a.wantReceipts {
		return true
	}
	for ; a.touched < len(r.touched); a.touched++ {
		if !a.open.receipts.add(&r.touched[a.touched], r) {
			return false
		}
	}
	return true
}

func (a *answers) pending() (*answer, bool) { return a.open, a.open != nil && a.open.full }

func (a *answers) gone() {
	a.sequence = a.open.response.GetSequence()
	a.open, a.cost = nil, 0
}

// filled reports whether there is no room for another rejection or receipt.
func (o *answer) filled() bool {
	return len(o.response.GetRejections()) >= maxRejections || o.receipts != nil && len(o.receipts.entries) >= maxReceipts
}

// message is the finished answer.
func (o *answer) message() *destinationsv1.StreamS3Response {
	if o.receipts != nil {
		o.response.Receipts = o.receipts.finished()
	}
	return o.response
}
