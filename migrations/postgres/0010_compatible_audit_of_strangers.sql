-- Refusals of those who proved nothing are kept for a shorter time than the rest: only they are in this index.
CREATE INDEX audit_unproved_at ON audit (at, position) WHERE kind = 'refusal' AND NOT proved;
