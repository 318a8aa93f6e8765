package telemetry

import "strings"

// Kind is what an instrument measures.
type Kind string

// Kinds of instruments.
const (
	Counter   Kind = "counter"   // only grows
	Gauge     Kind = "gauge"     // as it is now
	Histogram Kind = "histogram" // how often which size
)

// Instrument is one row of the table of instruments.
type Instrument struct {
	Name       string
	Kind       Kind
	Unit       string      // UCUM: "s", "By", or what is counted in braces
	Bounds     []float64   // upper bounds of a histogram's buckets but for the last, which has none
	Attributes []Attribute // all that it may have
	Meaning    string
}

// Attribute is one attribute of an instrument. The number of its values is bounded:
// no bucket, prefix, key, id or sender is one.
type Attribute struct {
	Key    string
	Values string // for people: which there are
}

// Prometheus is the instrument's name on the page for Prometheus; a histogram has
// "_bucket", "_sum" and "_count" behind it.
func (i Instrument) Prometheus() string {
	name := strings.ReplaceAll(i.Name, ".", "_")
	if suffix := map[string]string{"s": "_seconds", "By": "_bytes"}[i.Unit]; suffix != "" {
		name += suffix
	}
	if i.Kind == Counter {
		name += "_total"
	}
	return name
}

// Names of the instruments.
const (
	nameReceived   = "destinations.events.received"
	nameAccepted   = "destinations.events.accepted"
	nameRejected   = "destinations.events.rejected"
	nameDuplicates = "destinations.events.duplicates"
	nameDelivered  = "destinations.events.delivered"

	nameAcceptDuration   = "destinations.event.accept.duration"
	nameDeliveryDuration = "destinations.event.delivery.duration"
	nameSkewed           = "destinations.event.delivery.clock_skew"

	nameBatchEvents = "destinations.batch.events"
	nameBatchSize   = "destinations.batch.size"
	nameBatchLinger = "destinations.batch.linger.duration"
	nameBatches     = "destinations.batches"

	nameUploadDuration  = "destinations.upload.duration"
	nameObjectSize      = "destinations.object.size"
	nameRequestDuration = "destinations.s3.request.duration"

	nameBacklogEvents  = "destinations.backlog.events"
	nameBacklogSize    = "destinations.backlog.size"
	nameBacklogOldest  = "destinations.backlog.oldest_age"
	nameLag            = "destinations.lag.records"
	nameBlocked        = "destinations.blocked"
	nameTransitions    = "destinations.transitions"
	namePasses         = "destinations.passes"
	nameForgottenEarly = "destinations.dedupe.forgotten_early"

	nameJournalSize  = "destinations.journal.size"
	nameJournalQuota = "destinations.journal.quota"
	nameJournalSync  = "destinations.journal.sync.duration"
	nameClosed       = "destinations.partitions.closed"
	nameMemoryUsed   = "destinations.memory.used"
	nameMemoryLimit  = "destinations.memory.limit"

	namePrincipals = "destinations.principal.events"
	nameRefused    = "destinations.access.refused"
	nameCutOff     = "destinations.connections.closed"

	nameContexts = "destinations.tracing.contexts"
	nameSpans    = "destinations.tracing.spans"
)

// Keys of the attributes.
const (
	keyRejection  = "destinations.rejection.code"
	keyBy         = "destinations.duplicate.by"
	keyReason     = "destinations.batch.seal_reason"
	keyFate       = "destinations.batch.fate"
	keyMultipart  = "destinations.upload.multipart"
	keyErrorType  = "error.type"
	keyMethod     = "rpc.method"
	keyState      = "destinations.state"
	keyTableName  = "destinations.table"
	keyLog        = "destinations.log"
	keyBudget     = "destinations.memory.budget"
	keyPrincipal  = "destinations.principal"
	keyRefusal    = "destinations.refusal.reason"
	keyClosed     = "destinations.close.reason"
	keyListener   = "destinations.listener"
	keySource     = "destinations.context.source"
	keySpan       = "destinations.span"
	keyOutcome    = "destinations.outcome"
	classesInText = "transient, destination, credentials, batch; none if it succeeded"
)

