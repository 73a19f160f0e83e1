package grpcapi

import (
	"context"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/patch"
	notificationsv1 "vestibule.dev/proto/notifications/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain/webhook"
)

// Webhooks implements notificationsv1.WebhookServiceServer.
type Webhooks struct {
	notificationsv1.UnimplementedWebhookServiceServer
	app *app.App
}

// ListWebhookEventTypes implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ListWebhookEventTypes(context.Context, *notificationsv1.ListWebhookEventTypesRequest) (*notificationsv1.ListWebhookEventTypesResponse, error) {
	res := &notificationsv1.ListWebhookEventTypesResponse{}
	for _, eventType := range webhook.EventTypes() {
		res.Items = append(res.Items, &notificationsv1.WebhookEventType{Name: eventType.Name, Description: eventType.Description})
	}
	return res, nil
}

// CreateWebhookEndpoint implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) CreateWebhookEndpoint(ctx context.Context, req *notificationsv1.CreateWebhookEndpointRequest) (*notificationsv1.NewWebhookEndpoint, error) {
	endpoint, key, err := s.app.CreateWebhookEndpoint(ctx, app.WebhookEndpointPatch{
		URL:         patch.Value(req.GetUrl()),
		Description: patch.Value(req.GetDescription()),
		FilterTypes: patch.Value(req.GetFilterTypes()),
		Disabled:    patch.Value(req.GetDisabled()),
	}, req.Secret)
	if err != nil {
		return nil, err
	}
	return &notificationsv1.NewWebhookEndpoint{
		Id:              endpoint.ID,
		Url:             endpoint.URL,
		Description:     endpoint.Description,
		FilterTypes:     endpoint.FilterTypes,
		Disabled:        endpoint.Disabled,
		CreatedAtMillis: webhookMillis(endpoint.CreatedAt),
		UpdatedAtMillis: webhookMillis(endpoint.UpdatedAt),
		Secret:          key.Reveal(),
	}, nil
}

// ListWebhookEndpoints implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ListWebhookEndpoints(ctx context.Context, _ *notificationsv1.ListWebhookEndpointsRequest) (*notificationsv1.ListWebhookEndpointsResponse, error) {
	endpoints, err := s.app.ListWebhookEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListWebhookEndpointsResponse{Items: make([]*notificationsv1.WebhookEndpoint, 0, len(endpoints))}
	for i := range endpoints {
		res.Items = append(res.Items, webhookEndpoint(&endpoints[i]))
	}
	return res, nil
}

// GetWebhookEndpoint implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) GetWebhookEndpoint(ctx context.Context, req *notificationsv1.GetWebhookEndpointRequest) (*notificationsv1.WebhookEndpoint, error) {
	endpoint, err := s.app.GetWebhookEndpoint(ctx, req.GetEndpointId())
	if err != nil {
		return nil, err
	}
	return webhookEndpoint(endpoint), nil
}

// UpdateWebhookEndpoint implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) UpdateWebhookEndpoint(ctx context.Context, req *notificationsv1.UpdateWebhookEndpointRequest) (*notificationsv1.WebhookEndpoint, error) {
	body := req.GetEndpoint()
	fields := app.WebhookEndpointPatch{
		URL:         given(body.Url),
		Description: given(body.Description),
		Disabled:    given(body.Disabled),
	}
	for _, path := range req.GetUpdateMask().GetPaths() {
		// The others tell themselves whether they were there.
		if path == "filter_types" {
			fields.FilterTypes = patch.Value(body.GetFilterTypes())
		}
	}
	endpoint, err := s.app.UpdateWebhookEndpoint(ctx, req.GetEndpointId(), fields)
	if err != nil {
		return nil, err
	}
	return webhookEndpoint(endpoint), nil
}

// given is absent for nil.
func given[T any](value *T) patch.Field[T] {
	if value == nil {
		return patch.Field[T]{}
	}
	return patch.Value(*value)
}

