-- name: SubscriptionsOfCustomer :many
SELECT * FROM subscriptions
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4
ORDER BY created_at, id;

-- name: OneTimePurchasesOfCustomer :many
SELECT * FROM one_time_purchases
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4
ORDER BY created_at, id;

-- name: CreateSubscription :exec
INSERT INTO subscriptions
    (project_id, branch_id, id, customer_type, customer_id, product_id, price_id, product, quantity, status,
     current_period_start, current_period_end, creation_source, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: UpdateSubscription :exec
UPDATE subscriptions
SET status = $4, cancel_at_period_end = $5, canceled_at = $6, ended_at = $7, version = $8
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: CreateOneTimePurchase :exec
INSERT INTO one_time_purchases
    (project_id, branch_id, id, customer_type, customer_id, product_id, price_id, product, quantity, creation_source, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: TenancyID :one
INSERT INTO tenancies (id, project_id, branch_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT tenancies_branch_key DO UPDATE SET branch_id = excluded.branch_id
RETURNING id;

-- name: Tenancy :one
SELECT project_id, branch_id FROM tenancies WHERE id = $1;
