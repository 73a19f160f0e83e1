-- name: SubscriptionsPage :many
SELECT * FROM subscriptions s
WHERE s.project_id = $1 AND s.branch_id = $2
  AND (sqlc.narg(customer_type)::text IS NULL OR s.customer_type = sqlc.narg(customer_type)::text)
  AND (sqlc.narg(after_created_at)::timestamptz IS NULL
       OR (s.created_at, s.id) < (sqlc.narg(after_created_at)::timestamptz, sqlc.narg(after_id)::uuid))
ORDER BY s.created_at DESC, s.id DESC
LIMIT sqlc.arg(count);

-- name: OneTimePurchasesPage :many
SELECT * FROM one_time_purchases p
WHERE p.project_id = $1 AND p.branch_id = $2
  AND (sqlc.narg(customer_type)::text IS NULL OR p.customer_type = sqlc.narg(customer_type)::text)
  AND (sqlc.narg(after_created_at)::timestamptz IS NULL
       OR (p.created_at, p.id) < (sqlc.narg(after_created_at)::timestamptz, sqlc.narg(after_id)::uuid))
ORDER BY p.created_at DESC, p.id DESC
LIMIT sqlc.arg(count);

-- name: ItemQuantityChangesPage :many
SELECT * FROM item_quantity_changes c
WHERE c.project_id = $1 AND c.branch_id = $2
  AND (sqlc.narg(customer_type)::text IS NULL OR c.customer_type = sqlc.narg(customer_type)::text)
  AND (sqlc.narg(after_created_at)::timestamptz IS NULL
       OR (c.created_at, c.id) < (sqlc.narg(after_created_at)::timestamptz, sqlc.narg(after_id)::uuid))
ORDER BY c.created_at DESC, c.id DESC
LIMIT sqlc.arg(count);

-- name: RenewalsPage :many
-- Invoices after the first one, with the subscription they are for.
SELECT sqlc.embed(i), sqlc.embed(s)
FROM subscription_invoices i
JOIN stripe_purchases p ON p.project_id = i.project_id AND p.branch_id = i.branch_id AND p.stripe_id = i.stripe_subscription_id
JOIN subscriptions s ON s.project_id = p.project_id AND s.branch_id = p.branch_id AND s.id = p.purchase_id
WHERE i.project_id = $1 AND i.branch_id = $2 AND NOT i.is_creation_invoice
  AND (sqlc.narg(customer_type)::text IS NULL OR i.customer_type = sqlc.narg(customer_type)::text)
  AND (sqlc.narg(after_created_at)::timestamptz IS NULL
       OR (i.created_at, i.id) < (sqlc.narg(after_created_at)::timestamptz, sqlc.narg(after_id)::uuid))
ORDER BY i.created_at DESC, i.id DESC
LIMIT sqlc.arg(count);

-- name: CompletedRefunds :many
SELECT purchase_id, entries FROM refunds
WHERE project_id = $1 AND branch_id = $2 AND purchase_id = ANY (sqlc.arg(purchase_ids)::uuid[]) AND completed_at IS NOT NULL;
