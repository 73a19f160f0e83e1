-- name: StripeAccount :one
SELECT account_id FROM stripe_accounts WHERE project_id = $1 AND branch_id = $2;

-- name: SaveStripeAccount :one
-- Of two that are saved at the same time, one wins.
INSERT INTO stripe_accounts (project_id, branch_id, account_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT stripe_accounts_pkey DO UPDATE SET branch_id = excluded.branch_id
RETURNING account_id;

-- name: TenantOfStripeAccount :one
SELECT project_id, branch_id FROM stripe_accounts WHERE account_id = $1;

-- name: ClaimStripePurchase :one
-- The purchase that something at the provider stands for: the given one unless
-- there is one already.
INSERT INTO stripe_purchases (project_id, branch_id, stripe_id, purchase_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT stripe_purchases_pkey DO UPDATE SET branch_id = excluded.branch_id
RETURNING purchase_id;

-- name: TakeReading :one
INSERT INTO stripe_readings (project_id, branch_id, stripe_customer_id, taken)
VALUES ($1, $2, $3, 1)
ON CONFLICT ON CONSTRAINT stripe_readings_pkey DO UPDATE SET taken = stripe_readings.taken + 1
RETURNING taken;

-- name: ApplyReading :execrows
UPDATE stripe_readings
SET applied = sqlc.arg(number)
WHERE project_id = $1 AND branch_id = $2 AND stripe_customer_id = $3 AND applied < sqlc.arg(number);

-- name: RememberStripeEvent :execrows
INSERT INTO stripe_events (project_id, id)
VALUES ($1, $2)
ON CONFLICT ON CONSTRAINT stripe_events_pkey DO NOTHING;

-- name: ForgetStripeEvents :exec
DELETE FROM stripe_events WHERE created_at < now() - interval '30 days';

-- name: SaveInvoice :exec
INSERT INTO subscription_invoices
    (project_id, branch_id, id, customer_type, customer_id, stripe_subscription_id, stripe_invoice_id, is_creation_invoice,
     status, amount_total, hosted_invoice_url, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT ON CONSTRAINT subscription_invoices_stripe_invoice_id_key DO UPDATE
SET status = excluded.status, amount_total = excluded.amount_total, hosted_invoice_url = excluded.hosted_invoice_url,
    is_creation_invoice = excluded.is_creation_invoice;

-- name: InvoicesOfCustomer :many
-- Newest first, from after the one with the id if it is given.
SELECT i.* FROM subscription_invoices i
WHERE i.project_id = $1 AND i.branch_id = $2 AND i.customer_type = $3 AND i.customer_id = $4
  AND (sqlc.narg(after_created_at)::timestamptz IS NULL
       OR (i.created_at, i.id) < (sqlc.narg(after_created_at)::timestamptz, sqlc.narg(after_id)::uuid))
ORDER BY i.created_at DESC, i.id DESC
LIMIT sqlc.arg(count);

-- name: InvoiceOfCustomer :one
SELECT * FROM subscription_invoices
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4 AND id = $5;

-- name: CreationInvoice :one
SELECT * FROM subscription_invoices
WHERE project_id = $1 AND branch_id = $2 AND stripe_subscription_id = $3 AND is_creation_invoice
ORDER BY created_at, id
LIMIT 1;

-- name: SaveProductVersion :exec
INSERT INTO product_versions (project_id, branch_id, id, product_id, product)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT product_versions_pkey DO NOTHING;

-- name: ProductVersion :one
SELECT product FROM product_versions WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: BeginRefund :one
-- The refund of a purchase: the given one unless there is one already.
INSERT INTO refunds (project_id, branch_id, purchase_id, entries, quantity, amount)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT refunds_pkey DO UPDATE SET branch_id = excluded.branch_id
RETURNING entries, quantity, amount, completed_at;

-- name: CompleteRefund :execrows
UPDATE refunds SET completed_at = $4
WHERE project_id = $1 AND branch_id = $2 AND purchase_id = $3 AND completed_at IS NULL;

-- name: AbandonRefund :exec
DELETE FROM refunds WHERE project_id = $1 AND branch_id = $2 AND purchase_id = $3 AND completed_at IS NULL;
