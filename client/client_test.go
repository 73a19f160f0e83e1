package client_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"vestibule.dev/client"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/principal"
	paymentsv1 "vestibule.dev/proto/payments/v1"
)

// items answers as payments does, and remembers how it was called.
type items struct {
	paymentsv1.UnimplementedItemServiceServer
	md     metadata.MD
	change *paymentsv1.UpdateItemQuantityRequest
}

func (s *items) GetItem(ctx context.Context, req *paymentsv1.GetItemRequest) (*paymentsv1.Item, error) {
	s.md, _ = metadata.FromIncomingContext(ctx)
	if req.GetItemId() != "credits" {
		return nil, grpcx.ToStatus(apierr.ItemNotFound(req.GetItemId())).Err()
	}
	return &paymentsv1.Item{Id: "credits", Quantity: 7}, nil
}

func (s *items) UpdateItemQuantity(_ context.Context, req *paymentsv1.UpdateItemQuantityRequest) (*paymentsv1.UpdateItemQuantityResponse, error) {
	s.change = req
	return &paymentsv1.UpdateItemQuantityResponse{}, nil
}

func serve(t *testing.T) (*items, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, g := &items{}, grpc.NewServer()
	paymentsv1.RegisterItemServiceServer(g, s)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return s, listener.Addr().String()
}

func connect(t *testing.T, address string) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), client.Config{
		Addresses: map[string]string{"payments": address}, Credential: "token", ProjectID: project,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestCall_metadata_saysForWhom(t *testing.T) {
	s, address := serve(t)
	c := connect(t, address)
	for _, tt := range []struct {
		call client.Call
		want map[string]string
	}{
		{client.Call{}, map[string]string{principal.MetadataProject: project, principal.MetadataUser: "", principal.MetadataAccess: ""}},
		{client.Call{ProjectID: other, UserID: user, Admin: true}, map[string]string{
			principal.MetadataProject: other, principal.MetadataUser: user, principal.MetadataAccess: "admin",
		}},
	} {
		// What is in the context for somebody else does not get in between.
		ctx := metadata.AppendToOutgoingContext(client.With(t.Context(), tt.call), principal.MetadataProject, "elsewhere")
		item, err := c.Item(ctx, client.Customer{Type: "user", ID: user}, "credits")
		if err != nil || item.GetQuantity() != 7 {
			t.Fatalf("%v, %v", item, err)
		}
		tt.want[principal.MetadataCredential] = "token"
		for name, want := range tt.want {
			if got := s.md.Get(name); want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

func TestErrors_ofTheAPI_keepTheirCodes(t *testing.T) {
	_, address := serve(t)
	c := connect(t, address)
	_, err := c.Item(t.Context(), client.Customer{Type: "user", ID: user}, "gold")
	if !client.HasCode(err, apierr.CodeItemNotFound) {
		t.Errorf("%v", err)
	}
	_, err = c.Identity().(interface {
		NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error)
	}).NewStream(t.Context(), nil, "")
	if err == nil {
		t.Error("a context without an address was called")
	}
}

func TestChangeItemQuantity_sendsTheChange(t *testing.T) {
	s, address := serve(t)
	err := connect(t, address).ChangeItemQuantity(t.Context(), client.Customer{Type: "team", ID: other}, "credits",
		client.ItemChange{Delta: -3, Description: "a report"})
	if err != nil {
		t.Fatal(err)
	}
	change := s.change.GetChange()
	if change.GetDelta() != -3 || change.GetDescription() != "a report" || change.ExpiresAt != nil || s.change.GetAllowNegative() || s.change.GetCustomerType() != "team" {
		t.Errorf("sent %v", s.change)
	}
}

func TestNew_withoutProof_isRefused(t *testing.T) {
	if _, err := client.New(t.Context(), client.Config{Addresses: map[string]string{"payments": "127.0.0.1:1"}}); err == nil {
		t.Error("connected")
	}
}
