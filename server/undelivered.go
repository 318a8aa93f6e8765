package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// Undelivered knows what is not delivered, and why.
type Undelivered interface {
	// List gives the lines of Operations.ListDestinations, in its order, until give
	// returns an error, which is then List's. Other errors are those of [Flusher]. Any
	// number of callers may call together.
	List(ctx context.Context, give func(*destinationsv1.ListDestinationsResponse) error) error
}

// ListDestinations implements destinations.v1.Operations.ListDestinations.
func (o operations) ListDestinations(request *destinationsv1.ListDestinationsRequest, rpc grpc.ServerStreamingServer[destinationsv1.ListDestinationsResponse]) error {
	only := request.GetState()
	return o.stream(rpc.Context(), "list destinations", func(ctx context.Context) error {
		caller := callerOf(ctx)
		tenant, err := tenantFor(caller.Grant(), request.GetTenant(), true)
		if err != nil {
			return err
		}
		seen := &view{caller: caller, tenant: tenant}
		return o.server.undelivered.List(ctx, func(line *destinationsv1.ListDestinationsResponse) error {
			if line = seen.of(line); line == nil {
				return nil
			}
			if only != destinationsv1.DestinationState_DESTINATION_STATE_UNSPECIFIED && only != line.GetState() && line.GetClosedPartition() == nil {
				return nil
			}
			return send(ctx, rpc, line)
		})
	})
}

// view is what a caller may see of the list. Who does not see every tenant sees of what
// all share how it is, and not what was said: that names the object of whoever met it first.
// So it is with credentials of his tenant's own, for who does not see all of the tenant.
type view struct {
	caller *auth.Caller    // whose grant may change meanwhile
	tenant string          // "" = every one
	hidden map[string]bool // messages of what is shared
}

// of is a line as the caller sees it; nil = not at all.
func (v *view) of(line *destinationsv1.ListDestinationsResponse) *destinationsv1.ListDestinationsResponse {
	grant, d := v.caller.Grant(), line.GetDestination()
	if d != nil && (v.tenant != "" && v.tenant != d.GetTenant() || !reaches(grant, d)) {
		return nil
	}
	own := line.GetTenant() // of the credentials
	if own != "" && (v.tenant != "" && v.tenant != own || !grant.Reaches(own)) {
		return nil
	}
	if grant.ReachesAll() || line.GetMessage() == "" && line.GetDiagnosis() == nil && d != nil || own != "" && grant.CoversAll() {
		return line
	}
	line = proto.CloneOf(line) // it is not ours
	HideCredentials(line.GetDiagnosis())
	switch closed := line.GetClosedPartition(); {
	case d != nil && !v.hidden[line.GetMessage()]:
	case d != nil:
		line.Message = ""
	case closed != nil:
		closed.File, closed.Offset, line.Message = "", 0, "its files are damaged"
	default:
		if v.hidden == nil {
			v.hidden = map[string]bool{}
		}
		v.hidden[line.GetMessage()] = true
		line.Message, line.WaitingDestinations = "", 0
	}
	return line
}

// HideCredentials takes out of a diagnosis what was said of credentials, which may be those that
// all share: it names what only who runs the service need know. nil has nothing.
func HideCredentials(d *destinationsv1.Diagnosis) {
	for _, step := range d.GetSteps() {
		if step.GetStep() == destinationsv1.CheckStep_CHECK_STEP_CREDENTIALS {
			step.Message = ""
		}
	}
}
