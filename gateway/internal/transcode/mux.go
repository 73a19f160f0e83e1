package transcode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
)

// Timeout is the time a request has from here to the last service and back.
const Timeout = 10 * time.Second

// Response metadata by which a service reaches into the HTTP answer.
const (
	metaStatus         = "vestibule-http-status"
	metaProjectChanged = "vestibule-project-changed"
)

// outgoing is all a service can set in an HTTP answer, by metadata name.
var outgoing = map[string]string{
	"vestibule-cache-control": "Cache-Control",
	"vestibule-pragma":        "Pragma",
	"vestibule-location":      "Location",
	"vestibule-set-cookie":    "Set-Cookie",
}

// Call is one request on its way to a service.
type Call struct {
	// Metadata is everything the service is told besides the message; nothing
	// of the HTTP request gets there by itself.
	Metadata metadata.MD
	// SuccessStatus is the status of an answer without error.
	SuccessStatus int
	// HTML asks for an indented answer.
	HTML bool
	// ProjectChanged is told the id of a project that the call changed, before
	// the answer goes out.
	ProjectChanged func(projectID string)
	Log            *slog.Logger
}

type callKey struct{}

func callFrom(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	if call == nil {
		call = &Call{}
	}
	return call
}

// Forward hands a canonical request to a generated handler. The handler sees a
// request made of nothing but that: no header, host or address of the
// original, so none can turn into metadata, a deadline or another method.
func Forward(ctx context.Context, handle runtime.HandlerFunc, w http.ResponseWriter, method string, c *Canonical, call *Call) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, callKey{}, call), Timeout)
	defer cancel()
	accept := "application/json"
	if call.HTML {
		accept = "text/html"
	}
	r := &http.Request{
		Method:   method,
		URL:      &url.URL{Path: "/"},
		Header:   http.Header{"Accept": {accept}, "Content-Type": {"application/json"}},
		Body:     http.NoBody,
		Form:     c.Form,
		PostForm: url.Values{},
	}
	if c.Body != nil {
		r.Body = io.NopCloser(bytes.NewReader(c.Body))
	}
	handle(w, r.WithContext(ctx), c.Params)
}

// NewMux returns a mux for the generated handlers with every default that
// would let a caller reach further than the contract turned off. Requests do
// not go through its routing: capture receives each handler as it registers.
func NewMux(capture func(runtime.HandlerFunc)) *runtime.ServeMux {
	return runtime.NewServeMux(
		runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc {
			capture(next)
			return next
		}),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler(false)),
		runtime.WithMarshalerOption("application/json", newMarshaler(false)),
		runtime.WithMarshalerOption("text/html", newMarshaler(true)),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(func(ctx context.Context, _ *http.Request) metadata.MD { return callFrom(ctx).Metadata }),
		runtime.WithOutgoingHeaderMatcher(func(name string) (string, bool) {
			header, ok := outgoing[name]
			return header, ok
		}),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithForwardResponseOption(beforeAnswer),
		runtime.WithErrorHandler(handleError),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
	)
}

// beforeAnswer sets the status and tells the edge about changed projects.
func beforeAnswer(ctx context.Context, w http.ResponseWriter, msg proto.Message) error {
	call := callFrom(ctx)
	md, _ := runtime.ServerMetadataFromContext(ctx)
	reportChanges(call, md)
	code := call.SuccessStatus
	if text := md.HeaderMD.Get(metaStatus); len(text) == 1 {
		if n, err := strconv.Atoi(text[0]); err == nil && n >= 200 && n < 400 {
			code = n
		}
	}
	if body, ok := msg.(*httpbody.HttpBody); ok && body.GetContentType() == "" {
		w.Header().Del("Content-Type")
	}
	if code != 0 && code != http.StatusOK {
		w.WriteHeader(code)
	}
	return nil
}

func reportChanges(call *Call, md runtime.ServerMetadata) {
	if call.ProjectChanged == nil {
		return
	}
	for _, id := range md.HeaderMD.Get(metaProjectChanged) {
		call.ProjectChanged(id)
	}
}

// handleError answers with the error of a service, or with ours when it could
// not be reached.
func handleError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	call := callFrom(ctx)
	md, _ := runtime.ServerMetadataFromContext(ctx)
	reportChanges(call, md)
	for name, header := range outgoing {
		for _, val := range md.HeaderMD.Get(name) {
			w.Header().Add(header, val)
		}
	}
	err = restore(err)
	if _, ok := errors.AsType[*apierr.Error](err); !ok && call.Log != nil {
		call.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	RenderError(w, err)
}

// restore turns the status of a call into the error behind it.
func restore(err error) error {
	restored := grpcx.FromStatus(err)
	if _, ok := errors.AsType[*apierr.Error](restored); ok {
		return restored
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return apierr.Unavailable(time.Second).WithCause(err)
	case codes.ResourceExhausted:
		return apierr.TooManyRequests(time.Second).WithCause(err)
	}
	return restored
}

// WantsHTML reports whether the answer is for a person at a browser.
func WantsHTML(h http.Header) bool {
	for _, accept := range h.Values("Accept") {
		if strings.Contains(strings.ToLower(accept), "text/html") {
			return true
		}
	}
	return false
}
