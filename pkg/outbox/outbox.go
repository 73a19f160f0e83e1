package outbox

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	eventsv1 "vestibule.dev/proto/events/v1"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations is the table of this package.
func Migrations() migrate.Source {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return migrate.Source{Name: "outbox", FS: sub}
}

// channel is notified after every transaction that appends.
const channel = "outbox"

// Fact says what happened to what.
type Fact struct {
	// Context, Aggregate and Name make up the subject, as in
	// identity.v1.user.created.<project id>.
	Context   string
	Aggregate string
	Name      string
	// ID identifies the aggregate.
	ID     string
	Tenant ids.Tenant
	// Version grows with every change of the aggregate; 0 when it has none.
	Version int64
}

// NewEnvelope returns an envelope for the fact without its payload. Actor,
// request and trace come from ctx.
func NewEnvelope(ctx context.Context, fact Fact) *eventsv1.Envelope {
	envelope := &eventsv1.Envelope{
		Id:               ids.NewUUID(),
		Subject:          strings.Join([]string{fact.Context, "v1", fact.Aggregate, fact.Name, fact.Tenant.ProjectID}, "."),
		ProjectId:        fact.Tenant.ProjectID,
		BranchId:         fact.Tenant.BranchID,
		Aggregate:        fact.Aggregate + "/" + fact.ID,
		AggregateVersion: fact.Version,
		OccurredAt:       timestamppb.Now(),
		RequestId:        principal.RequestFromContext(ctx).ID,
		Trace:            traceparent(ctx),
	}
	if caller, ok := principal.FromContext(ctx); ok {
		envelope.Actor, envelope.OnBehalfOf = actor(caller)
	} else if origin := principal.OriginFromContext(ctx); origin.Backend != "" {
		envelope.Actor, envelope.OnBehalfOf = actor(principal.Principal{Backend: origin.Backend, UserID: origin.UserID})
	} else if service := principal.CallerFromContext(ctx); service != "" {
		envelope.Actor = "service/" + service
	}
	return envelope
}

// actor names who caused a change, and for whom: the operator behind an admin
// token, or the user whom one of the operator's backends named.
func actor(caller principal.Principal) (actor, onBehalfOf string) {
	switch {
	case caller.Backend != "":
		actor = "backend/" + caller.Backend
		if caller.UserID != "" {
			onBehalfOf = "user/" + caller.UserID
		}
	case caller.UserID != "":
		actor = "user/" + caller.UserID
	default:
		actor = string(caller.Access)
	}
	if caller.AdminUserID != "" {
		onBehalfOf = "operator/" + caller.AdminUserID
	}
	return actor, onBehalfOf
}

func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// MaxEvent is the largest event, in bytes: what a NATS server takes in one
// message unless it is told otherwise, less a header.
const MaxEvent = 1<<20 - 4<<10

// Append writes events into the transaction of the change they tell of. It
// costs one statement, whatever their number, and no round trip: the events leave
// with the statement that follows, or with the commit. A change whose event is
// larger than MaxEvent is refused with a 413 text.
func Append(ctx context.Context, tx pgx.Tx, envelopes ...*eventsv1.Envelope) error {
	if len(envelopes) == 0 {
		return nil
	}
	n := len(envelopes)
	var (
		eventIDs   = make([]string, n)
		subjects   = make([]string, n)
		projects   = make([]string, n)
		aggregates = make([]string, n)
		versions   = make([]int64, n)
		payloads   = make([][]byte, n)
	)
	for i, envelope := range envelopes {
		if err := validate(envelope); err != nil {
			return err
		}
		payload, err := proto.Marshal(envelope)
		if err != nil {
			return fmt.Errorf("outbox: %s: %w", envelope.GetSubject(), err)
		}
		if len(payload) > MaxEvent {
			return errTooLarge()
		}
		eventIDs[i], subjects[i], projects[i] = envelope.GetId(), envelope.GetSubject(), envelope.GetProjectId()
		aggregates[i], versions[i], payloads[i] = envelope.GetAggregate(), envelope.GetAggregateVersion(), payload
	}
	pg.NotifyAfterCommit(ctx, channel)
	return pg.Queue(ctx, tx, `-- name: AppendEvents
INSERT INTO outbox (id, subject, project_id, aggregate, aggregate_version, payload)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])`,
		eventIDs, subjects, projects, aggregates, versions, payloads)
}

// validate refuses what the stream would never take: such an event would hold
// back its aggregate for ever.
func validate(envelope *eventsv1.Envelope) error {
	parts := strings.Split(envelope.GetSubject(), ".")
	if len(parts) != 5 || parts[1] != "v1" || parts[4] != envelope.GetProjectId() ||
		slices.Contains(parts, "") || strings.ContainsAny(envelope.GetSubject(), "*> \t\r\n") {
		return fmt.Errorf("outbox: subject %q is not <context>.v1.<aggregate>.<fact>.<project_id>", envelope.GetSubject())
	}
	return nil
}

// errTooLarge refuses a change that nobody could be told of: its event would
// hold back its aggregate for ever.
func errTooLarge() error {
	return apierr.Text(http.StatusRequestEntityTooLarge, "This would make what it changes too large. Metadata and all other fields together have about a megabyte.")
}

// Status tells how far the relay is behind.
type Status struct {
	// Unpublished is the number of events that wait.
	Unpublished int64
	// OldestAge is how long the oldest of them has waited; 0 when none does.
	OldestAge time.Duration
}
