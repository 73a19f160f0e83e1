-- name: LockCustomer :one
-- Remembers the customer, waits for purchases and deletions that are under way
-- and reports whether there was a deletion.
INSERT INTO customers (project_id, branch_id, customer_type, customer_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT customers_pkey DO UPDATE SET created_at = customers.created_at
RETURNING deleted_at;
