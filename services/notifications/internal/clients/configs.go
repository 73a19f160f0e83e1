package clients

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/notifications/internal/app"
)

// Configs implements app.ConfigWriter.
type Configs struct {
	client identityv1.MailInternalServiceClient
}

// NewConfigs returns the configurations that identity keeps.
func NewConfigs(conn grpc.ClientConnInterface) *Configs {
	return &Configs{client: identityv1.NewMailInternalServiceClient(conn)}
}

// ChangeConfig implements app.ConfigWriter. It makes the gateway forget the
// project before it answers the request that ctx belongs to.
func (c *Configs) ChangeConfig(ctx context.Context, tenant ids.Tenant, change app.ConfigChange) (bool, error) {
	override, err := json.Marshal(change.Set)
	if err != nil {
		return false, err
	}
	if change.Set == nil {
		override = []byte("{}")
	}
	res, err := c.client.ChangeEnvironmentConfig(ctx, &identityv1.ChangeEnvironmentConfigRequest{
		ProjectId: tenant.ProjectID, BranchId: tenant.BranchID,
		Override: string(override), ResetKeys: change.Reset, RequiredKeys: change.Required,
	})
	if err != nil {
		return false, err
	}
	grpcx.SetHeader(ctx, grpcx.HeaderProjectChanged, tenant.ProjectID)
	return res.GetChanged(), nil
}
