-- What was granted, refused, dealt and reported. One row may stand for several equal refusals.
CREATE TABLE audit (
    position bigint NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('grant', 'refusal', 'deal', 'status')),
    code text NOT NULL,
    hotkey bytea CHECK (length(hotkey) = 32),
    proved boolean NOT NULL,
    subject text,
    request_id text,
    address text,
    times bigint NOT NULL CHECK (times > 0)
);

CREATE INDEX audit_at ON audit (at, position);

CREATE FUNCTION refuse_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();

-- Adds rows of audit given as one JSON list; a function, so that a statement that writes something else adds them too.
CREATE FUNCTION append_audit(entries text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, kind, code, hotkey, proved, subject, request_id, address, times)
    SELECT (entry ->> 0)::bigint, entry ->> 1, entry ->> 2, decode(entry ->> 3, 'hex'), (entry ->> 4) = '1',
        entry ->> 5, entry ->> 6, entry ->> 7, (entry ->> 8)::bigint
    FROM json_array_elements(entries::json) AS entry;
END
$$;