// Bounds of the buckets. Most windows are a minute, so what is around it is told apart.
var (
	deliveryBounds = []float64{
		.5, 1, 2.5, 5, 10, 20, 30, 45, 55, 60, 65, 70, 75, 80, 90, 105, 120, 150, 180, 300,
		600, 1200, 1800, 3600, 7200, 21600, 86400,
	}
	acceptBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	lingerBounds = []float64{.5, 1, 2.5, 5, 10, 20, 30, 45, 55, 60, 65, 70, 75, 80, 90, 105, 120, 150, 180, 300}
	uploadBounds = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100, 300}
	eventsBounds = []float64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000}
	sizeBounds   = []float64{
		4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 128 << 20, 256 << 20, 1 << 30, 5 << 30,
	}
)

// Table returns every instrument, in the order in which they are described.
func Table() []Instrument {
	return []Instrument{
		{Name: nameReceived, Kind: Counter, Unit: "{event}", Meaning: "events in the requests that were taken, whatever became of them"},
		{Name: nameAccepted, Kind: Counter, Unit: "{event}", Meaning: "events that are durable in the journal, duplicates among them"},
		{Name: nameRejected, Kind: Counter, Unit: "{event}", Attributes: []Attribute{{keyRejection, "the API's RejectionCode in lower case"}}, Meaning: "events that were not accepted"},
		{Name: nameDuplicates, Kind: Counter, Unit: "{event}", Attributes: []Attribute{{keyBy, "sender, id"}}, Meaning: "accepted events that are left out because they had been taken before; counted again after a restart if no batch had passed them"},
		{Name: nameDelivered, Kind: Counter, Unit: "{event}", Meaning: "events of the objects that this process has delivered"},
		{Name: nameAcceptDuration, Kind: Histogram, Unit: "s", Bounds: acceptBounds, Meaning: "of every accepted event: from its receipt until it was durable in the journal"},
		{Name: nameDeliveryDuration, Kind: Histogram, Unit: "s", Bounds: deliveryBounds, Meaning: "of every delivered event: from its receipt until its object was durable in S3"},
		{Name: nameSkewed, Kind: Counter, Unit: "{event}", Meaning: "delivered events whose receipt lies in the future by the clock: a clock was set back, and 0 s is recorded"},
		{Name: nameBatchEvents, Kind: Histogram, Unit: "{event}", Bounds: eventsBounds, Meaning: "events of a batch when it was closed"},
		{Name: nameBatchSize, Kind: Histogram, Unit: "By", Bounds: sizeBounds, Meaning: "raw bytes of a batch when it was closed"},
		{Name: nameBatchLinger, Kind: Histogram, Unit: "s", Bounds: lingerBounds, Attributes: []Attribute{{keyReason, "window, size, memory, flush, crash"}}, Meaning: "of a batch: from the receipt of its first event until it was closed"},
		{Name: nameBatches, Kind: Counter, Unit: "{batch}", Attributes: []Attribute{{keyFate, "delivered, parked, dead, redriven, discarded"}}, Meaning: "what became of batches; all but delivered are counted again after a restart that reads their records again"},
		{Name: nameUploadDuration, Kind: Histogram, Unit: "s", Bounds: uploadBounds, Attributes: []Attribute{{keyErrorType, classesInText}, {keyMultipart, "true, false"}}, Meaning: "of a try to upload a batch, with the quick repeats in it"},
		{Name: nameObjectSize, Kind: Histogram, Unit: "By", Bounds: sizeBounds, Meaning: "bytes of an object in S3; without those that S3 says were there already"},
		{Name: nameRequestDuration, Kind: Histogram, Unit: "s", Bounds: uploadBounds, Attributes: []Attribute{{keyMethod, "S3/PutObject, S3/CreateMultipartUpload, S3/UploadPart, S3/CompleteMultipartUpload, S3/AbortMultipartUpload"}, {keyErrorType, classesInText}}, Meaning: "of a request to S3 for an upload"},
		{Name: nameBacklogEvents, Kind: Gauge, Unit: "{event}", Attributes: []Attribute{{keyState, "active, waiting, blocked, dead"}}, Meaning: "events that were read from the journal and are not in S3: by how their destination is (waiting: for the endpoint or the credentials, which all share), or in dead batches"},
		{Name: nameBacklogSize, Kind: Gauge, Unit: "By", Attributes: []Attribute{{keyState, "active, waiting, blocked, dead"}}, Meaning: "raw bytes of these"},
		{Name: nameBacklogOldest, Kind: Gauge, Unit: "s", Attributes: []Attribute{{keyState, "active, waiting, blocked"}}, Meaning: "age of the oldest event that is not in S3, dead batches left out; 0 if there is none. Freshness: page on it"},
		{Name: nameLag, Kind: Gauge, Unit: "{record}", Meaning: "durable records of the journal that no shard has read yet; their events are in no other number of the backlog"},
		{Name: nameBlocked, Kind: Gauge, Unit: "{destination}", Meaning: "destinations that are blocked by themselves"},
		{Name: nameTransitions, Kind: Counter, Unit: "{transition}", Attributes: []Attribute{{keyState, "blocked, freed"}}, Meaning: "how often destinations became so"},
		{Name: namePasses, Kind: Counter, Unit: "{pass}", Meaning: "how often the journal was read for destinations that had been blocked"},
		{Name: nameForgottenEarly, Kind: Counter, Unit: "{entry}", Attributes: []Attribute{{keyTableName, "senders, ids"}}, Meaning: "what the tables of duplicates had no room for: what these send again may be delivered twice"},
		{Name: nameJournalSize, Kind: Gauge, Unit: "By", Meaning: "bytes of events, parked and dead batches in the data folder, space allocated ahead included"},
		{Name: nameJournalQuota, Kind: Gauge, Unit: "By", Meaning: "--journal-quota; 0 = none"},
		{Name: nameJournalSync, Kind: Histogram, Unit: "s", Bounds: acceptBounds, Attributes: []Attribute{{keyLog, "events, control"}}, Meaning: "of an fsync of a log"},
		{Name: nameClosed, Kind: Gauge, Unit: "{partition}", Meaning: "partitions that take nothing because their files are damaged"},
		{Name: nameMemoryUsed, Kind: Gauge, Unit: "By", Attributes: []Attribute{{keyBudget, "requests, batches, tables"}}, Meaning: "memory in use, by budget; tables are charged to the budget of batches"},
		{Name: nameMemoryLimit, Kind: Gauge, Unit: "By", Attributes: []Attribute{{keyBudget, "requests, batches"}}, Meaning: "what a budget may use: parts of --memory"},
		{Name: namePrincipals, Kind: Counter, Unit: "{event}", Attributes: []Attribute{{keyPrincipal, "the first 100 that come, then other"}}, Meaning: "events that are durable in the journal, by who sent them, where callers are authenticated"},
		{Name: nameRefused, Kind: Counter, Unit: "{call}", Attributes: []Attribute{{keyRefusal, "credential_missing, credential_invalid, issuer_unavailable, not_granted, role_missing, too_many_calls, rate_exceeded"}}, Meaning: "calls that were not let in"},
		{Name: nameCutOff, Kind: Counter, Unit: "{connection}", Attributes: []Attribute{{keyListener, "listen, operations-listen, admin-listen"}, {keyClosed, "address, all: there were too many; bytes, strangers_calls: a stranger has sent too much, or begun too many calls; strangers_connects: strangers of its address have connected too often; calls: they came too fast"}}, Meaning: "connections that were closed because of a limit"},
		{Name: nameContexts, Kind: Counter, Unit: "{event}", Attributes: []Attribute{{keySource, "event, call, root, none, invalid"}}, Meaning: "events that were not rejected at once, by where their trace context is from: their own, their call's metadata, sampled here (--trace-ratio), nowhere; or their own was not valid and was passed over"},
		{Name: nameSpans, Kind: Counter, Unit: "{span}", Attributes: []Attribute{{keySpan, "deliver, aggregate, accept, upload, s3"}, {keyOutcome, "emitted, failed, suppressed_trace, suppressed_object, suppressed_request, suppressed_rate"}}, Meaning: "spans: exported, not taken by their receiver, or left out by a limit (see Limits)"},
	}
}