// DeleteWebhookEndpoint implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) DeleteWebhookEndpoint(ctx context.Context, req *notificationsv1.DeleteWebhookEndpointRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteWebhookEndpoint(ctx, req.GetEndpointId()); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// GetWebhookSecret implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) GetWebhookSecret(ctx context.Context, req *notificationsv1.GetWebhookSecretRequest) (*notificationsv1.WebhookSecret, error) {
	key, err := s.app.GetWebhookSecret(ctx, req.GetEndpointId())
	if err != nil {
		return nil, err
	}
	return &notificationsv1.WebhookSecret{Secret: key.Reveal()}, nil
}

// RotateWebhookSecret implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) RotateWebhookSecret(ctx context.Context, req *notificationsv1.RotateWebhookSecretRequest) (*notificationsv1.WebhookSecret, error) {
	key, err := s.app.RotateWebhookSecret(ctx, req.GetEndpointId(), req.Secret)
	if err != nil {
		return nil, err
	}
	return &notificationsv1.WebhookSecret{Secret: key.Reveal()}, nil
}

// ReplayWebhookMessages implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ReplayWebhookMessages(ctx context.Context, req *notificationsv1.ReplayWebhookMessagesRequest) (*notificationsv1.ReplayWebhookMessagesResponse, error) {
	var until *time.Time
	if req.UntilMillis != nil {
		moment := time.UnixMilli(int64(req.GetUntilMillis()))
		until = &moment
	}
	only := app.ReplayAll
	if req.Only != nil {
		only = app.ReplayOnly(req.GetOnly())
	}
	messages, err := s.app.ReplayWebhookMessages(ctx, req.GetEndpointId(), time.UnixMilli(int64(req.GetSinceMillis())), until, only)
	if err != nil {
		return nil, err
	}
	return &notificationsv1.ReplayWebhookMessagesResponse{Messages: float64(messages)}, nil
}

// ListWebhookEndpointAttempts implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ListWebhookEndpointAttempts(ctx context.Context, req *notificationsv1.ListWebhookEndpointAttemptsRequest) (*notificationsv1.ListWebhookAttemptsResponse, error) {
	filter := app.WebhookAttemptFilter{EndpointID: req.GetEndpointId()}
	if req.Status != nil {
		succeeded := req.GetStatus() == "succeeded"
		filter.Succeeded = &succeeded
	}
	return s.listAttempts(ctx, filter, app.Page{Cursor: req.GetCursor(), Limit: int(req.GetLimit())})
}

// ListWebhookMessageAttempts implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ListWebhookMessageAttempts(ctx context.Context, req *notificationsv1.ListWebhookMessageAttemptsRequest) (*notificationsv1.ListWebhookAttemptsResponse, error) {
	filter := app.WebhookAttemptFilter{MessageID: req.GetMessageId()}
	return s.listAttempts(ctx, filter, app.Page{Cursor: req.GetCursor(), Limit: int(req.GetLimit())})
}

func (s *Webhooks) listAttempts(ctx context.Context, filter app.WebhookAttemptFilter, page app.Page) (*notificationsv1.ListWebhookAttemptsResponse, error) {
	attempts, next, err := s.app.ListWebhookAttempts(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListWebhookAttemptsResponse{
		Items: make([]*notificationsv1.WebhookAttempt, 0, len(attempts)), IsPaginated: true, Pagination: webhookPagination(next),
	}
	for i := range attempts {
		res.Items = append(res.Items, webhookAttempt(&attempts[i]))
	}
	return res, nil
}

// ListWebhookMessages implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ListWebhookMessages(ctx context.Context, req *notificationsv1.ListWebhookMessagesRequest) (*notificationsv1.ListWebhookMessagesResponse, error) {
	messages, next, err := s.app.ListWebhookMessages(ctx, req.GetEventType(), app.Page{Cursor: req.GetCursor(), Limit: int(req.GetLimit())})
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.ListWebhookMessagesResponse{
		Items: make([]*notificationsv1.WebhookMessage, 0, len(messages)), IsPaginated: true, Pagination: webhookPagination(next),
	}
	for i := range messages {
		message, err := webhookMessage(&messages[i])
		if err != nil {
			return nil, err
		}
		res.Items = append(res.Items, message)
	}
	return res, nil
}

