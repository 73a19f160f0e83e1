package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/mtls"
	"vestibule.dev/pkg/principal"
)

// Error is an error of the API: its code, HTTP status, sentence and details
// (docs/errors.md). Errors without a code have a sentence alone.
type Error = apierr.Error

// HasCode reports whether err is an API error with this code, such as
// "USER_NOT_FOUND".
func HasCode(err error, code string) bool { return apierr.HasCode(err, code) }

// TLS are the files and names of a backend with a certificate; its variables
// are those of the services (docs/grpc.md).
type TLS = mtls.Config

// Config says where the services are and who calls.
type Config struct {
	// Addresses of the contexts that are called, by name, such as
	// "payments": gRPC targets, or host:port lists separated by commas.
	Addresses map[string]string
	// Credential is the token of a service credential. Without it TLS has to
	// name a certificate that the services know.
	Credential string
	// ProjectID is the project of calls whose context names none.
	ProjectID string
	// TLS secures the connections; its zero value means plain text, for
	// loopback.
	TLS TLS
}

// Client calls the services. It is safe for concurrent use.
type Client struct {
	cfg   Config
	conns map[string]*grpc.ClientConn
}

// New returns a client. Connections are made in the background and last until
// Close, at the latest until ctx ends.
func New(ctx context.Context, cfg Config) (*Client, error) {
	secure := func(string) credentials.TransportCredentials { return nil }
	if cfg.TLS.Enabled() {
		identity, err := mtls.Load(cfg.TLS)
		if err != nil {
			return nil, err
		}
		secure = identity.Client
	} else if cfg.Credential == "" {
		return nil, errors.New("client: neither a credential nor a certificate")
	}
	c := &Client{cfg: cfg, conns: make(map[string]*grpc.ClientConn, len(cfg.Addresses))}
	for name, target := range cfg.Addresses {
		conn, err := grpcx.Dial(ctx, grpcx.ClientConfig{
			Target:      target,
			Credentials: secure(name),
			Repeatable:  reads,
			// The innermost: it adds what the others would take away.
			Options: []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.sign)},
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("client: %w", err), c.Close())
		}
		c.conns[name] = conn
	}
	return c, nil
}

// Close ends the connections.
func (c *Client) Close() error {
	var errs []error
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// Identity is the connection to users, their credentials and projects.
func (c *Client) Identity() grpc.ClientConnInterface { return c.conn("identity") }

// Sessions is the connection to sessions, tokens and API keys.
func (c *Client) Sessions() grpc.ClientConnInterface { return c.conn("sessions") }

// Teams is the connection to teams, memberships and permissions.
func (c *Client) Teams() grpc.ClientConnInterface { return c.conn("teams") }

// Notifications is the connection to mails and webhooks.
func (c *Client) Notifications() grpc.ClientConnInterface { return c.conn("notifications") }

// Payments is the connection to items and products.
func (c *Client) Payments() grpc.ClientConnInterface { return c.conn("payments") }

func (c *Client) conn(name string) grpc.ClientConnInterface {
	if conn := c.conns[name]; conn != nil {
		return conn
	}
	return unknown(name)
}

// unknown is the connection to a context whose address nobody gave.
type unknown string

func (u unknown) err() error { return fmt.Errorf("client: Config.Addresses has no %q", string(u)) }

// Invoke implements grpc.ClientConnInterface.
func (u unknown) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return u.err() }

// NewStream implements grpc.ClientConnInterface.
func (u unknown) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, u.err()
}

// Call says for whom a call is made.
type Call struct {
	// ProjectID is Config.ProjectID when left out.
	ProjectID string
	// UserID becomes the current user of the call, and "me" in a user id means
	// them.
	UserID string
	// Admin asks for admin access where server access would do as well.
	Admin bool
}

type callKey struct{}

// With returns a context in which calls are made like this.
func With(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// sign adds the credential and for whom the call is made.
func (c *Client) sign(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	call, _ := ctx.Value(callKey{}).(Call)
	if call.ProjectID == "" {
		call.ProjectID = c.cfg.ProjectID
	}
	values := map[string]string{
		principal.MetadataCredential: c.cfg.Credential,
		principal.MetadataProject:    call.ProjectID,
		principal.MetadataUser:       call.UserID,
	}
	if call.Admin {
		values[principal.MetadataAccess] = string(principal.AccessAdmin)
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	md = maps.Clone(md)
	if md == nil {
		md = metadata.MD{}
	}
	for name, value := range values {
		if value != "" {
			md[name] = []string{value}
		}
	}
	return invoke(metadata.NewOutgoingContext(ctx, md), method, req, reply, cc, opts...)
}

// reads reports whether a method only reads and may be called again when a
// connection breaks.
func reads(fullMethod string) bool {
	verb := fullMethod[strings.LastIndexByte(fullMethod, '/')+1:]
	return strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List")
}
