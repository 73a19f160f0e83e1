-- name: ItemAccount :one
-- The account is null when nothing ever happened to it.
SELECT c.deleted_at, a.state
FROM customers c
LEFT JOIN item_accounts a
    ON a.project_id = c.project_id AND a.branch_id = c.branch_id
    AND a.customer_type = c.customer_type AND a.customer_id = c.customer_id AND a.item_id = $5
WHERE c.project_id = $1 AND c.branch_id = $2 AND c.customer_type = $3 AND c.customer_id = $4;

-- name: LockItemAccount :one
SELECT a.state, a.version, c.deleted_at
FROM item_accounts a
JOIN customers c USING (project_id, branch_id, customer_type, customer_id)
WHERE a.project_id = $1 AND a.branch_id = $2 AND a.customer_type = $3 AND a.customer_id = $4 AND a.item_id = $5
FOR UPDATE OF a;

-- name: CreateItemAccounts :exec
INSERT INTO item_accounts (project_id, branch_id, customer_type, customer_id, item_id, balance, state)
SELECT $1, $2, $3, $4, item_id, 0, sqlc.arg(state)
FROM unnest(sqlc.arg(item_ids)::text[]) item_id
ON CONFLICT ON CONSTRAINT item_accounts_pkey DO NOTHING;

-- name: LockItemAccounts :many
-- In one order for everybody, so that nobody waits in a circle.
SELECT item_id, state, version
FROM item_accounts
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4
  AND item_id = ANY (sqlc.arg(item_ids)::text[])
ORDER BY item_id
FOR UPDATE;

-- name: WriteItemAccounts :exec
UPDATE item_accounts a
SET balance = new.balance::numeric, state = new.state::json, version = new.version
FROM (
    SELECT unnest(sqlc.arg(item_ids)::text[]) AS item_id, unnest(sqlc.arg(balances)::text[]) AS balance,
           unnest(sqlc.arg(states)::text[]) AS state, unnest(sqlc.arg(versions)::bigint[]) AS version
) new
WHERE a.project_id = $1 AND a.branch_id = $2 AND a.customer_type = $3 AND a.customer_id = $4 AND a.item_id = new.item_id;

-- name: ItemQuantityChanges :many
SELECT quantity, expires_at, created_at
FROM item_quantity_changes
WHERE project_id = $1 AND branch_id = $2 AND customer_type = $3 AND customer_id = $4 AND item_id = $5
ORDER BY created_at;

-- name: ChangeItemQuantity :exec
WITH entry AS (
    INSERT INTO item_quantity_changes
        (project_id, branch_id, id, customer_type, customer_id, item_id, quantity, description, expires_at, created_at)
    VALUES ($1, $2, sqlc.arg(id), $3, $4, $5, sqlc.arg(quantity), sqlc.narg(description), sqlc.narg(expires_at), sqlc.arg(created_at))
)
UPDATE item_accounts a
SET balance = sqlc.arg(balance)::text::numeric, state = sqlc.arg(state), version = a.version + 1
WHERE a.project_id = $1 AND a.branch_id = $2 AND a.customer_type = $3 AND a.customer_id = $4 AND a.item_id = $5;
