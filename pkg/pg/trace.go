package pg

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

type (
	countKey struct{}
	spanKey  struct{}
)

// CountQueries returns a context whose statements are counted, for tests that
// hold the number of statements a use case costs. BEGIN and COMMIT do not
// count, and neither does telling a connection for whom it works.
func CountQueries(ctx context.Context) (context.Context, *atomic.Int64) {
	n := new(atomic.Int64)
	return context.WithValue(ctx, countKey{}, n), n
}

// tracer makes a span of each statement, or of those that travel together,
// without their arguments.
type tracer struct{}

func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return begin(ctx, data.SQL)
}

func (tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	end(ctx, data.Err)
}

func (tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	statements := make([]string, 0, data.Batch.Len())
	for _, query := range data.Batch.QueuedQueries {
		statements = append(statements, query.SQL)
	}
	return begin(ctx, statements...)
}

func (tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	end(ctx, data.Err)
}

// begin counts statements and begins their span. It has the names of those that are
// more than the beginning or end of a transaction.
func begin(ctx context.Context, statements ...string) context.Context {
	n, _ := ctx.Value(countKey{}).(*atomic.Int64)
	sampled := trace.SpanContextFromContext(ctx).IsSampled()
	if n == nil && !sampled {
		return ctx
	}
	var names []string
	for i, sql := range statements {
		verb, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
		if !transactional(verb) || len(names) == 0 && i == len(statements)-1 {
			names = append(names, name(sql, verb))
		}
		if n != nil && sql != setScope && !transactional(verb) {
			n.Add(1)
		}
	}
	if !sampled {
		return ctx
	}
	ctx, span := otel.Tracer("vestibule.dev/pkg/pg").Start(ctx, strings.Join(names, ", "),
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql")))
	return context.WithValue(ctx, spanKey{}, span)
}

func end(ctx context.Context, err error) {
	// Only the span of this statement may be ended, and only a sampled request
	// has one.
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, "query failed")
	}
	span.End()
}

func transactional(verb string) bool {
	switch strings.ToUpper(strings.TrimSuffix(verb, ";")) {
	case "BEGIN", "COMMIT", "ROLLBACK":
		return true
	}
	return false
}

// name is the query's own name, which sqlc puts into its first line, or else
// its verb.
func name(sql, verb string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		if end := strings.IndexAny(rest, " \n"); end > 0 {
			return rest[:end]
		}
	}
	return verb
}
