package grpcapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/events"
	"vestibule.dev/services/notifications/internal/grpcapi"
	"vestibule.dev/services/notifications/internal/postgres"
	"vestibule.dev/services/notifications/migrations"
)

// server is the whole context behind gRPC, with one user in project p.
type server struct {
	*grpctest.Harness
	db   *pg.DB
	user string
}

// one knows one user.
type one string

func (u one) Contacts(_ context.Context, _ ids.Tenant, userIDs []string) (map[string]domain.Contact, error) {
	found := map[string]domain.Contact{}
	for _, id := range userIDs {
		if id == string(u) {
			found[id] = domain.Contact{PrimaryEmail: "ada@example.com"}
		}
	}
	return found, nil
}

func (u one) Owners(context.Context, string) ([]string, error) {
	return []string{"boss@example.com", "owner@example.com"}, nil
}

func (u one) UserIDs(_ context.Context, _ ids.Tenant, after string, _ int) ([]string, error) {
	if after != "" {
		return nil, nil
	}
	return []string{string(u)}, nil
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{db: pgtest.New(t, outbox.Migrations(), migrations.Source()), user: ids.NewUUID()}
	ring, err := secret.ParseKeyRing(secret.Secret("k:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	application := app.New(app.Config{CapacityPerHour: 200, PublicURL: "https://api.example.com", CronSecret: "s3cret"}, app.Ports{
		Store: postgres.NewStore(s.db, secret.NewBox(ring), events.Encode), Configs: configs{}, Users: one(s.user),
		Clock: clock.System(), Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	})
	s.Harness = grpctest.New(t, "notifications", func(r grpc.ServiceRegistrar) { grpcapi.RegisterEmails(r, application) })
	return s
}

func (s *server) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := s.db.Querier(t.Context()).Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// unsubscribeCode is the code of a link in some mail.
func (s *server) unsubscribeCode(t *testing.T) string {
	t.Helper()
	code := ids.Secret()
	sum := sha256.Sum256([]byte(code))
	s.exec(t, `INSERT INTO unsubscribe_links (project_id, branch_id, id, code_hash, user_id, category_id, expires_at)
VALUES ('p', 'main', $1, $2, $3, $4, now() + interval '1 day')`, ids.NewUUID(), sum[:], s.user, marketing)
	return code
}
