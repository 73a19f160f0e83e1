package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"vestibule.dev/pkg/apierr"
)

// Response headers of the contract, in both spellings.
var (
	HeadersRequestID    = [2]string{"X-Hexclave-Request-Id", "X-Stack-Request-Id"}
	HeadersKnownError   = [2]string{"X-Hexclave-Known-Error", "X-Stack-Known-Error"}
	HeadersActualStatus = [2]string{"X-Hexclave-Actual-Status", "X-Stack-Actual-Status"}
)

type knownError struct {
	Code    string         `json:"code"`
	Details map[string]any `json:"details,omitempty"`
	Error   string         `json:"error"`
}

type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// RenderError answers with err (protocol §6). Whatever is not an
// *apierr.Error becomes a fixed 500 text that names the request; logging it is
// the caller's part.
func RenderError(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.HTTP == http.StatusInternalServerError {
		e = internal(w)
	}
	h := w.Header()
	for name, val := range e.Header {
		h.Set(name, val)
	}
	var body []byte
	switch e.Format {
	case apierr.FormatText:
		h.Set("Content-Type", contentTypeText)
		body = []byte(e.Message)
	case apierr.FormatOAuth:
		h.Set("Content-Type", contentTypeJSON)
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
		body = indented(oauthError{e.Code, e.Message})
	default:
		h.Set("Content-Type", contentTypeJSON)
		for _, name := range HeadersKnownError {
			h.Set(name, e.Code)
		}
		body = indented(knownError{e.Code, e.Details, e.Message})
	}
	w.WriteHeader(e.HTTP)
	_, _ = w.Write(body) // a client that has gone away is no error of ours
}

// LogError logs an error an operator should hear of: one the contract does not
// foresee, or that a service could not be reached. All others are answers.
func LogError(ctx context.Context, log *slog.Logger, err error) {
	level := slog.LevelError
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		switch {
		case e.HTTP < http.StatusInternalServerError:
			return
		case e.HTTP == http.StatusServiceUnavailable:
			level = slog.LevelWarn
		}
	}
	log.Log(ctx, level, "request failed", "error", err)
}

func internal(w http.ResponseWriter) *apierr.Error {
	return apierr.Text(http.StatusInternalServerError,
		"Something went wrong on our side. Request id: "+w.Header().Get(HeadersRequestID[0]))
}

func indented(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		// Details hold only what JSON can (package apierr).
		return []byte(`{"code":"","error":""}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
