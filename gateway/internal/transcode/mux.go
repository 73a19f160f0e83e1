package transcode

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
)

// Timeout is the time a request has from here to the last service and back.
const Timeout = 10 * time.Second

// outgoing lists the headers a service can set in an HTTP answer, by the name
// of their metadata. Beside them only the status can be set
// ([grpcx.HeaderHTTPStatus]).
var outgoing = map[string]string{
	"vestibule-cache-control": "Cache-Control",
	"vestibule-pragma":        "Pragma",
	"vestibule-location":      "Location",
	"vestibule-set-cookie":    "Set-Cookie",
}

// Call is one request on its way to a service.
type Call struct {
	// Method and Path are what the caller asked for, for the words of errors.
	Method, Path string
	// SuccessStatus is the status of an answer without error.
	SuccessStatus int
	// HTML asks for an indented answer.
	HTML bool
	// ProjectChanged is told the id of a project that the call changed, before
	// the answer goes out.
	ProjectChanged func(projectID string)
	Log            *slog.Logger

	// redirects says that the answer turned out to be a redirect.
	redirects bool
}

type callKey struct{}

func callFrom(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	if call == nil {
		call = &Call{Log: slog.New(slog.DiscardHandler)}
	}
	return call
}

// Forward hands a canonical request to a generated handler. The handler sees a
// request made of nothing but that: no header, host or address of the
// original, so none can turn into metadata, a deadline or another method. What
// the service is told besides the message, the connection takes from ctx.
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
		runtime.WithOutgoingHeaderMatcher(func(name string) (string, bool) {
			header, ok := outgoing[name]
			return header, ok
		}),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithForwardResponseOption(beforeAnswer),
		runtime.WithForwardResponseRewriter(withoutBody),
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
	if text := md.HeaderMD.Get(grpcx.HeaderHTTPStatus); len(text) == 1 {
		if n, err := strconv.Atoi(text[0]); err == nil && n >= 200 && (n < 400 || n == http.StatusInternalServerError) {
			code = n
		}
	}
	call.redirects = code >= 300 && code < 400
	switch body, ok := msg.(*httpbody.HttpBody); {
	case ok && body.GetContentType() == "":
		w.Header().Del("Content-Type")
	case !ok && call.redirects:
		w.Header().Set("Content-Type", contentTypeText)
	}
	if code != 0 && code != http.StatusOK {
		w.WriteHeader(code)
	}
	return nil
}

// withoutBody empties the answer of a redirect: everything it says is in its
// headers.
func withoutBody(ctx context.Context, msg proto.Message) (any, error) {
	if callFrom(ctx).redirects {
		return &httpbody.HttpBody{}, nil
	}
	return msg, nil
}

func reportChanges(call *Call, md runtime.ServerMetadata) {
	if call.ProjectChanged == nil {
		return
	}
	for _, id := range md.HeaderMD.Get(grpcx.HeaderProjectChanged) {
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
	known := grpcx.FromStatus(err)
	LogError(ctx, call.Log, known)
	RenderError(w, apierr.NameEndpoint(known, call.Method, call.Path))
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
