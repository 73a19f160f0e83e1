// Command example is a backend beside vestibule: it shows reports to people who
// may see the members of a team, and greets everybody who signs up.
//
//	GET /teams/{team}/report   with Authorization: Bearer <access token>
//	GET /greeting              the greeting of the token's user
//
// It verifies tokens by itself, asks teams by gRPC whether a user may do
// something, and consumes user.created into a database of its own. Its variables
// are EXAMPLE_ADDR, EXAMPLE_BASE_URL, EXAMPLE_PROJECT_ID, EXAMPLE_CREDENTIAL,
// EXAMPLE_TEAMS_ADDR, EXAMPLE_POSTGRES_URL and EXAMPLE_NATS_URL.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule.dev/client"
	"vestibule.dev/client/events"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

// backend is what requests and events have in common.
type backend struct {
	tokens *client.Verifier
	api    *client.Client
	db     *events.DB
}

func run(ctx context.Context) error {
	var b backend
	var err error
	project := os.Getenv("EXAMPLE_PROJECT_ID")
	b.tokens, err = client.NewVerifier(client.VerifierConfig{BaseURL: os.Getenv("EXAMPLE_BASE_URL"), ProjectID: project})
	if err != nil {
		return err
	}
	b.api, err = client.New(ctx, client.Config{
		Addresses:  map[string]string{"teams": os.Getenv("EXAMPLE_TEAMS_ADDR")},
		Credential: os.Getenv("EXAMPLE_CREDENTIAL"),
		ProjectID:  project,
	})
	if err != nil {
		return err
	}
	defer b.api.Close()

	database := os.Getenv("EXAMPLE_POSTGRES_URL")
	if err := events.Migrate(ctx, database); err != nil {
		return err
	}
	if b.db, err = events.Open(ctx, database, "example"); err != nil {
		return err
	}
	defer b.db.Close()
	_, err = b.db.Querier(ctx).Exec(ctx, `CREATE TABLE IF NOT EXISTS greetings (user_id text PRIMARY KEY, times int NOT NULL)`)
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return events.Run(ctx, events.Config{
			Backend: "example", NATSURL: os.Getenv("EXAMPLE_NATS_URL"), DB: b.db,
			Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}, events.Subscription{
			Name: "greetings", Context: "identity", Subjects: []string{"identity.v1.user.created." + project}, Handle: b.greet,
		})
	})
	group.Go(func() error { return b.serve(ctx, os.Getenv("EXAMPLE_ADDR")) })
	return group.Wait()
}

func (b *backend) serve(ctx context.Context, addr string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /teams/{team}/report", b.report)
	mux.HandleFunc("GET /greeting", b.greeting)
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// user verifies the token of a request; it answers and returns nil if there is
// none that is good.
func (b *backend) user(w http.ResponseWriter, r *http.Request) *client.Claims {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := b.tokens.Verify(r.Context(), token)
	if err != nil {
		refuse(w, err)
		return nil
	}
	return claims
}

// refuse answers with the status that the API would have answered with.
func refuse(w http.ResponseWriter, err error) {
	if known, ok := errors.AsType[*client.Error](err); ok {
		http.Error(w, known.Message, known.HTTP)
		return
	}
	slog.Error("unforeseen", "error", err)
	http.Error(w, "Something went wrong.", http.StatusInternalServerError)
}

// report needs a right: membership is not enough.
func (b *backend) report(w http.ResponseWriter, r *http.Request) {
	claims := b.user(w, r)
	if claims == nil {
		return
	}
	team := r.PathValue("team")
	allowed, err := b.api.HasTeamPermission(r.Context(), team, claims.UserID, "$read_members")
	switch {
	case err != nil:
		refuse(w, err)
	case !allowed:
		http.Error(w, "Not for you.", http.StatusForbidden)
	default:
		fmt.Fprintf(w, "The report of team %s.\n", team)
	}
}

// greet is called once for everybody who signs up, in a transaction with the
// note that it was.
func (b *backend) greet(ctx context.Context, event *events.Event) error {
	_, err := b.db.Querier(ctx).Exec(ctx,
		`INSERT INTO greetings (user_id, times) VALUES ($1, 1) ON CONFLICT (user_id) DO UPDATE SET times = greetings.times + 1`,
		event.GetUserCreated().GetUserId())
	return err
}

func (b *backend) greeting(w http.ResponseWriter, r *http.Request) {
	claims := b.user(w, r)
	if claims == nil {
		return
	}
	var times int
	err := b.db.Querier(r.Context()).QueryRow(r.Context(),
		`SELECT coalesce(sum(times), 0)::int FROM greetings WHERE user_id = $1`, claims.UserID).Scan(&times)
	if err != nil {
		refuse(w, err)
		return
	}
	fmt.Fprintf(w, "%s was greeted %d times.\n", claims.UserID, times)
}
