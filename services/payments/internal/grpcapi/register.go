package grpcapi

import (
	"google.golang.org/grpc"

	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
)

// Register registers all services of the context.
func Register(r grpc.ServiceRegistrar, application *app.App) {
	paymentsv1.RegisterPurchaseServiceServer(r, &Purchases{app: application})
	paymentsv1.RegisterProductServiceServer(r, &Products{app: application})
	paymentsv1.RegisterItemServiceServer(r, &Items{app: application})
}
