-- The changes of status of one commit are one row, as the JSON list that they came in: a row each costs as much as the
-- reports themselves. `at` is the latest. What an older binary goes on writing into `audit` counts as well.
CREATE TABLE audit_of_reports (
    position bigint NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL,
    entries text NOT NULL
);

CREATE INDEX audit_of_reports_at ON audit_of_reports (at);

CREATE TRIGGER audit_of_reports_is_append_only BEFORE UPDATE ON audit_of_reports
FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();