// GetWebhookMessage implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) GetWebhookMessage(ctx context.Context, req *notificationsv1.GetWebhookMessageRequest) (*notificationsv1.WebhookMessage, error) {
	message, err := s.app.GetWebhookMessage(ctx, req.GetMessageId())
	if err != nil {
		return nil, err
	}
	return webhookMessage(message)
}

// ResendWebhookMessage implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) ResendWebhookMessage(ctx context.Context, req *notificationsv1.ResendWebhookMessageRequest) (*typesv1.Success, error) {
	if err := s.app.ResendWebhookMessage(ctx, req.GetMessageId(), req.GetEndpointId()); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// SendTestWebhook implements notificationsv1.WebhookServiceServer.
func (s *Webhooks) SendTestWebhook(ctx context.Context, req *notificationsv1.SendTestWebhookRequest) (*notificationsv1.SendTestWebhookResponse, error) {
	problem, err := s.app.SendTestWebhook(ctx, req.GetEndpointId())
	if err != nil {
		return nil, err
	}
	res := &notificationsv1.SendTestWebhookResponse{Success: problem == ""}
	if problem != "" {
		res.ErrorMessage = &problem
	}
	return res, nil
}

func webhookEndpoint(endpoint *webhook.Endpoint) *notificationsv1.WebhookEndpoint {
	return &notificationsv1.WebhookEndpoint{
		Id:                 endpoint.ID,
		Url:                endpoint.URL,
		Description:        endpoint.Description,
		FilterTypes:        endpoint.FilterTypes,
		Disabled:           endpoint.Disabled,
		FailingSinceMillis: webhookMoment(endpoint.FailingSince),
		CreatedAtMillis:    webhookMillis(endpoint.CreatedAt),
		UpdatedAtMillis:    webhookMillis(endpoint.UpdatedAt),
	}
}

func webhookMessage(message *webhook.Message) (*notificationsv1.WebhookMessage, error) {
	payload := &structpb.Value{}
	if err := protojson.Unmarshal(message.Payload, payload); err != nil {
		return nil, err
	}
	out := &notificationsv1.WebhookMessage{
		Id:              message.ID,
		EventType:       message.EventType,
		Payload:         payload,
		CreatedAtMillis: webhookMillis(message.CreatedAt),
	}
	for _, delivery := range message.Deliveries {
		out.Deliveries = append(out.Deliveries, &notificationsv1.WebhookDelivery{
			EndpointId:          delivery.EndpointID,
			Status:              string(delivery.Status),
			Attempts:            int32(delivery.Attempts),
			NextAttemptAtMillis: webhookMoment(delivery.NextAttemptAt),
		})
	}
	return out, nil
}

func webhookAttempt(attempt *webhook.Attempt) *notificationsv1.WebhookAttempt {
	out := &notificationsv1.WebhookAttempt{
		Id:              attempt.ID,
		MessageId:       attempt.MessageID,
		EndpointId:      attempt.EndpointID,
		EventType:       attempt.EventType,
		Status:          "failed",
		Attempt:         int32(attempt.Number),
		CreatedAtMillis: webhookMillis(attempt.CreatedAt),
		DurationMillis:  float64(attempt.Duration.Milliseconds()),
		ResponseBody:    attempt.Body,
	}
	if attempt.Succeeded() {
		out.Status = "succeeded"
	}
	if attempt.Outcome.Status != 0 {
		out.ResponseStatus = wrapperspb.Double(float64(attempt.Outcome.Status))
	}
	if attempt.Problem != "" {
		out.Error = wrapperspb.String(attempt.Problem)
	}
	return out
}

func webhookPagination(next *string) *notificationsv1.WebhookPagination {
	if next == nil {
		return &notificationsv1.WebhookPagination{}
	}
	return &notificationsv1.WebhookPagination{NextCursor: wrapperspb.String(*next)}
}

func webhookMillis(t time.Time) float64 { return float64(t.UnixMilli()) }

func webhookMoment(t *time.Time) *wrapperspb.DoubleValue {
	if t == nil {
		return nil
	}
	return wrapperspb.Double(webhookMillis(*t))
}
