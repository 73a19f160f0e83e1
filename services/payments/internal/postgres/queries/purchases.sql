-- name: SubscriptionsOfCustomer :many
SELECT * FROM subscriptions
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4
ORDER BY created_at, id;

-- name: OneTimePurchasesOfCustomer :many
SELECT * FROM one_time_purchases
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4
ORDER BY created_at, id;

-- name: SubscriptionByID :one
SELECT * FROM subscriptions WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: OneTimePurchaseByID :one
SELECT * FROM one_time_purchases WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: CreateSubscription :exec
INSERT INTO subscriptions
    (project_id, branch_id, id, customer_type, customer_id, product_id, price_id, product, quantity, status,
     current_period_start, current_period_end, cancel_at_period_end, canceled_at, ended_at, creation_source, created_at,
     stripe_subscription_id, started)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19);

-- name: UpdateSubscription :exec
UPDATE subscriptions
SET product_id = $4, price_id = $5, product = $6, quantity = $7, status = $8, current_period_start = $9,
    current_period_end = $10, cancel_at_period_end = $11, canceled_at = $12, ended_at = $13, started = $14,
    refunded_at = $15, refunded_quantity = $16, version = $17
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: CreateOneTimePurchase :exec
INSERT INTO one_time_purchases
    (project_id, branch_id, id, customer_type, customer_id, product_id, price_id, product, quantity, creation_source, created_at,
     stripe_payment_intent_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: RefundOneTimePurchase :exec
UPDATE one_time_purchases
SET refunded_at = $4, refunded_quantity = $5
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: TenancyID :one
INSERT INTO tenancies (id, project_id, branch_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT tenancies_branch_key DO UPDATE SET branch_id = excluded.branch_id
RETURNING id;

-- name: Tenancy :one
SELECT project_id, branch_id FROM tenancies WHERE id = $1;
