-- +goose Up
-- Some answers are secret, such as what confirms a payment. What is kept from
-- now on is sealed JSON; answer is then null and goes when nothing reads it any
-- more.
ALTER TABLE idempotency_keys ADD COLUMN sealed_answer bytea;
