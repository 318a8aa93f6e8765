package main

// minMemory is the least that the service works with: below it the shares are too
// small for a few requests and batches of the usual size.
const minMemory = 64 << 20

// The parts of --memory that the shares are. What is left, an eighth, is for tables,
// buffers and the runtime.
const (
	requestsShare = 4
	batchesShare  = 2
	uploadsShare  = 8
)

// transferBytes is what a request to S3 that carries bytes takes beside them:
// buffers and stacks. The bytes are read from where they lie, a batch's memory or a
// file, and are never copied whole.
const transferBytes = 128 << 10

// shares are the budgets that --memory is cut into, in bytes. None can take of
// another's.
type shares struct {
	requests, batches, uploads int64
}

// sharesOf cuts memory, or the least that is not refused.
func sharesOf(memory byteSize) shares {
	bytes := max(int64(memory), minMemory)
	return shares{requests: bytes / requestsShare, batches: bytes / batchesShare, uploads: bytes / uploadsShare}
}

// transfers is how many requests to S3 that carry bytes may be on their way at once.
func (s shares) transfers() int64 { return s.uploads / transferBytes }

// partsOf is how many parts of one object may be on their way at once, when that
// many objects may be: the usual number, or as many as the share is enough for.
func (s shares) partsOf(objects, usual int) int {
	return int(max(1, min(int64(usual), s.transfers()/int64(max(1, objects)))))
}
