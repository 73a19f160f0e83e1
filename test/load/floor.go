package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

// floor is a minimal gateway and a minimal service, each a process of its own,
// on the database server of the system under test. They do what a request of a
// shape cannot do without and nothing else: no checks, no limits, no logs.
type floor struct {
	base      string
	token     string
	processes []*exec.Cmd
}

const floorUser = "8f8b0a3e-2f0c-4a52-9d0a-2b6f4a4a1c11"

// startFloor makes the floor's database on the server and runs the two
// processes.
func startFloor(ctx context.Context, superuser string) (*floor, error) {
	database, err := prepareFloor(ctx, superuser)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	raw, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	f := &floor{}
	if f.token, err = floorToken(key); err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString(raw)
	service, err := f.spawn("service", database, text)
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	gateway, err := f.spawn("gateway", service, text)
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	f.base = "http://" + gateway
	return f, nil
}

// spawn runs this program as one of the two and reads where it listens.
func (f *floor) spawn(args ...string) (address string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(program, append([]string{"floor"}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	f.processes = append(f.processes, cmd)
	line, err := bufio.NewReader(output).ReadString('\n')
	return strings.TrimSpace(line), err
}

func (f *floor) pids() []int {
	var pids []int
	for _, p := range f.processes {
		pids = append(pids, p.Process.Pid)
	}
	return pids
}

func (f *floor) stop() error {
	for _, p := range f.processes {
		_ = p.Process.Kill()
		_ = p.Wait() // killed, as it says
	}
	return nil
}

// requests makes the requests of a shape.
func (f *floor) requests(s shape) func() *http.Request {
	return func() *http.Request {
		if s == writeShape {
			return must(http.NewRequest(http.MethodPost, f.base+"/api/v1/auth/sessions/current/refresh", nil))
		}
		r := must(http.NewRequest(http.MethodGet, f.base+"/api/v1/users/me", nil))
		r.Header.Set("X-Hexclave-Access-Token", f.token)
		return r
	}
}

func prepareFloor(ctx context.Context, superuser string) (database string, err error) {
	conn, err := pgx.Connect(ctx, superuser)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	for _, statement := range []string{"DROP DATABASE IF EXISTS floor", "CREATE DATABASE floor"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	database = strings.Replace(superuser, "/postgres?", "/floor?", 1)
	inside, err := pgx.Connect(ctx, database)
	if err != nil {
		return "", err
	}
	defer inside.Close(ctx)
	_, err = inside.Exec(ctx, `
		CREATE TABLE users (id uuid PRIMARY KEY, display_name text, primary_email text, last_active_at timestamptz) WITH (fillfactor = 80);
		INSERT INTO users VALUES ('`+floorUser+`', 'Somebody', 'somebody@example.com', now());
		INSERT INTO users SELECT gen_random_uuid(), 'Somebody', 'somebody@example.com', now() FROM generate_series(1, 31)`)
	return database, err
}

func floorToken(key *ecdsa.PrivateKey) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"sub": floorUser, "iss": "floor", "aud": "floor", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"name": "Somebody", "email": "somebody@example.com", "role": "authenticated", "is_anonymous": false,
	}).SignedString(key)
}

// serveFloor is the life of a child process.
func serveFloor(args []string) error {
	if len(args) != 3 {
		return errors.New("floor service|gateway <upstream> <key>")
	}
	raw, err := base64.StdEncoding.DecodeString(args[2])
	if err != nil {
		return err
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	if args[0] == "service" {
		return floorService(listener, args[1], key)
	}
	return floorGateway(listener, args[1], key)
}

type floorServer struct {
	identityv1.UnimplementedUserServiceServer
	sessionsv1.UnimplementedSessionServiceServer
	db  *pgxpool.Pool
	key *ecdsa.PrivateKey
	ids []string
}

func floorService(listener net.Listener, database string, key *ecdsa.PrivateKey) error {
	ctx := context.Background()
	db, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	rows, err := db.Query(ctx, "SELECT id::text FROM users")
	if err != nil {
		return err
	}
	s := &floorServer{db: db, key: key}
	if s.ids, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	server := grpc.NewServer()
	identityv1.RegisterUserServiceServer(server, s)
	sessionsv1.RegisterSessionServiceServer(server, s)
	return server.Serve(listener)
}

// GetCurrentUser is the read shape: one SELECT by primary key.
func (s *floorServer) GetCurrentUser(ctx context.Context, _ *identityv1.GetCurrentUserRequest) (*identityv1.User, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	id := md.Get("user")[0]
	user := &identityv1.User{Id: id, DisplayName: &wrapperspb.StringValue{}, PrimaryEmail: &wrapperspb.StringValue{}}
	err := s.db.QueryRow(ctx, "SELECT display_name, primary_email FROM users WHERE id = $1", id).
		Scan(&user.DisplayName.Value, &user.PrimaryEmail.Value)
	return user, err
}

// RefreshCurrentSession is the write shape: one durable UPDATE … RETURNING and
// one signature.
func (s *floorServer) RefreshCurrentSession(ctx context.Context, _ *sessionsv1.RefreshCurrentSessionRequest) (*sessionsv1.RefreshCurrentSessionResponse, error) {
	var b [1]byte
	_, _ = rand.Read(b[:])
	var name string
	err := s.db.QueryRow(ctx, "UPDATE users SET last_active_at = now() WHERE id = $1 RETURNING display_name", s.ids[int(b[0])%len(s.ids)]).Scan(&name)
	if err != nil {
		return nil, err
	}
	token, err := floorToken(s.key)
	return &sessionsv1.RefreshCurrentSessionResponse{AccessToken: token}, err
}

func floorGateway(listener net.Listener, service string, key *ecdsa.PrivateKey) error {
	connection, err := grpc.NewClient(service, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}}),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
			return metadata.Pairs("user", r.Header.Get("X-Floor-User"))
		}),
	)
	ctx := context.Background()
	err = errors.Join(
		identityv1.RegisterUserServiceHandlerClient(ctx, mux, identityv1.NewUserServiceClient(connection)),
		sessionsv1.RegisterSessionServiceHandlerClient(ctx, mux, sessionsv1.NewSessionServiceClient(connection)),
	)
	if err != nil {
		return err
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience("floor"))
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("X-Hexclave-Access-Token"); token != "" {
			parsed, err := parser.Parse(token, func(*jwt.Token) (any, error) { return &key.PublicKey, nil })
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			subject, _ := parsed.Claims.GetSubject()
			r.Header.Set("X-Floor-User", subject)
		}
		mux.ServeHTTP(w, r)
	})}
	return server.Serve(listener)
}

// check proves that the floor does what it is compared for.
func (f *floor) check(ctx context.Context) error {
	for _, s := range []shape{readShape, writeShape} {
		answer, err := http.DefaultClient.Do(f.requests(s)().WithContext(ctx))
		if err != nil {
			return err
		}
		var body map[string]any
		err = json.NewDecoder(answer.Body).Decode(&body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			return fmt.Errorf("floor %s: %d %v %w", s, answer.StatusCode, body, err)
		}
	}
	return nil
}
