-- name: LockCustomer :one
-- Remembers the customer, waits for purchases and deletions that are under way
-- and reports whether there was a deletion.
INSERT INTO customers (project_id, branch_id, customer_type, customer_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT customers_pkey DO UPDATE SET created_at = customers.created_at
RETURNING deleted_at;

-- name: DeleteCustomer :exec
-- Remembers that a user or team is gone. What they bought stays on the books.
INSERT INTO customers (project_id, branch_id, customer_type, customer_id, deleted_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT ON CONSTRAINT customers_pkey DO UPDATE SET deleted_at = coalesce(customers.deleted_at, excluded.deleted_at);

-- name: PurgeProject :exec
WITH
    accounts AS (DELETE FROM item_accounts a WHERE a.project_id = $1),
    changes AS (DELETE FROM item_quantity_changes c WHERE c.project_id = $1),
    subs AS (DELETE FROM subscriptions s WHERE s.project_id = $1),
    purchases AS (DELETE FROM one_time_purchases p WHERE p.project_id = $1),
    invoices AS (DELETE FROM subscription_invoices i WHERE i.project_id = $1),
    claims AS (DELETE FROM stripe_purchases sp WHERE sp.project_id = $1),
    readings AS (DELETE FROM stripe_readings r WHERE r.project_id = $1),
    told AS (DELETE FROM stripe_events e WHERE e.project_id = $1),
    versions AS (DELETE FROM product_versions v WHERE v.project_id = $1),
    returned AS (DELETE FROM refunds f WHERE f.project_id = $1),
    keys AS (DELETE FROM idempotency_keys k WHERE k.project_id = $1),
    stripe AS (DELETE FROM stripe_accounts sa WHERE sa.project_id = $1),
    names AS (DELETE FROM tenancies t WHERE t.project_id = $1)
DELETE FROM customers cu WHERE cu.project_id = $1;

-- name: CustomerDeleted :one
SELECT EXISTS (
    SELECT FROM customers
    WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4 AND deleted_at IS NOT NULL
);
